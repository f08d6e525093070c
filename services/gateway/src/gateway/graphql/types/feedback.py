"""What a client sees of feedback."""

from datetime import datetime

import strawberry

from gateway.graphql.types.common import Because, Section
from gateway.graphql.types.intake import Kpi, Need
from schemas.feedback import Channel, Stage, SurveyKind, Verdict


@strawberry.type
class AdoptedKpi:
    requirement: str
    title: str
    kpi: Kpi
    cycle: int


@strawberry.type(description="The newest measurement of a metric that a KPI names.")
class Measurement:
    metric: str
    points: int
    at: datetime
    value: float


@strawberry.type
class TicketMessage:
    sender: str
    body: str
    at: datetime


@strawberry.type
class Ticket:
    id: str
    state: str = strawberry.field(description="open, answered or resolved")
    subject: str
    reporter: str
    channel: Channel
    opened_at: datetime
    component: str | None
    requirement: str | None
    messages: list[TicketMessage]
    solution: str | None
    resolved_by: str | None
    resolved_at: datetime | None


@strawberry.type
class Survey:
    id: str
    kind: SurveyKind
    score: int
    stage: Stage
    respondent_role: str
    answered_at: datetime
    comment: str | None


@strawberry.type(description="A figure with its 95 % interval; no number below five answers.")
class Figure:
    n: int
    value: float | None
    low: float | None
    high: float | None


@strawberry.type
class RoleFigure(Figure):
    role: str


@strawberry.type
class Satisfaction(Figure):
    stage: Stage
    kind: SurveyKind
    by_role: list[RoleFigure]
    satisfied: Figure | None
    measured_at: datetime


@strawberry.type
class Outcome:
    cycle: int
    requirement: str
    kpi: Kpi
    verdict: Verdict
    samples: int
    actual: float | None
    interval_low: float | None
    interval_high: float | None
    p_value: float | None
    reason: str
    as_of: datetime
    event_id: str
    evaluated_at: datetime


@strawberry.type
class ProposedRequirement:
    id: str
    title: str
    description: str
    solves: list[str]
    importance: int
    urgency: int
    effort_days: int
    needs: list[Need]
    kpi: Kpi | None


@strawberry.type
class Improvement:
    id: str
    title: str
    state: str = strawberry.field(description="proposed, accepted or rejected")
    requirement: ProposedRequirement
    because: list[Because]
    expected_benefit: str
    owner: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    comments: str | None


@strawberry.type
class Feedback(Section):
    components: list[str]
    kpis: list[AdoptedKpi]
    measurements: list[Measurement]
    live_since: datetime | None
    tickets: list[Ticket]
    ignored_mails: int
    surveys: list[Survey]
    satisfaction: list[Satisfaction]
    outcomes: list[Outcome]
    improvements: list[Improvement]
