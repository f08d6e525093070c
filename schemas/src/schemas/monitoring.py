"""What monitoring publishes and takes: probes, judged measurements, alerts, incidents, error budgets."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Command,
    CommandNoEffect,
    CommandRefusal,
    Event,
    Moment,
    Prose,
    Ref,
    Seconds,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)
from schemas.design import Component
from schemas.provisioning import Endpoint


class Point(Value):
    at: Moment
    value: float = Field(allow_inf_nan=False)


class Comparison(StrEnum):
    ABOVE = "above"
    BELOW = "below"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Rule(Value):
    """Fires when every sample of `series` for `for_seconds` is beyond `threshold` (Prometheus `for`).

    A silence longer than `max_gap_seconds` (5 minutes or twice the `for`, whichever is longer, unless given)
    proves nothing, so a pending alert begins anew after it.
    """

    id: Ref
    series: Ref
    comparison: Comparison
    threshold: float
    for_seconds: Seconds = 0
    max_gap_seconds: Seconds | None = None
    severity: Severity
    component: Ref
    requirement: Ref | None = None


class ProbeKind(StrEnum):
    POSTGRES = "postgres"
    TCP = "tcp"
    HTTP = "http"


class Probe(Value):
    """A check made on a schedule; `target` is host:port or an http URL; postgres uses the built endpoint."""

    id: Ref
    kind: ProbeKind
    component: Ref
    target: Text
    interval_seconds: float = Field(default=30, ge=0.5, le=86_400)
    timeout_seconds: float = Field(default=5, ge=0.1, le=60)
    endpoint: Endpoint | None = None


class Slo(Value):
    """`objective` is the share of good samples of `series` (those not beyond `threshold`) over the window."""

    id: Ref
    title: Text
    series: Ref
    comparison: Comparison = Field(description="a sample is bad when it is above / below the threshold")
    threshold: float
    objective: float = Field(gt=0, lt=1)
    window_days: int = Field(default=30, ge=1, le=366)
    requirement: Ref | None = None


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


# Commands


class StartWatching(Command):
    """Asked by monitoring itself when an environment is ready."""

    type: ClassVar[str] = "monitoring.start_watching"
    internal: ClassVar[bool] = True
    build: int
    endpoint: Endpoint
    components: tuple[Component, ...]
    database_component: Ref


class DefineProbe(Command):
    type: ClassVar[str] = "monitoring.define_probe"
    probe: Probe


class DefineRule(Command):
    type: ClassVar[str] = "monitoring.define_rule"
    rule: Rule


class DefineSlo(Command):
    type: ClassVar[str] = "monitoring.define_slo"
    slo: Slo


class JudgeSamples(Command):
    """Asked by monitoring itself when measurements arrive."""

    type: ClassVar[str] = "monitoring.judge_samples"
    internal: ClassVar[bool] = True
    series: Ref
    component: Ref
    unit: Text
    points: tuple[Point, ...] = Field(min_length=1, max_length=2000)


class RecordProbe(Command):
    """Asked by monitoring's own probing work, on a change of state and as a summary now and then."""

    type: ClassVar[str] = "monitoring.record_probe"
    internal: ClassVar[bool] = True
    probe: Ref
    up: bool
    checked_at: Moment
    checks: int = Field(ge=1)
    failures: int = Field(ge=0)
    mean_ms: float = Field(ge=0)
    detail: Prose


class RecordAlerts(Command):
    """Asked by monitoring itself for each alert of an Alertmanager notification."""

    type: ClassVar[str] = "monitoring.record_alerts"
    internal: ClassVar[bool] = True
    alerts: tuple["ExternalAlert", ...] = Field(min_length=1)


class ExternalAlert(Value):
    fingerprint: Ref
    name: Text
    firing: bool
    severity: Severity
    component: Ref
    starts_at: Moment
    ends_at: Moment | None = None
    summary: Prose


class AcknowledgeIncident(Command):
    type: ClassVar[str] = "monitoring.acknowledge_incident"
    incident: Ref
    acknowledged_by: Ref


class ResolveIncident(Command):
    """Close an incident by hand; refused while one of its alerts still fires."""

    type: ClassVar[str] = "monitoring.resolve_incident"
    incident: Ref
    resolved_by: Ref
    note: Prose


# Events


class WatchStarted(Event):
    """Published when an environment is watched; its probes are named."""

    type: ClassVar[str] = "monitoring.watch_started"
    build: int
    components: tuple[Component, ...]
    endpoint: Endpoint | None = None
    unbound: tuple[Ref, ...] = Field(
        default=(), description="probes and rules kept from before whose component the design does not have"
    )


