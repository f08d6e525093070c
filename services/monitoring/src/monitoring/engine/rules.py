"""Alert rules over samples in order of time, with the pending and firing states of Prometheus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.monitoring import Comparison, Point, Rule

SHORTEST_GAP_SECONDS = 300.0
"""Prometheus looks back 5 minutes for a sample before it takes a series for gone."""


class Change(StrEnum):
    PENDING = "pending"
    CLEARED = "cleared"
    FIRED = "fired"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """`since` is when the condition began to hold, for PENDING and FIRED; else it equals `at`."""

    change: Change
    at: datetime
    since: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a rule stands: `since` is set while pending, `newest` is the last sample it saw."""

    since: datetime | None = None
    firing: bool = False
    newest: datetime | None = None


def is_beyond(comparison: Comparison, threshold: float, value: float) -> bool:
    return value > threshold if comparison is Comparison.ABOVE else value < threshold


def tolerated_gap(rule: Rule) -> float:
    """Seconds of silence a pending alert outlives."""
    if rule.max_gap_seconds is not None:
        return rule.max_gap_seconds
    return max(SHORTEST_GAP_SECONDS, 2 * rule.for_seconds)


def evaluate(rule: Rule, progress: Progress, points: Sequence[Point]) -> list[Transition]:
    """What changes as the rule sees `points`, which are in order of time and newer than `progress.newest`.

    A sample that is not beyond the threshold ends what is pending or firing. Silence ends only what is
    pending: a firing alert goes on until a good sample shows its end, since silence is no sign of health.
    """
    transitions: list[Transition] = []
    for point in points:
        for transition in _step(rule, progress, point):
            transitions.append(transition)
            progress = _after(progress, transition)
        progress = Progress(progress.since, progress.firing, point.at)
    return transitions


def told(transitions: Sequence[Transition], limit: int) -> list[Transition]:
    """About `limit` transitions at most: whole episodes from the first on, and the one open at the end."""
    if len(transitions) <= limit:
        return list(transitions)
    ends = [n for n, t in enumerate(transitions, start=1) if t.change in (Change.CLEARED, Change.RESOLVED)]
    first = max((end for end in ends if end <= limit), default=0)
    return [*transitions[:first], *transitions[max(ends) :]]


def _step(rule: Rule, progress: Progress, point: Point) -> Iterator[Transition]:
    beyond = is_beyond(rule.comparison, rule.threshold, point.value)
    if progress.firing:
        if not beyond:
            yield Transition(Change.RESOLVED, point.at, point.at, point.value)
        return
    since = progress.since
    if since is not None and (not beyond or _gap(progress.newest, point.at) > tolerated_gap(rule)):
        yield Transition(Change.CLEARED, point.at, point.at, point.value)
        since = None
    if not beyond:
        return
    if since is None and rule.for_seconds > 0:
        yield Transition(Change.PENDING, point.at, point.at, point.value)
    since = since or point.at
    if (point.at - since).total_seconds() >= rule.for_seconds:
        yield Transition(Change.FIRED, point.at, since, point.value)


def _gap(newest: datetime | None, at: datetime) -> float:
    return (at - newest).total_seconds() if newest else 0.0


def _after(progress: Progress, transition: Transition) -> Progress:
    match transition.change:
        case Change.PENDING:
            return Progress(transition.since, False, progress.newest)
        case Change.FIRED:
            return Progress(None, True, progress.newest)
        case _:
            return Progress(None, False, progress.newest)
