"""The markets: choosing the best of each slot fails, choosing together succeeds."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from runtime.engagement_file import load
from schemas.design import Catalogue, Product
from schemas.engagement_file import EngagementFile

SIZES = {"rheintal-order-system": (50, 11, 22), "harbour-clinic-identity": (18, 6, 7)}


@pytest.fixture
def file(folder: Path) -> EngagementFile:
    return load(folder / "engagement.yaml")


@pytest.fixture
def catalogue(file: EngagementFile) -> Catalogue:
    assert isinstance(file.catalogue, Catalogue)
    return file.catalogue


def test_market_has_the_promised_size(folder: Path, catalogue: Catalogue) -> None:
    slots = {product.slot for product in catalogue.products}

    assert (len(catalogue.products), len(slots), len(catalogue.incompatibilities)) == SIZES[folder.name]


def test_every_slot_that_is_needed_or_required_is_offered(file: EngagementFile, catalogue: Catalogue) -> None:
    offered = {product.slot for product in catalogue.products}

    assert {slot for product in catalogue.products for slot in product.requires_slots} <= offered
    assert set(candidates(file, catalogue)) == offered


def test_products_are_rated_by_the_four_criteria(catalogue: Catalogue) -> None:
    criteria = {"maturity", "stability", "scalability", "compatibility"}

    assert not [product.id for product in catalogue.products if set(product.ratings) != criteria]
    assert not [product.id for product in catalogue.products if not product.effort_days]


def test_the_best_rated_of_each_slot_are_too_dear_and_refuse_each_other(
    file: EngagementFile, catalogue: Catalogue
) -> None:
    best = [max(options, key=rating) for options in candidates(file, catalogue).values()]

    assert sum(cost(product) for product in best) > file.engagement.budget
    assert clashes(catalogue, best)


def test_a_compatible_choice_within_the_budget_exists(file: EngagementFile, catalogue: Catalogue) -> None:
    options = list(candidates(file, catalogue).values())

    found = next(choices(catalogue, options, file.engagement.budget, []), None)

    assert found is not None
    assert len(found) == len(options)
    assert sum(cost(product) for product in found) <= file.engagement.budget
    assert not clashes(catalogue, found)


def test_people_of_the_file_lack_a_role_only_where_the_story_needs_it(
    folder: Path, file: EngagementFile, catalogue: Catalogue
) -> None:
    wanted = {role for product in catalogue.products for role in product.effort_days}
    had = {role for person in file.people for role in person.roles}

    lacking = {"rheintal-order-system": {"security_engineer"}, "harbour-clinic-identity": set[str]()}
    assert wanted - had == lacking[folder.name]
    assert {"project_manager", "engineer", "dba", "trainer"} <= had


def candidates(file: EngagementFile, catalogue: Catalogue) -> dict[str, list[Product]]:
    """Slot to the products that meet every need of it."""
    needs = [need for requirement in file.requirements for need in requirement.needs]
    return {
        slot: [
            product
            for product in catalogue.products
            if product.slot == slot
            and all(set(need.features) <= set(product.features) for need in needs if need.slot == slot)
            and all(
                product.ratings[criterion] >= least
                for need in needs
                if need.slot == slot
                for criterion, least in need.minimum_rating.items()
            )
        ]
        for slot in sorted({need.slot for need in needs})
    }


def choices(
    catalogue: Catalogue, options: Sequence[Sequence[Product]], left: Decimal, chosen: list[Product]
) -> Iterator[list[Product]]:
    """Every complete choice, by depth-first search that gives up what cannot be paid or combined."""
    if len(chosen) == len(options):
        yield list(chosen)
        return
    least_for_rest = sum(min(cost(p) for p in slot) for slot in options[len(chosen) + 1 :])
    for product in options[len(chosen)]:
        if cost(product) + least_for_rest <= left and not clashes(catalogue, [*chosen, product]):
            yield from choices(catalogue, options, left - cost(product), [*chosen, product])


def clashes(catalogue: Catalogue, chosen: Sequence[Product]) -> list[str]:
    ids = {product.id for product in chosen}
    return [pair.reason for pair in catalogue.incompatibilities if {pair.one, pair.other} <= ids]


def cost(product: Product) -> Decimal:
    return product.price + 3 * product.yearly_cost


def rating(product: Product) -> float:
    return sum(product.ratings.values()) / len(product.ratings)