class ProbeDefined(Event):
    """Published per probe, and again when an environment is built; the checks of a lower generation stop."""

    type: ClassVar[str] = "monitoring.probe_defined"
    probe: Probe
    generation: int = Field(default=1, ge=1)


class RuleDefined(Event):
    """Published per rule; the newest of an id replaces the one before."""

    type: ClassVar[str] = "monitoring.rule_defined"
    rule: Rule


class SloDefined(Event):
    """Published per SLO."""

    type: ClassVar[str] = "monitoring.slo_defined"
    slo: Slo


class SamplesJudged(Event):
    """Published per message of measurements that was bound to a component; points are in order of time."""

    type: ClassVar[str] = "monitoring.samples_judged"
    series: Ref
    component: Ref
    unit: Text
    points: tuple[Point, ...]
    late: int = Field(default=0, description="points older than the newest one known; counted, not judged")
    flapping: tuple[Ref, ...] = Field(
        default=(), description="rules that came and went too often in it to tell every time"
    )


class SamplesQuarantined(Event):
    """Published for measurements that fit no component of the engagement; nothing is dropped in silence."""

    type: ClassVar[str] = "monitoring.samples_quarantined"
    series: Ref
    component: Ref
    points: int
    reason: Prose


class ProbeRecorded(Event):
    """Published when a probe changes between up and down, and as a summary of the checks in between."""

    type: ClassVar[str] = "monitoring.probe_recorded"
    probe: Ref
    component: Ref
    up: bool
    changed: bool
    checked_at: Moment
    checks: int
    failures: int
    mean_ms: float
    detail: Prose


class AlertPending(Event):
    """Published when a rule's condition begins to hold; it fires after the rule's `for`."""

    type: ClassVar[str] = "monitoring.alert_pending"
    rule: Ref
    since: Moment
    value: float


class AlertCleared(Event):
    """Published when a pending rule's condition ends before it fired."""

    type: ClassVar[str] = "monitoring.alert_cleared"
    rule: Ref
    at: Moment


class AlertFired(Event):
    """Published when an alert begins: from a rule, a probe or Alertmanager (`origin`)."""

    type: ClassVar[str] = "monitoring.alert_fired"
    alert: Ref
    origin: Ref
    severity: Severity
    component: Ref
    at: Moment
    summary: Prose
    requirement: Ref | None = None
    started_at: Moment | None = Field(
        default=None, description="when Alertmanager says it began; its identity in time"
    )
    expires_at: Moment | None = Field(default=None, description="over by then unless notified again")


class AlertQuarantined(Event):
    """Published for an outside alert that fits no component of the engagement."""

    type: ClassVar[str] = "monitoring.alert_quarantined"
    alert: ExternalAlert
    reason: Prose


class AlertResolved(Event):
    """Published when an alert ends."""

    type: ClassVar[str] = "monitoring.alert_resolved"
    alert: Ref
    at: Moment


class IncidentOpened(Event):
    """Published when an alert fires and no open incident covers its component."""

    type: ClassVar[str] = "monitoring.incident_opened"
    incident: Ref
    severity: Severity
    component: Ref
    alert: Ref
    at: Moment
    summary: Prose
    requirements: tuple[Ref, ...] = ()


class IncidentGrew(Event):
    """Published when another alert joins an open incident."""

    type: ClassVar[str] = "monitoring.incident_grew"
    incident: Ref
    alert: Ref
    severity: Severity
    at: Moment


class IncidentAcknowledged(Event):
    """Published once per incident that somebody takes."""

    type: ClassVar[str] = "monitoring.incident_acknowledged"
    incident: Ref
    acknowledged_by: Ref


class IncidentResolved(Event):
    """Published when the last alert of an incident has ended, or by hand."""

    type: ClassVar[str] = "monitoring.incident_resolved"
    incident: Ref
    at: Moment
    duration_seconds: Seconds
    resolved_by: Ref
    note: Prose


class BudgetMeasured(Event):
    """Published when samples move an SLO: `remaining` is the unspent share of the budget (may be < 0)."""

    type: ClassVar[str] = "monitoring.budget_measured"
    slo: Ref
    good: int
    total: int
    attained: float
    remaining: float
    requirement: Ref | None = None


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "monitoring.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "monitoring.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "monitoring.command_had_no_effect"
