"""What a client sees of monitoring."""

from datetime import datetime

import strawberry

from gateway.graphql.types.common import Section
from schemas.monitoring import Comparison, IncidentState, ProbeKind, Severity


@strawberry.type
class Probe:
    id: str
    kind: ProbeKind
    component: str
    target: str
    interval_seconds: float
    timeout_seconds: float
    generation: int
    up: bool | None
    checked_at: datetime | None
    checks: int
    failures: int
    mean_ms: float | None
    detail: str | None


@strawberry.type
class Rule:
    id: str
    series: str
    comparison: Comparison
    threshold: float
    for_seconds: float
    max_gap_seconds: float | None
    severity: Severity
    component: str
    requirement: str | None
    pending_since: datetime | None


@strawberry.type
class Alert:
    id: str
    origin: str
    severity: Severity
    component: str
    summary: str
    requirement: str | None
    firing: bool
    started_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None


@strawberry.type
class Incident:
    id: str
    state: IncidentState
    severity: Severity
    component: str
    summary: str
    alerts: list[str]
    requirements: list[str]
    opened_at: datetime
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    duration_seconds: float | None
    note: str | None


@strawberry.type
class Slo:
    id: str
    title: str
    series: str
    comparison: Comparison
    threshold: float
    objective: float
    window_days: int
    requirement: str | None
    good: int
    total: int
    attained: float | None
    remaining: float | None = strawberry.field(
        description="unspent share of the error budget; may be below 0"
    )
    measured_at: datetime | None


@strawberry.type(description="The newest value of a measured series.")
class Series:
    name: str
    component: str
    unit: str
    at: datetime | None
    value: float | None
    points: int
    late: int


@strawberry.type
class Monitoring(Section):
    components: list[str]
    probes: list[Probe]
    rules: list[Rule]
    alerts: list[Alert]
    incidents: list[Incident]
    slos: list[Slo]
    series: list[Series]
    unbound: list[str]
    quarantined_points: int
    quarantined_alerts: int
