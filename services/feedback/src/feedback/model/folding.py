"""How each of feedback's own events changes what it knows."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from feedback.model.state import Contract, Measure, Series, Standing, State, Ticket, score_key
from schemas import feedback as events
from schemas.base import Event, Ref
from schemas.design import Component, Coverage

POINTS_KEPT = 5_000
"""Measurements kept per metric, the newest; a year of hourly values is 8,760."""
MESSAGES_KEPT = 5_000
SURVEYS_KEPT = 10_000


def evolve(state: State, event: Event) -> State:
    """The state after `event`. Every event counts, even one without a meaning: reasons cite by number."""
    fold = _FOLDS.get(type(event))
    changes = fold(state, event) if fold else {}
    return state.model_copy(update={**changes, "folded": state.folded + 1})


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _kpis_adopted(state: State, event: events.KpisAdopted) -> dict[str, Any]:
    contracts = dict(state.contracts)
    for adopted in event.kpis:
        known = contracts.get(adopted.requirement)
        # An unchanged promise keeps its own go-live and is judged on all measurements since.
        if known is None or known.adopted.kpi != adopted.kpi:
            contracts[adopted.requirement] = Contract(
                adopted=adopted, cycle=event.cycle, sequence=state.folded + 1, agreed_at=event.agreed_at
            )
    metrics = {contract.adopted.kpi.metric for contract in contracts.values()}
    series = {metric: kept for metric, kept in state.series.items() if metric in metrics}
    return {"cycle": max(state.cycle, event.cycle), "contracts": contracts, "series": series}


def _components_adopted(_: State, event: events.ComponentsAdopted) -> dict[str, Any]:
    return {
        "components": {component.id: component.name for component in event.components},
        "serves": served(event.components, event.coverage),
    }


def served(components: Iterable[Component], coverage: Iterable[Coverage]) -> dict[Ref, tuple[Ref, ...]]:
    """Component to the requirements it covers."""
    covered = [(covering.requirement, covering.components) for covering in coverage]
    return {c.id: tuple(name for name, parts in covered if c.id in parts) for c in components}


def _measurements_recorded(state: State, event: events.MeasurementsRecorded) -> dict[str, Any]:
    known = state.series.get(event.metric, Series())
    added = tuple((point.at.timestamp(), point.value) for point in event.points)
    units = known.units
    if event.unit is not None and event.unit not in units:
        units = (*units, event.unit)
    series = Series.model_construct(units=units, points=(*known.points, *added)[-POINTS_KEPT:])
    return {"series": {**state.series, event.metric: series}}


def _went_live(state: State, event: events.WentLive) -> dict[str, Any]:
    return {"live": (*state.live, event.at)}


def _ticket_opened(state: State, event: events.TicketOpened) -> dict[str, Any]:
    ticket = Ticket(sequence=state.folded + 1, requirement=event.requirement)
    tickets = {**state.tickets, event.ticket: ticket}
    return {"tickets": tickets, "threads": _threaded(state, event.message_id, event.ticket)}


def _ticket_message_added(state: State, event: events.TicketMessageAdded) -> dict[str, Any]:
    ticket = state.tickets[event.ticket]
    if event.reopened:
        ticket = ticket.model_copy(update={"resolved": False})
    return {
        "tickets": {**state.tickets, event.ticket: ticket},
        "threads": _threaded(state, event.message_id, event.ticket),
    }


def _threaded(state: State, message_id: str | None, ticket: Ref) -> dict[str, Ref]:
    if message_id is None:
        return state.threads
    return dict([*state.threads.items(), (message_id, ticket)][-MESSAGES_KEPT:])


def _ticket_answered(state: State, event: events.TicketAnswered) -> dict[str, Any]:
    answer = digest(f"{event.answered_by}\n{event.body}")
    return _with_ticket(state, event.ticket, last_answer=answer)


def _ticket_resolved(state: State, event: events.TicketResolved) -> dict[str, Any]:
    return _with_ticket(state, event.ticket, resolved=True, solution=digest(event.solution))


def _with_ticket(state: State, name: Ref, **changes: Any) -> dict[str, Any]:
    ticket = state.tickets[name].model_copy(update=changes)
    return {"tickets": {**state.tickets, name: ticket}}


def _survey_recorded(state: State, event: events.SurveyRecorded) -> dict[str, Any]:
    survey = event.survey
    key = score_key(survey.stage, survey.kind, survey.respondent_role)
    histogram = dict(state.scores.get(key, {}))
    histogram[survey.score] = histogram.get(survey.score, 0) + 1
    return {
        "surveys": (*state.surveys, survey.id)[-SURVEYS_KEPT:],
        "scores": {**state.scores, key: histogram},
    }


def _satisfaction_measured(state: State, event: events.SatisfactionMeasured) -> dict[str, Any]:
    key = f"{event.stage.value}/{event.survey_kind.value}"
    return {"measured": {**state.measured, key: state.folded + 1}}


def _outcome_evaluated(state: State, event: events.OutcomeEvaluated) -> dict[str, Any]:
    return {"outcomes": {**state.outcomes, event.requirement: event}}


def _improvement_proposed(state: State, event: events.ImprovementProposed) -> dict[str, Any]:
    improvement = event.improvement
    measure = Measure(
        improvement=improvement,
        finding=event.finding,
        cycle=state.cycle,
        low=event.evidence_low,
        high=event.evidence_high,
    )
    return {"measures": {**state.measures, improvement.id: measure}}


def _improvement_accepted(state: State, event: events.ImprovementAccepted) -> dict[str, Any]:
    return _with_standing(state, event.improvement.id, Standing.ACCEPTED)


def _improvement_rejected(state: State, event: events.ImprovementRejected) -> dict[str, Any]:
    return _with_standing(state, event.improvement, Standing.REJECTED)


def _with_standing(state: State, name: Ref, standing: Standing) -> dict[str, Any]:
    measure = state.measures[name].model_copy(update={"standing": standing})
    return {"measures": {**state.measures, name: measure}}


_FOLDS: dict[type[Event], Callable[[State, Any], dict[str, Any]]] = {
    events.KpisAdopted: _kpis_adopted,
    events.ComponentsAdopted: _components_adopted,
    events.MeasurementsRecorded: _measurements_recorded,
    events.WentLive: _went_live,
    events.TicketOpened: _ticket_opened,
    events.TicketMessageAdded: _ticket_message_added,
    events.TicketAnswered: _ticket_answered,
    events.TicketResolved: _ticket_resolved,
    events.SurveyRecorded: _survey_recorded,
    events.SatisfactionMeasured: _satisfaction_measured,
    events.OutcomeEvaluated: _outcome_evaluated,
    events.ImprovementProposed: _improvement_proposed,
    events.ImprovementAccepted: _improvement_accepted,
    events.ImprovementRejected: _improvement_rejected,
}
