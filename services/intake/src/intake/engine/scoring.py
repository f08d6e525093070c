"""Weighted scores, quadrants and ranks of requirements."""

from bisect import bisect_left
from collections.abc import Iterable

from schemas.intake import Formula, Quadrant, Requirement, Score

_SIZE_LIMITS = (5, 15, 40, 100)
"""Largest effort, in person days, of size classes 1 to 4; anything more is class 5."""
_HIGH = 4


def size_class(effort_days: int) -> int:
    """1 (a week of work at most) to 5 (more than 100 person days)."""
    return 1 + bisect_left(_SIZE_LIMITS, effort_days)


def quadrant(requirement: Requirement) -> Quadrant:
    important, urgent = requirement.importance >= _HIGH, requirement.urgency >= _HIGH
    if important:
        return Quadrant.DO_FIRST if urgent else Quadrant.SCHEDULE
    return Quadrant.QUICK_WIN if urgent else Quadrant.LATER


def weighted(formula: Formula, requirement: Requirement) -> float:
    """The score, between 1 and 5 where the weights sum to 1."""
    total = (
        formula.importance * requirement.importance
        + formula.urgency * requirement.urgency
        + formula.ease * (6 - size_class(requirement.effort_days))
    )
    # Rounded before ranking: equal scores must tie whatever order the floats were added in.
    return round(total, 6)


def scores(formula: Formula, requirements: Iterable[Requirement]) -> tuple[Score, ...]:
    """Scores by rank, best first; ties are broken by id, so equal input gives equal output."""
    ordered = sorted(requirements, key=lambda r: (-weighted(formula, r), r.id))
    return tuple(
        Score(requirement=r.id, quadrant=quadrant(r), score=weighted(formula, r), rank=rank)
        for rank, r in enumerate(ordered, start=1)
    )
