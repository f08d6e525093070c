"""How each of monitoring's own events changes what it knows."""

from collections.abc import Callable, Mapping
from typing import Any

from monitoring.engine.budget import merge, tally
from monitoring.model.state import (
    RULE,
    FiringAlert,
    OpenIncident,
    State,
    TrackedSlo,
    WatchedProbe,
    alert_id,
    series_key,
)
from schemas import monitoring as events
from schemas.base import Event, Ref

ENDED_KEPT = 1_000
"""How many ended outside alerts are remembered, to know a late repetition of one for what it is."""


def evolve(state: State, event: Event) -> State:
    """The state after `event`; events without a meaning for it leave it as it is."""
    fold = _FOLDS.get(type(event))
    return state.model_copy(update=fold(state, event)) if fold else state


def _watch_started(_: State, event: events.WatchStarted) -> dict[str, Any]:
    components = tuple(component.id for component in event.components)
    return {"build": event.build, "components": components, "endpoint": event.endpoint}


def _probe_defined(state: State, event: events.ProbeDefined) -> dict[str, Any]:
    watched = WatchedProbe(probe=event.probe, generation=event.generation)
    return {"probes": {**state.probes, event.probe.id: watched}}


def _rule_defined(state: State, event: events.RuleDefined) -> dict[str, Any]:
    return {
        "rules": {**state.rules, event.rule.id: event.rule},
        "pending": _without(state.pending, event.rule.id),
    }


def _slo_defined(state: State, event: events.SloDefined) -> dict[str, Any]:
    known = state.slos.get(event.slo.id)
    days = known.days if known and _counts_alike(known.slo, event.slo) else {}
    return {"slos": {**state.slos, event.slo.id: TrackedSlo(slo=event.slo, days=days)}}


def _counts_alike(old: events.Slo, new: events.Slo) -> bool:
    return (old.series, old.comparison, old.threshold) == (new.series, new.comparison, new.threshold)


def _samples_judged(state: State, event: events.SamplesJudged) -> dict[str, Any]:
    if not event.points:
        return {}
    key = series_key(event.component, event.series)
    slos = {
        name: tracked.model_copy(update={"days": merge(tracked, tally(tracked.slo, event.points))})
        for name, tracked in state.slos.items()
        if tracked.slo.series == event.series
    }
    return {
        "newest": {**state.newest, key: event.points[-1].at},
        "slos": {**state.slos, **slos} if slos else state.slos,
    }


def _probe_recorded(state: State, event: events.ProbeRecorded) -> dict[str, Any]:
    watched = state.probes.get(event.probe)
    if watched is None or watched.up == event.up:
        return {}
    return {"probes": {**state.probes, event.probe: watched.model_copy(update={"up": event.up})}}


def _alert_pending(state: State, event: events.AlertPending) -> dict[str, Any]:
    return {"pending": {**state.pending, event.rule: event.since}}


def _alert_cleared(state: State, event: events.AlertCleared) -> dict[str, Any]:
    return {"pending": _without(state.pending, event.rule)}


def _alert_fired(state: State, event: events.AlertFired) -> dict[str, Any]:
    alert = FiringAlert(
        origin=event.origin,
        component=event.component,
        severity=event.severity,
        at=event.at,
        started_at=event.started_at,
        expires_at=event.expires_at,
    )
    pending = {r: since for r, since in state.pending.items() if alert_id(RULE, r) != event.alert}
    return {"alerts": {**state.alerts, event.alert: alert}, "pending": pending}


def _alert_resolved(state: State, event: events.AlertResolved) -> dict[str, Any]:
    alert = state.alerts.get(event.alert)
    ended = state.ended
    if alert and alert.started_at:
        ended = {**_without(ended, event.alert), event.alert: alert.started_at}
        ended = dict(list(ended.items())[-ENDED_KEPT:])
    return {
        "alerts": _without(state.alerts, event.alert),
        "ended": ended,
        "incidents": {i: _released(open_, event.alert) for i, open_ in state.incidents.items()},
    }


def _released(incident: OpenIncident, alert: Ref) -> OpenIncident:
    if alert not in incident.alerts:
        return incident
    return incident.model_copy(update={"alerts": tuple(a for a in incident.alerts if a != alert)})


def _incident_opened(state: State, event: events.IncidentOpened) -> dict[str, Any]:
    incident = OpenIncident(component=event.component, opened_at=event.at, alerts=(event.alert,))
    return {
        "incidents": {**state.incidents, event.incident: incident},
        "incident_count": state.incident_count + 1,
    }


def _incident_grew(state: State, event: events.IncidentGrew) -> dict[str, Any]:
    incident = state.incidents[event.incident]
    grown = incident.model_copy(update={"alerts": (*incident.alerts, event.alert)})
    return {"incidents": {**state.incidents, event.incident: grown}}


def _incident_acknowledged(state: State, event: events.IncidentAcknowledged) -> dict[str, Any]:
    incident = state.incidents[event.incident]
    taken = incident.model_copy(update={"acknowledged_by": event.acknowledged_by})
    return {"incidents": {**state.incidents, event.incident: taken}}


def _incident_resolved(state: State, event: events.IncidentResolved) -> dict[str, Any]:
    return {"incidents": _without(state.incidents, event.incident)}


def _without(items: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in items.items() if key != name}


_FOLDS: dict[type[Event], Callable[[State, Any], dict[str, Any]]] = {
    events.WatchStarted: _watch_started,
    events.ProbeDefined: _probe_defined,
    events.RuleDefined: _rule_defined,
    events.SloDefined: _slo_defined,
    events.SamplesJudged: _samples_judged,
    events.ProbeRecorded: _probe_recorded,
    events.AlertPending: _alert_pending,
    events.AlertCleared: _alert_cleared,
    events.AlertFired: _alert_fired,
    events.AlertResolved: _alert_resolved,
    events.IncidentOpened: _incident_opened,
    events.IncidentGrew: _incident_grew,
    events.IncidentAcknowledged: _incident_acknowledged,
    events.IncidentResolved: _incident_resolved,
}
