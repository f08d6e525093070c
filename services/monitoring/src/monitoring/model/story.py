"""The events of one decision as they unfold: each is folded at once, so that the next sees its effect."""

from datetime import datetime

from monitoring.model.folding import evolve
from monitoring.model.state import State
from schemas.base import Event, Prose, Ref
from schemas.monitoring import (
    AlertFired,
    AlertResolved,
    IncidentGrew,
    IncidentOpened,
    IncidentResolved,
)


class Story:
    def __init__(self, state: State) -> None:
        self.state = state
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.state = evolve(self.state, event)

    def fire(self, alert: AlertFired) -> None:
        """An alert begins: it joins the open incident of its component, or opens one."""
        self.add(alert)
        incident = self.state.incident_on(alert.component)
        if incident:
            grew = IncidentGrew(incident=incident, alert=alert.alert, severity=alert.severity, at=alert.at)
            self.add(grew)
        else:
            self.add(self._opened(alert))

    def _opened(self, alert: AlertFired) -> IncidentOpened:
        return IncidentOpened(
            incident=f"INC-{self.state.incident_count + 1}",
            severity=alert.severity,
            component=alert.component,
            alert=alert.alert,
            at=alert.at,
            summary=alert.summary,
            requirements=(alert.requirement,) if alert.requirement else (),
        )

    def end(self, alert: Ref, at: datetime) -> None:
        """An alert ends; its incident is resolved with the last one. No effect unless it fires."""
        firing = self.state.alerts.get(alert)
        if firing is None:
            return
        incident = self.state.incident_with(alert)
        at = max(at, firing.at)
        self.add(AlertResolved(alert=alert, at=at))
        if incident and not self.state.incidents[incident].alerts:
            self.resolve(incident, at, "monitoring", "All its alerts have ended.")

    def resolve(self, incident: Ref, at: datetime, by: Ref, note: Prose) -> None:
        opened_at = self.state.incidents[incident].opened_at
        duration = max(0.0, (at - opened_at).total_seconds())
        resolved = IncidentResolved(
            incident=incident, at=at, duration_seconds=duration, resolved_by=by, note=note
        )
        self.add(resolved)
