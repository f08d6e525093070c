"""The choice of products: equal to an exhaustive search, and explained."""

import itertools
import random
from decimal import Decimal

import pytest

from design.engine.drafting import Infeasible, draft
from design.engine.options import problem_of
from design.engine.selection import best
from schemas.design import Layer, Product, Proposal
from schemas.intake import Need, Requirement

SLOTS = ("database", "erp", "network", "portal", "storage")
FEATURES = ("audit", "backup", "sso")


def _random_order(build, seed: int):
    rng = random.Random(seed)
    products = tuple(
        Product(
            id=f"{slot}-{n}",
            name=f"{slot} {n}",
            vendor=rng.choice("ABC"),
            slot=slot,
            layer=rng.choice(list(Layer)),
            price=Decimal(rng.randint(10, 100)),
            yearly_cost=Decimal(rng.randint(0, 20)),
            ratings={c: rng.randint(1, 5) for c in ("maturity", "stability", "scalability")},
            features=tuple(f for f in FEATURES if rng.random() < 0.6),
            requires_slots=tuple(s for s in SLOTS if s != slot and rng.random() < 0.1),
        )
        for slot in SLOTS
        for n in range(rng.randint(1, 4))
    )
    pairs = list(itertools.combinations([p.id for p in products], 2))
    apart = tuple(rng.sample(pairs, k=min(len(pairs), rng.randint(0, 8))))
    requirements = tuple(
        Requirement(
            id=f"r{n}",
            title="A requirement",
            description="What.",
            importance=rng.randint(1, 5),
            urgency=3,
            effort_days=5,
            needs=tuple(
                Need(
                    slot=slot,
                    features=tuple(f for f in FEATURES if rng.random() < 0.25),
                    minimum_rating={"maturity": rng.randint(1, 3)} if rng.random() < 0.5 else {},
                )
                for slot in rng.sample(SLOTS, k=rng.randint(1, 2))
            ),
        )
        for n in range(rng.randint(1, 4))
    )
    budget = Decimal(rng.randint(100, 500))
    return build.order(*products, apart=apart, requirements=requirements, budget=budget)


def _meets(product: Product, need: Need) -> bool:
    return set(need.features) <= set(product.features) and all(
        product.ratings.get(c, 0) >= least for c, least in need.minimum_rating.items()
    )


def _exhaustive(order) -> tuple[int, int] | None:
    """Best (value, -cost) over every combination, written apart from the engine."""
    usable = [p for p in order.catalogue.products if p.id not in order.excluded_products]
    demands: dict[str, list[tuple[Requirement, Need]]] = {}
    for requirement in order.requirements:
        for need in requirement.needs:
            demands.setdefault(need.slot, []).append((requirement, need))
    served = {
        p.id: {r.id: r.importance for r, need in demands.get(p.slot, []) if _meets(p, need)} for p in usable
    }
    allowed = []
    for product in usable:
        rivals = [p for p in usable if p.slot == product.slot]
        attainable = set().union(*(served[p.id].keys() for p in rivals))
        somebody_meets_all = any(served[p.id].keys() == attainable for p in rivals)
        meets_enough = served[product.id].keys() == attainable or not somebody_meets_all
        if product.slot not in demands or (served[product.id] and meets_enough):
            allowed.append(product)
    while stuck := [p for p in allowed if not set(p.requires_slots) <= {q.slot for q in allowed}]:
        allowed = [p for p in allowed if p not in stuck]
    by_slot = {slot: [p for p in allowed if p.slot == slot] for slot in SLOTS}
    needed = [slot for slot in SLOTS if slot in demands and by_slot[slot]]
    choices = [by_slot[s] if s in needed else [None, *by_slot[s]] for s in SLOTS]
    apart = [{i.one, i.other} for i in order.catalogue.incompatibilities]
    found = []
    for combination in itertools.product(*choices):
        chosen = [p for p in combination if p is not None]
        slots, ids = {p.slot for p in chosen}, {p.id for p in chosen}
        required = {s for p in chosen for s in p.requires_slots}
        cost = sum(p.price + 3 * p.yearly_cost for p in chosen)
        if (
            required <= slots
            and slots <= set(needed) | required
            and not any(pair <= ids for pair in apart)
            and cost <= order.budget
        ):
            value = sum(
                round(100 * sum(p.ratings.values()) / len(p.ratings)) * sum(served[p.id].values())
                for p in chosen
            )
            found.append((value, -int(cost * 100)))
    return max(found) if needed and found else None


def test_choice_equals_exhaustive_search_on_random_catalogues(build):
    feasible = 0
    for seed in range(150):
        order = _random_order(build, seed)
        expected = _exhaustive(order)
        problem = problem_of(order)

        choice = best(problem) if problem.needed else None

        found = None if choice is None else (choice.value, -choice.cost)
        assert found == expected, f"seed {seed}"
        assert choice is None or choice.optimal
        feasible += expected is not None
    assert 40 < feasible < 140, "the cases must be neither all feasible nor all infeasible"


