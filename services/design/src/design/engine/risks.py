"""Risks that follow from facts of a draft, each by one rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from design.engine.options import Option
from design.engine.wording import listed, prose, short_ref, text
from schemas.design import Hole, Risk

_LOW_RATING = 2
_THIN_BUDGET_SHARE = 0.05
_THIN_FLOAT_DAYS = 10
_VENDOR_SHARE = 0.6
_LOADED_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at; money in cents, `days_left` working days between finish and target."""

    options: Sequence[Option]
    holes: Sequence[Hole]
    budget: int
    cost: int
    finish_on: date
    target_on: date
    days_left: int
    makespan: int
    load: dict[str, int]
    """Role to person days of work."""
    team: dict[str, int]


def risks(facts: Facts) -> tuple[Risk, ...]:
    """Most severe first."""
    found = [
        *_low_ratings(facts),
        *_budget(facts),
        *_schedule(facts),
        *_vendor(facts),
        *_people(facts),
        *_gaps(facts),
    ]
    return tuple(sorted(found, key=lambda r: (-r.likelihood * r.impact, r.id)))


def _risk(id: str, title: str, likelihood: int, impact: int, treatment: str, owner: str) -> Risk:
    return Risk(
        id=id,
        title=text(title),
        likelihood=likelihood,
        impact=impact,
        treatment=prose(treatment),
        owner_role=owner,
    )


def _low_ratings(facts: Facts) -> Iterable[Risk]:
    for option in facts.options:
        for criterion in ("maturity", "stability"):
            rating = option.product.ratings.get(criterion)
            if rating is not None and rating <= _LOW_RATING:
                yield _risk(
                    short_ref(criterion, option.slot),
                    f"{option.product.name} has a {criterion} of only {rating} of 5",
                    5 - rating,
                    4,
                    f"Try {option.id} out before anything depends on it; keep a second choice ready.",
                    "engineer",
                )


def _budget(facts: Facts) -> Iterable[Risk]:
    slack = facts.budget - facts.cost
    if slack < _THIN_BUDGET_SHARE * facts.budget:
        share = slack / facts.budget
        yield _risk(
            "budget-slack",
            f"Only {share:.1%} of the budget is left for surprises",
            4 if share < _THIN_BUDGET_SHARE / 2 else 3,
            4,
            "Agree prices in writing before the order; name what would be left out first.",
            "project_manager",
        )


def _schedule(facts: Facts) -> Iterable[Risk]:
    if facts.finish_on > facts.target_on:
        late = (facts.finish_on - facts.target_on).days
        yield _risk(
            "late-finish",
            f"The plan ends on {facts.finish_on}, {late} days after the target of {facts.target_on}",
            5,
            4,
            "Move the target, start earlier, or leave out the requirement that the longest chain serves.",
            "project_manager",
        )
    elif facts.days_left < _THIN_FLOAT_DAYS:
        yield _risk(
            "little-float",
            f"Working days left between the end of the plan and the target: {facts.days_left}",
            3,
            3,
            "Watch the critical tasks weekly and report the first slip.",
            "project_manager",
        )


def _vendor(facts: Facts) -> Iterable[Risk]:
    shares: dict[str, int] = {}
    for option in facts.options:
        shares[option.product.vendor] = shares.get(option.product.vendor, 0) + option.cost
    vendor, cost = max(sorted(shares.items()), key=lambda item: item[1])
    if len(facts.options) > 1 and facts.cost and cost / facts.cost > _VENDOR_SHARE:
        yield _risk(
            "single-vendor",
            f"{vendor} takes {cost / facts.cost:.0%} of the cost",
            2,
            4,
            f"Agree with {vendor} on export of all data in an open format and on notice periods.",
            "project_manager",
        )


def _people(facts: Facts) -> Iterable[Risk]:
    for role, days in sorted(facts.load.items()):
        if facts.team[role] == 1 and days > _LOADED_SHARE * facts.makespan:
            yield _risk(
                short_ref("one-person", role),
                f"One {role} carries {days} of {facts.makespan} days",
                3,
                3,
                f"Name a stand-in for the {role} before the kickoff.",
                "project_manager",
            )


def _gaps(facts: Facts) -> Iterable[Risk]:
    uncovered = sorted({hole.requirement for hole in facts.holes})
    if uncovered:
        yield _risk(
            "holes",
            f"Needs of {len(uncovered)} requirements are met by nothing in the design",
            5,
            3,
            f"Offer products for them or agree to leave them out: {listed(uncovered)}.",
            "project_manager",
        )
