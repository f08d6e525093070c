"""From single checks to what is worth telling: a change between up and down, and a summary now and then."""

from schemas.base import Value

DOWN_AFTER = 2
"""Failures in a row before a probe counts as down: one lost packet pages nobody."""
SUMMARY_AFTER = 20
"""Checks without a change before a summary is told."""


class Check(Value):
    up: bool
    ms: float
    detail: str


class Tally(Value):
    """What was counted since the last report; plain JSON values, so that it is a checkpoint."""

    up: bool | None = None
    failing: int = 0
    checks: int = 0
    failures: int = 0
    total_ms: float = 0.0
    reports: int = 0

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.checks if self.checks else 0.0

    def next_round(self) -> "Tally":
        return Tally(up=self.up, failing=self.failing, reports=self.reports + 1)


def count(tally: Tally, check: Check) -> tuple[Tally, bool]:
    """The tally with one more check, and whether it is time to report it."""
    failing = 0 if check.up else tally.failing + 1
    up = True if check.up else (False if failing >= DOWN_AFTER else tally.up)
    counted = Tally(
        up=up,
        failing=failing,
        checks=tally.checks + 1,
        failures=tally.failures + (not check.up),
        total_ms=tally.total_ms + check.ms,
        reports=tally.reports,
    )
    return counted, up is not None and (up != tally.up or counted.checks >= SUMMARY_AFTER)