def test_equal_orders_give_equal_proposals(build):
    for seed in range(8):
        first, second = (draft(_random_order(build, seed)) for _ in range(2))

        assert type(first) is type(second)
        if isinstance(first, Proposal):
            assert first.model_dump_json() == second.model_dump_json()
        else:
            assert first == second


def test_order_of_products_in_the_catalogue_does_not_matter(build):
    products = build.products()

    assert draft(build.order(*products)) == draft(build.order(*products[::-1]))


def test_every_product_is_selected_or_rejected_and_every_requirement_covered_or_a_hole(build):
    for seed in range(30):
        order = _random_order(build, seed)
        made = draft(order)
        if isinstance(made, Infeasible):
            continue
        named = [s.product for s in made.selections] + [r.product for r in made.rejected_options]
        assert sorted(named) == sorted(p.id for p in order.catalogue.products)
        told = {c.requirement for c in made.coverage} | {h.requirement for h in made.holes}
        assert told == {r.id for r in order.requirements}
        assert made.total_cost == sum(s.cost for s in made.selections) <= made.budget


def _proposal(made) -> Proposal:
    assert isinstance(made, Proposal), made
    return made


def _rejection(made, product: str) -> str:
    return next(r.reason for r in _proposal(made).rejected_options if r.product == product)


def _selection(made, slot: str):
    return next(s for s in _proposal(made).selections if s.slot == slot)


def test_best_value_is_chosen_and_says_by_how_much(build):
    made = draft(build.order())

    assert [(s.slot, s.product, s.value) for s in made.selections] == [
        ("database", "pgsql", 15.0),
        ("erp", "alpha", 20.0),
    ]
    assert made.total_value == 35.0
    assert made.total_cost == Decimal("4500.00")
    assert _selection(made, "erp").reason == (
        "Meets r1 with value 20.00 at 4,000.00 EUR over three years;"
        " the next best, beta, would lower the total value by 5.00."
    )
    assert _rejection(made, "beta") == "lower value: the best choice with it is worth 5.00 less"


def test_three_years_of_running_cost_count(build):
    dear = build.product("dear", "erp", Decimal("100.01"), 5, yearly_cost=Decimal("3300.00"))
    cheap = build.product("cheap", "erp", 100, 1, yearly_cost=Decimal("3300.00"))
    one = build.requirement("r1", "erp")

    made = draft(build.order(dear, cheap, requirements=(one,)))

    assert _selection(made, "erp").product == "cheap"
    assert made.total_cost == Decimal("10000.00")
    assert _rejection(made, "dear") == (
        "dearer than the budget allows: the cheapest choice with it is 0.01 EUR over"
    )


def test_incompatible_products_are_not_chosen_together(build):
    made = draft(build.order(apart=(("alpha", "pgsql"),)))

    assert [s.product for s in made.selections] == ["pgsql", "beta"]
    assert _rejection(made, "alpha") == (
        "incompatible with pgsql (no driver); lower value: the best choice with it is worth 4.00 less"
    )


def test_a_product_incompatible_with_everything_says_so(build):
    made = draft(build.order(apart=(("alpha", "pgsql"), ("alpha", "filedb"))))

    assert _rejection(made, "alpha") == (
        "incompatible with pgsql (no driver); incompatible with every way to fill the other slots"
    )


def test_a_slot_required_by_a_chosen_product_is_filled_at_least_cost(build):
    made = draft(build.order(requirements=(build.requirement("r1", "erp"),)))

    database = _selection(made, "database")
    assert (database.product, database.value, database.serves) == ("filedb", 0.0, ("r1",))
    assert database.reason == "Required by alpha; the cheapest way to a complete choice, at 100.00 EUR."
    assert _rejection(made, "pgsql") == "dearer by 400.00 EUR for the same value"


def test_a_slot_that_nothing_needs_stays_empty(build):
    portal = build.product("portal", "portal", price=0)

    made = draft(build.order(*build.products(), portal))

    assert {s.slot for s in made.selections} == {"database", "erp"}
    assert _rejection(made, "portal") == "no requirement and no chosen product needs the slot portal"


def test_a_slot_that_nothing_needs_cannot_be_forced_open(build):
    problem = problem_of(build.order(*build.products(), build.product("portal", "portal", price=0)))

    assert best(problem, forced="portal") is None
    assert best(problem, forced="filedb") is not None


def test_excluded_products_are_not_chosen(build):
    made = draft(build.order(excluded_products=("alpha",)))

    assert _selection(made, "erp").product == "beta"
    assert _rejection(made, "alpha") == "taken out by a revision"


