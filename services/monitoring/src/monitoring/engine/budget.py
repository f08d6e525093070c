"""Error budgets: good and total samples per day, and what is left of what an objective allows to go wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Protocol

from monitoring.engine.rules import is_beyond
from schemas.monitoring import Point, Slo

Days = Mapping[str, tuple[int, int]]
"""ISO date (UTC) to good and total samples of that day."""


class Tracked(Protocol):
    @property
    def slo(self) -> Slo: ...
    @property
    def days(self) -> dict[str, tuple[int, int]]: ...


@dataclass(frozen=True, slots=True)
class Budget:
    """`remaining` is the unspent share of the error budget: 1 untouched, 0 used up, negative overspent."""

    good: int
    total: int
    attained: float
    remaining: float


def tally(slo: Slo, points: Sequence[Point]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for point in points:
        day = point.at.astimezone(UTC).date().isoformat()
        good, total = counts.get(day, (0, 0))
        counts[day] = (good + (not is_beyond(slo.comparison, slo.threshold, point.value)), total + 1)
    return counts


def merge(tracked: Tracked, added: Days) -> dict[str, tuple[int, int]]:
    """The tracked days with `added` ones, kept to the window that ends on the newest day."""
    merged = dict(tracked.days)
    for day, (good, total) in added.items():
        before = merged.get(day, (0, 0))
        merged[day] = (before[0] + good, before[1] + total)
    return dict(_within(merged, tracked.slo.window_days))


def _within(days: Days, window_days: int) -> Iterable[tuple[str, tuple[int, int]]]:
    if not days:
        return []
    first = date.fromisoformat(max(days)) - timedelta(days=window_days - 1)
    return sorted((day, counts) for day, counts in days.items() if date.fromisoformat(day) >= first)


def measure(objective: float, days: Days) -> Budget:
    """Raises ZeroDivisionError without samples: an empty window attains nothing and loses nothing."""
    good = sum(counts[0] for counts in days.values())
    total = sum(counts[1] for counts in days.values())
    spent = (total - good) / (total * (1 - objective))
    # 1 - 0.99 is not 0.01 in binary; nobody reads a budget beyond the ninth digit.
    return Budget(good, total, round(good / total, 9), round(1 - spent, 9))
