"""Which products may fill which slot: needs of requirements turned into a problem of choice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from design.engine.wording import cents, lifetime_cost, listed
from schemas.design import DraftOrder, Hole, Product
from schemas.intake import Need, Requirement


@dataclass(frozen=True, slots=True)
class Option:
    """A product that may fill its slot: cost in cents, value in hundredths of importance x mean rating."""

    product: Product
    cost: int
    value: int
    serves: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.product.id

    @property
    def slot(self) -> str:
        return self.product.slot


@dataclass(frozen=True, slots=True)
class Problem:
    """Fill every slot of `needed` with one option, other slots only where a chosen product requires them."""

    budget: int
    needed: tuple[str, ...]
    options: tuple[Option, ...]
    incompatible: Mapping[frozenset[str], str]
    """Pairs of product ids to the reason."""
    ruled_out: Mapping[str, str]
    """Products that cannot be chosen at all, with the reason."""
    holes: tuple[Hole, ...]

    def of_slot(self, slot: str) -> tuple[Option, ...]:
        return tuple(o for o in self.options if o.slot == slot)

    def without(self, slots: Iterable[str]) -> "Problem":
        return replace(self, needed=tuple(s for s in self.needed if s not in set(slots)))


_Demand = tuple[Requirement, Need]


def problem_of(order: DraftOrder) -> Problem:
    demands = _demands(order.requirements)
    offered = sorted(order.catalogue.products, key=lambda p: p.id)
    ruled_out = {p.id: "taken out by a revision" for p in offered if p.id in order.excluded_products}
    options: list[Option] = []
    for slot in sorted({p.slot for p in offered}):
        products = [p for p in offered if p.slot == slot and p.id not in ruled_out]
        options += _slot_options(products, demands.get(slot, ()), ruled_out)
    usable = _with_required_slots(options, ruled_out)
    filled = {o.slot for o in usable}
    return Problem(
        budget=cents(order.budget),
        needed=tuple(slot for slot in sorted(demands) if slot in filled),
        options=tuple(usable),
        incompatible={frozenset((i.one, i.other)): i.reason for i in order.catalogue.incompatibilities},
        ruled_out=ruled_out,
        holes=_holes(order.requirements, offered, usable, ruled_out),
    )


def _demands(requirements: Iterable[Requirement]) -> dict[str, list[_Demand]]:
    demands: dict[str, list[_Demand]] = {}
    for requirement in requirements:
        for need in requirement.needs:
            demands.setdefault(need.slot, []).append((requirement, need))
    return demands


def shortcoming(product: Product, need: Need) -> str | None:
    """Why the product does not meet the need; None where it does."""
    lacking = sorted(set(need.features) - set(product.features))
    if lacking:
        return f"lacks {listed(lacking)}"
    for criterion, least in sorted(need.minimum_rating.items()):
        rating = product.ratings.get(criterion)
        if rating is None:
            return f"has no rating for {criterion}"
        if rating < least:
            return f"has {criterion} {rating}, below {least}"
    return None


def _slot_options(
    products: Sequence[Product], demands: Sequence[_Demand], ruled_out: dict[str, str]
) -> list[Option]:
    """The products that meet every need of the slot that can be met; failing that, those that meet some."""
    met = {p.id: [r for r, need in demands if shortcoming(p, need) is None] for p in products}
    if not demands:
        return [_option(p, ()) for p in products]
    attainable = {r.id for served in met.values() for r in served}
    complete = [p for p in products if {r.id for r in met[p.id]} == attainable]
    kept = [p for p in (complete or products) if met[p.id]]
    for product in products:
        if product not in kept:
            ruled_out[product.id] = _first_shortcoming(product, demands, attainable)
    return [_option(p, met[p.id]) for p in kept]


def _option(product: Product, served: Sequence[Requirement]) -> Option:
    ratings = product.ratings.values()
    mean = round(100 * sum(ratings) / len(ratings)) if ratings else 0
    return Option(
        product=product,
        cost=lifetime_cost(product),
        value=mean * sum(r.importance for r in served),
        serves=tuple(r.id for r in served),
    )


def _first_shortcoming(product: Product, demands: Sequence[_Demand], attainable: set[str]) -> str:
    # Needs that some other product meets come first: they are what this product lost by.
    for requirement, need in sorted(demands, key=lambda d: d[0].id not in attainable):
        short = shortcoming(product, need)
        if short is not None:
            return f"does not meet {requirement.id}: {short}"
    return "meets no need"


def _with_required_slots(options: list[Option], ruled_out: dict[str, str]) -> list[Option]:
    """Drop products that require a slot nothing can fill, until none is left that does."""
    while True:
        filled = {o.slot for o in options}
        stuck = [o for o in options if set(o.product.requires_slots) - filled]
        if not stuck:
            return options
        for option in stuck:
            unfilled = sorted(set(option.product.requires_slots) - filled)
            ruled_out[option.id] = f"requires {listed(unfilled)}, which no product can fill"
        options = [o for o in options if o not in stuck]


def _holes(
    requirements: Iterable[Requirement],
    offered: Sequence[Product],
    usable: Sequence[Option],
    ruled_out: Mapping[str, str],
) -> tuple[Hole, ...]:
    served = {(o.slot, key) for o in usable for key in o.serves}
    holes: list[Hole] = []
    for requirement in requirements:
        if not requirement.needs:
            holes.append(
                Hole(requirement=requirement.id, reason="names no slot of the solution that it needs")
            )
        for need in requirement.needs:
            if (need.slot, requirement.id) not in served:
                reason = _hole_reason(need, [p for p in offered if p.slot == need.slot], ruled_out)
                holes.append(Hole(requirement=requirement.id, reason=reason))
    return tuple(holes)


def _hole_reason(need: Need, products: Sequence[Product], ruled_out: Mapping[str, str]) -> str:
    if not products:
        return f"no product is offered for the slot {need.slot}"
    each = (f"{p.id} {shortcoming(p, need) or ruled_out.get(p.id, 'is not usable')}" for p in products[:5])
    return f"no product of the slot {need.slot} meets the minimum: {'; '.join(each)}"