def test_minimums_are_kept_even_where_a_better_value_breaks_them(build):
    strict = build.requirement("r1", "erp", features=("sso",), minimum_rating={"maturity": 3})
    products = (
        build.product("grand", "erp", rating=5),
        build.product("young", "erp", rating=2, features=("sso",)),
        build.product("solid", "erp", rating=3, features=("sso",)),
    )

    made = draft(build.order(*products, requirements=(strict,)))

    assert _selection(made, "erp").product == "solid"
    assert _rejection(made, "grand") == "does not meet r1: lacks sso"
    assert _rejection(made, "young") == "does not meet r1: has maturity 2, below 3"


class TestHoles:
    def test_a_need_no_product_meets_is_a_hole_and_the_rest_is_drafted(self, build):
        strict = build.requirement("r3", "erp", minimum_rating={"maturity": 5})

        made = draft(build.order(requirements=(build.requirement("r1", "erp"), strict)))

        assert [(h.requirement, h.reason) for h in made.holes] == [
            (
                "r3",
                "no product of the slot erp meets the minimum:"
                " alpha has maturity 4, below 5; beta has maturity 3, below 5",
            )
        ]
        assert [c.requirement for c in made.coverage] == ["r1"]

    def test_a_slot_without_products_is_a_hole(self, build):
        made = draft(build.order(requirements=(build.requirement("r1", "erp", "crm"),)))

        assert [(h.requirement, h.reason) for h in made.holes] == [
            ("r1", "no product is offered for the slot crm")
        ]
        assert [c.requirement for c in made.coverage] == ["r1"]

    def test_a_requirement_without_needs_is_a_hole(self, build):
        made = draft(build.order(requirements=(build.requirement("r1", "erp"), build.requirement("r2"))))

        assert [h.requirement for h in made.holes] == ["r2"]

    def test_needs_that_no_one_product_meets_go_to_the_more_important(self, build):
        audit = build.requirement("r1", "erp", importance=5, features=("audit",))
        sso = build.requirement("r2", "erp", importance=2, features=("sso",))
        products = (
            build.product("x", "erp", features=("audit",)),
            build.product("y", "erp", features=("sso",)),
        )

        made = draft(build.order(*products, requirements=(audit, sso)))

        assert _selection(made, "erp").product == "x"
        assert [(h.requirement, h.reason) for h in made.holes] == [
            ("r2", "x, chosen for erp, meets other needs but not this one")
        ]

    def test_a_required_slot_that_nothing_fills_rules_the_product_out(self, build):
        stuck = build.product("stuck", "erp", rating=5, requires_slots=("gpu",))

        made = draft(build.order(*build.products(), stuck))

        assert _selection(made, "erp").product == "alpha"
        assert _rejection(made, "stuck") == "requires gpu, which no product can fill"


class TestInfeasible:
    def test_names_the_cheapest_cost_and_the_budget(self, build):
        made = draft(build.order(budget=Decimal("1000.00")))

        assert made == Infeasible(
            (
                "the cheapest compatible choice costs 2,100.00 EUR over three years;"
                " the budget is 1,000.00 EUR, 1,100.00 EUR too little:"
                " database 100.00 EUR (filedb), erp 2,000.00 EUR (beta)",
                "without the slot erp it would fit, at 100.00 EUR",
            )
        )

    def test_names_the_slots_that_cannot_be_filled_together(self, build):
        products = (build.product("a", "erp"), build.product("b", "database"), build.product("c", "portal"))
        requirements = (build.requirement("r1", "erp", "database", "portal"),)

        made = draft(build.order(*products, apart=(("a", "b"),), requirements=requirements))

        assert made == Infeasible(
            ("the slots database, erp cannot be filled together; incompatible are a with b (no driver)",)
        )

    def test_names_the_needs_when_no_slot_can_be_filled(self, build):
        strict = build.requirement("r1", "erp", minimum_rating={"maturity": 5})

        made = draft(build.order(requirements=(strict,)))

        assert isinstance(made, Infeasible)
        assert made.conflicts == (
            "r1: no product of the slot erp meets the minimum:"
            " alpha has maturity 4, below 5; beta has maturity 3, below 5",
        )


@pytest.mark.parametrize("seed", range(3))
def test_a_large_catalogue_is_drafted_within_seconds(build, seed):
    rng = random.Random(seed)
    slots = [f"slot{n}" for n in range(10)]
    products = tuple(
        build.product(f"{slot}-{n}", slot, rng.randint(100, 3000), rng.randint(1, 5))
        for slot in slots
        for n in range(8)
    )
    requirements = tuple(
        build.requirement(f"r{n}", slot, importance=rng.randint(1, 5)) for n, slot in enumerate(slots)
    )

    made = draft(build.order(*products, requirements=requirements))

    assert _proposal(made).optimal
    assert len(made.selections) == 10
