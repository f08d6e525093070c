"""What feedback knows of one engagement: contracts, measurements, tickets, satisfaction, measures."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.base import Moment, Ref, Text, Value
from schemas.feedback import AdoptedKpi, Improvement, OutcomeEvaluated, Stage, SurveyKind


class Contract(Value):
    """`sequence` is the number of the event that adopted it, to be cited as the reason of a measure."""

    adopted: AdoptedKpi
    cycle: int
    sequence: int
    agreed_at: Moment | None = None


class Series(Value):
    """Newest measurements of a metric, in order of arrival: seconds since 1970 and value."""

    units: tuple[Text, ...] = ()
    points: tuple[tuple[float, float], ...] = ()


class Ticket(Value):
    """Digests stand for texts that are compared but never shown from here."""

    sequence: int
    requirement: Ref | None = None
    resolved: bool = False
    solution: str | None = None
    last_answer: str | None = None


class Standing(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Measure(Value):
    """An improvement and the evidence behind it: a value outside `low`..`high` later is news."""

    improvement: Improvement
    finding: str
    cycle: int
    low: float | None = None
    high: float | None = None
    standing: Standing = Standing.PROPOSED

    def covers(self, value: float) -> bool:
        return not (
            (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        )


class State(Value):
    """Fold of feedback's own events; `folded` counts all of them, so it is the sequence of the newest."""

    folded: int = 0
    cycle: int = 0
    contracts: dict[Ref, Contract] = Field(default={})
    components: dict[Ref, Text] = Field(default={})
    serves: dict[Ref, tuple[Ref, ...]] = Field(default={}, description="component to requirements it covers")
    live: tuple[Moment, ...] = ()
    series: dict[Ref, Series] = Field(default={})
    tickets: dict[Ref, Ticket] = Field(default={})
    threads: dict[str, Ref] = Field(default={})
    surveys: tuple[Ref, ...] = ()
    scores: dict[str, dict[int, int]] = Field(default={})
    measured: dict[str, int] = Field(default={})
    outcomes: dict[Ref, OutcomeEvaluated] = Field(default={})
    measures: dict[Ref, Measure] = Field(default={})

    def went_live(self, contract: Contract) -> datetime | None:
        """The first go-live since the contract was agreed."""
        agreed_at = contract.agreed_at
        moments = [moment for moment in self.live if agreed_at is None or moment >= agreed_at]
        return min(moments, default=None)

    def requirement_titles(self) -> dict[Ref, Text]:
        return {name: contract.adopted.title for name, contract in self.contracts.items()}

    def metrics(self) -> set[Ref]:
        return {contract.adopted.kpi.metric for contract in self.contracts.values()}


def score_key(stage: Stage, kind: SurveyKind, role: Ref) -> str:
    # Neither a stage, a kind nor a Ref contains a slash.
    return f"{stage.value}/{kind.value}/{role}"


def scores_of(state: State, stage: Stage, kind: SurveyKind) -> dict[Ref, dict[int, int]]:
    """Respondents' role to histogram."""
    prefix = f"{stage.value}/{kind.value}/"
    return {
        key.removeprefix(prefix): histogram
        for key, histogram in state.scores.items()
        if key.startswith(prefix)
    }


def pooled(histograms: dict[Ref, dict[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for histogram in histograms.values():
        for score, count in histogram.items():
            total[score] = total.get(score, 0) + count
    return total
