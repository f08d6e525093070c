"""What calls for a measure: a KPI not shown, an unhappy stage, recurring tickets; each with its evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from feedback.engine.satisfaction import summary
from feedback.model.state import Contract, State, pooled, scores_of
from schemas.base import Ref
from schemas.feedback import OutcomeEvaluated, Stage, SurveyKind, Verdict
from schemas.intake import Because, Kpi, Requirement
from schemas.rules import Context

LOW_CSAT = 3.5
VERY_LOW_CSAT = 2.5
MANY_TICKETS = 3
TICKETS_CITED = 20
TIME_FOR_MORE = timedelta(days=90)
"""How much later than the missed date, or today, the drafted KPI is due."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` says what it is about, `value` how bad it is; a later value outside `band` is news."""

    key: str
    value: float
    band: tuple[float | None, float | None]
    title: str
    requirement: Requirement
    because: tuple[Because, ...]
    expected_benefit: str
    owner: Ref


def findings(state: State, outcomes: Sequence[OutcomeEvaluated], context: Context) -> Iterable[Finding]:
    """`outcomes` are the events that this decision publishes first, in this order."""
    yield from _missed(state, outcomes, context)
    yield from _unhappy(state, context)
    yield from _troubled(state, context)


def _missed(state: State, outcomes: Sequence[OutcomeEvaluated], context: Context) -> Iterable[Finding]:
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.verdict is Verdict.NOT_SHOWN and outcome.actual is not None:
            evidence = event_id(context, state.folded + number)
            yield _missed_kpi(
                state.contracts[outcome.requirement], outcome, outcome.actual, evidence, context
            )


def _missed_kpi(
    contract: Contract, outcome: OutcomeEvaluated, actual: float, evidence: str, context: Context
) -> Finding:
    kpi = outcome.kpi
    missing = abs(kpi.target - actual)
    title = f"Bring {kpi.metric} to its target"
    because = (
        Because(
            kind="contract",
            ref=outcome.requirement,
            event_id=event_id(context, contract.sequence),
            text=f"{contract.adopted.title}: {kpi.metric} from {kpi.baseline:g} to {kpi.target:g} {kpi.unit}",
        ),
        Because(kind="kpi", ref=outcome.requirement, event_id=evidence, text=outcome.reason),
    )
    return Finding(
        key=f"kpi/{outcome.requirement}",
        value=actual,
        band=(outcome.interval_low, outcome.interval_high),
        title=title,
        requirement=_follow_up(contract, title, outcome.reason, _next_kpi(kpi, actual, outcome, context)),
        because=because,
        expected_benefit=f"{kpi.metric} moves by another {missing:.4g} to {kpi.target:.4g} {kpi.unit}.",
        owner=kpi.owner,
    )


def _next_kpi(kpi: Kpi, actual: float, outcome: OutcomeEvaluated, context: Context) -> Kpi:
    latest = max(kpi.due_on, outcome.as_of.date(), context.at.date())
    return kpi.model_copy(update={"baseline": actual, "due_on": latest + TIME_FOR_MORE})


def _follow_up(contract: Contract, title: str, description: str, kpi: Kpi | None) -> Requirement:
    """A requirement that goes on where the agreed one stopped: same pain, same slots, half the effort."""
    title, origin = title[:200], contract.adopted.origin
    if origin is None:
        return Requirement(
            id="draft", title=title, description=description, importance=4, urgency=4, effort_days=10, kpi=kpi
        )
    changes = {
        "title": title,
        "description": description,
        "urgency": max(4, origin.urgency),
        "effort_days": max(1, origin.effort_days // 2),
        "kpi": kpi,
    }
    return origin.model_copy(update=changes)


def _unhappy(state: State, context: Context) -> Iterable[Finding]:
    for stage in Stage:
        found = summary(SurveyKind.CSAT, pooled(scores_of(state, stage, SurveyKind.CSAT)))
        if found.value is not None and found.value < LOW_CSAT:
            evidence = event_id(context, state.measured[f"{stage.value}/{SurveyKind.CSAT.value}"])
            yield _unhappy_stage(state, stage, found.value, (found.low, found.high), found.n, evidence)


def _unhappy_stage(
    state: State, stage: Stage, mean: float, band: tuple[float | None, float | None], n: int, evidence: str
) -> Finding:
    title = f"Raise satisfaction with {stage.value}"
    text = f"Satisfaction with {stage.value} is {mean:.2f} of 5 over {n} answers; the bar is {LOW_CSAT}."
    importance = 5 if mean < VERY_LOW_CSAT else 4
    return Finding(
        key=f"survey/{stage.value}",
        value=mean,
        band=band,
        title=title,
        requirement=Requirement(
            id="draft", title=title, description=text, importance=importance, urgency=4, effort_days=5
        ),
        because=(Because(kind="survey", ref=stage.value, event_id=evidence, text=text),),
        expected_benefit=f"The mean answer on {stage.value} rises to {LOW_CSAT} or more.",
        owner=_any_owner(state),
    )


def _troubled(state: State, context: Context) -> Iterable[Finding]:
    for name, contract in state.contracts.items():
        tickets = [t for t, ticket in state.tickets.items() if ticket.requirement == name]
        if len(tickets) >= MANY_TICKETS:
            yield _troubled_requirement(state, contract, tickets, context)


def _troubled_requirement(
    state: State, contract: Contract, tickets: Sequence[Ref], context: Context
) -> Finding:
    adopted = contract.adopted
    title = f"End the recurring trouble with {adopted.title}"
    text = f"{len(tickets)} tickets are about {adopted.requirement} ({adopted.title}): {', '.join(tickets)}."
    because = tuple(
        Because(
            kind="ticket",
            ref=ticket,
            event_id=event_id(context, state.tickets[ticket].sequence),
            text=f"{ticket} is about {adopted.requirement}.",
        )
        for ticket in tickets[-TICKETS_CITED:]
    )
    return Finding(
        key=f"tickets/{adopted.requirement}",
        value=len(tickets),
        band=(None, len(tickets) + MANY_TICKETS - 1),
        title=title,
        requirement=_follow_up(contract, title, text[:8000], None),
        because=because,
        expected_benefit=f"Fewer than {MANY_TICKETS} further tickets about {adopted.requirement}.",
        owner=adopted.kpi.owner,
    )


def _any_owner(state: State) -> Ref:
    """Nobody owns a stage; whoever answers for the first KPI is asked."""
    return next((contract.adopted.kpi.owner for contract in state.contracts.values()), "project-manager")


def event_id(context: Context, sequence: int) -> str:
    """The id of this service's event number `sequence` in the engagement."""
    return f"{context.engagement}/feedback/{sequence}"
