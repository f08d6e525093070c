"""Alerts from outside, and incidents in people's hands."""

from collections.abc import Sequence

from monitoring.model.judging import unknown_component
from monitoring.model.state import ALERTMANAGER, FiringAlert, OpenIncident, State, alert_id
from monitoring.model.story import Story
from schemas.base import Event, Ref
from schemas.monitoring import (
    AcknowledgeIncident,
    AlertFired,
    AlertQuarantined,
    AlertResolved,
    ExternalAlert,
    IncidentAcknowledged,
    RecordAlerts,
    ResolveIncident,
)
from schemas.rules import Context, Refused

ALERTS_LIMIT = 2_000
"""Firing at once per engagement; a sender that invents fingerprints must not fill the state."""


def record_alerts(state: State, command: RecordAlerts, context: Context) -> Sequence[Event]:
    """Alertmanager repeats itself: a notification that says nothing new has no effect."""
    story = Story(state)
    for alert in command.alerts:
        name = alert_id(ALERTMANAGER, alert.fingerprint)
        firing = story.state.alerts.get(name)
        reason = unknown_component(story.state, alert.component) or _too_many(story.state)
        if alert.firing and firing is None and reason:
            story.add(AlertQuarantined(alert=alert, reason=reason))
        elif alert.firing and firing is None and _is_news(story.state, name, alert):
            story.fire(_fired(name, alert))
        elif not alert.firing and firing and _is_about(alert, firing):
            story.end(name, alert.ends_at or context.at)
    return story.events


def _too_many(state: State) -> str | None:
    if len(state.alerts) < ALERTS_LIMIT:
        return None
    return f"{ALERTS_LIMIT} alerts are firing already, which is the limit; resolve some of them first"


def _is_news(state: State, name: Ref, alert: ExternalAlert) -> bool:
    ended = state.ended.get(name)
    return ended is None or alert.starts_at > ended


def _is_about(alert: ExternalAlert, firing: FiringAlert) -> bool:
    return firing.started_at is None or alert.starts_at >= firing.started_at


def _fired(name: Ref, alert: ExternalAlert) -> AlertFired:
    return AlertFired(
        alert=name,
        origin=ALERTMANAGER,
        severity=alert.severity,
        component=alert.component,
        at=alert.starts_at,
        summary=f"{alert.name}: {alert.summary}"[:8000],
        started_at=alert.starts_at,
        expires_at=alert.ends_at,
    )


def acknowledge_incident(state: State, command: AcknowledgeIncident, _: Context) -> Sequence[Event]:
    _require_known(state, command.incident)
    incident = state.incidents.get(command.incident)
    if incident is None:
        raise Refused("incident", "incident-is-open", f"{command.incident} is already resolved")
    if incident.acknowledged_by == command.acknowledged_by:
        return []
    if incident.acknowledged_by:
        reason = f"{command.incident} was already taken by {incident.acknowledged_by}"
        raise Refused("incident", "incident-is-not-taken", reason)
    return [IncidentAcknowledged(incident=command.incident, acknowledged_by=command.acknowledged_by)]


def resolve_incident(state: State, command: ResolveIncident, context: Context) -> Sequence[Event]:
    _require_known(state, command.incident)
    incident = state.incidents.get(command.incident)
    if incident is None:
        return []
    still_firing = [alert for alert in incident.alerts if not _has_lapsed(state, alert, context)]
    if still_firing:
        reason = f"{command.incident} still has firing alerts: {', '.join(still_firing)}"
        raise Refused("incident", "alerts-have-ended", reason)
    return _resolved(state, command, incident, context)


def _has_lapsed(state: State, alert: Ref, context: Context) -> bool:
    expires_at = state.alerts[alert].expires_at
    return expires_at is not None and expires_at <= context.at


def _resolved(
    state: State, command: ResolveIncident, incident: OpenIncident, context: Context
) -> Sequence[Event]:
    story = Story(state)
    for alert in incident.alerts:
        story.add(AlertResolved(alert=alert, at=context.at))
    story.resolve(command.incident, context.at, command.resolved_by, command.note)
    return story.events


def _require_known(state: State, incident: Ref) -> None:
    """Incidents are numbered from 1 without holes, so closed ones need not be kept to be known."""
    number = incident.removeprefix("INC-")
    known = incident.startswith("INC-") and number.isdecimal() and 1 <= int(number) <= state.incident_count
    if not known or incident != f"INC-{int(number)}":
        raise Refused("incident", "incident-exists", f"there is no incident {incident!r}")
