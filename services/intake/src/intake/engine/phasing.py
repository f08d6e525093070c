"""Phases with milestones out of scored requirements."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate

from schemas.intake import Phase, Quadrant, Requirement, Score

_TITLES = {
    Quadrant.DO_FIRST: "Important and urgent",
    Quadrant.SCHEDULE: "Important, to be scheduled",
    Quadrant.QUICK_WIN: "Urgent quick wins",
    Quadrant.LATER: "Later",
}
_OUTCOMES_NAMED = 12


def phases(
    requirements: Mapping[str, Requirement], scores: Sequence[Score], start_on: date, target_on: date
) -> tuple[Phase, ...]:
    """One phase per quadrant in use: important and urgent first, the others by their mean score.

    Milestones share the time between `start_on` and `target_on` by effort; the last is `target_on`.
    """
    groups = _groups(scores)
    efforts = [sum(requirements[s.requirement].effort_days for s in group) for group in groups]
    milestones = _milestones(efforts, start_on, target_on)
    return tuple(
        Phase(
            number=number,
            title=_TITLES[group[0].quadrant],
            requirements=tuple(s.requirement for s in group),
            expected_outcome=_outcome([requirements[s.requirement] for s in group]),
            milestone_on=milestone,
        )
        for number, (group, milestone) in enumerate(zip(groups, milestones, strict=True), start=1)
    )


def _groups(scores: Sequence[Score]) -> list[list[Score]]:
    by_quadrant: dict[Quadrant, list[Score]] = {}
    for score in sorted(scores, key=lambda s: s.rank):
        by_quadrant.setdefault(score.quadrant, []).append(score)
    return sorted(by_quadrant.values(), key=_precedence)


def _precedence(group: Sequence[Score]) -> tuple[bool, float, int]:
    mean = sum(s.score for s in group) / len(group)
    return group[0].quadrant is not Quadrant.DO_FIRST, -mean, group[0].rank


def _milestones(efforts: Sequence[int], start_on: date, target_on: date) -> list[date]:
    days, total = (target_on - start_on).days, sum(efforts)
    # Rounded up, so that even the smallest first phase gets a day of its own.
    return [start_on + timedelta(days=-(-days * done // total)) for done in accumulate(efforts)]


def _outcome(requirements: Iterable[Requirement]) -> str:
    sentences = [_sentence(r) for r in requirements]
    more = len(sentences) - _OUTCOMES_NAMED
    return " ".join(sentences[:_OUTCOMES_NAMED] + ([f"And {more} more."] if more > 0 else []))


def _sentence(requirement: Requirement) -> str:
    kpi = requirement.kpi
    if kpi is None:
        return f"{requirement.title}: delivered."
    return (
        f"{requirement.title}: {kpi.metric} from {kpi.baseline:g} to {kpi.target:g} {kpi.unit}"
        f" by {kpi.due_on.isoformat()}."
    )
