"""What monitoring knows of one engagement: what it watches, what fires, which incidents are open."""

from datetime import datetime
from hashlib import sha256

from pydantic import Field

from schemas.base import Moment, Ref, Value
from schemas.monitoring import Probe, Rule, Severity, Slo
from schemas.provisioning import Endpoint

RULE, PROBE, ALERTMANAGER = "rule", "probe", "alertmanager"
"""Origins of an alert."""


class WatchedProbe(Value):
    probe: Probe
    generation: int
    up: bool | None = None


class TrackedSlo(Value):
    """`days` holds good and total samples per UTC day (ISO date), no more days than the window has."""

    slo: Slo
    days: dict[str, tuple[int, int]] = Field(default={})


class FiringAlert(Value):
    origin: Ref
    component: Ref
    severity: Severity
    at: Moment
    started_at: Moment | None = None
    expires_at: Moment | None = None


class OpenIncident(Value):
    component: Ref
    opened_at: Moment
    alerts: tuple[Ref, ...]
    acknowledged_by: Ref | None = None


class State(Value):
    """Fold of monitoring's own events. Holds no raw samples, so it does not grow with what is measured."""

    build: int = 0
    components: tuple[Ref, ...] = ()
    endpoint: Endpoint | None = None
    probes: dict[Ref, WatchedProbe] = Field(default={})
    rules: dict[Ref, Rule] = Field(default={})
    slos: dict[Ref, TrackedSlo] = Field(default={})
    newest: dict[str, Moment] = Field(default={})
    pending: dict[Ref, Moment] = Field(default={})
    alerts: dict[Ref, FiringAlert] = Field(default={})
    ended: dict[Ref, Moment] = Field(default={})
    incidents: dict[Ref, OpenIncident] = Field(default={})
    incident_count: int = 0

    @property
    def watching(self) -> bool:
        return self.build > 0

    def incident_on(self, component: Ref) -> Ref | None:
        return next((i for i, open_ in self.incidents.items() if open_.component == component), None)

    def incident_with(self, alert: Ref) -> Ref | None:
        return next((i for i, open_ in self.incidents.items() if alert in open_.alerts), None)

    def newest_of(self, component: Ref, series: Ref) -> datetime | None:
        return self.newest.get(series_key(component, series))


def series_key(component: Ref, series: Ref) -> str:
    # No Ref contains a slash, so two different pairs never share a key.
    return f"{component}/{series}"


def alert_id(origin: Ref, name: str) -> Ref:
    """The alert that a rule, a probe or an Alertmanager fingerprint stands for; always a valid Ref."""
    plain = f"{origin}:{name}"
    return plain if len(plain) <= 64 else f"{origin}:{sha256(name.encode()).hexdigest()[:40]}"
