"""The engagement itself and the lists of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.graphql.types.common import Because, HealthState, Node, StageState
from gateway.graphql.types.design import Design
from gateway.graphql.types.feedback import Feedback
from gateway.graphql.types.intake import Intake
from gateway.graphql.types.migration import Migration
from gateway.graphql.types.monitoring import Monitoring
from gateway.graphql.types.provisioning import Provisioning
from schemas.feedback import Stage


@strawberry.type
class Client:
    name: str
    industry: str
    sites: list[str]


@strawberry.type
class StageProgress:
    name: Stage
    state: StageState
    started_at: datetime | None
    done_at: datetime | None


@strawberry.type
class Cycle:
    number: int
    opened_at: datetime
    improvement: str | None
    because: list[Because]


@strawberry.type
class Health:
    state: HealthState
    reason: str


@strawberry.type(description="A command that broke a rule, kept so that nobody has to guess.")
class Refusal:
    command_id: strawberry.ID
    command: str
    code: str
    field: str
    rule: str
    message: str
    actor: str
    at: datetime


@strawberry.type(description="One engagement from the first interview to the evaluated outcome.")
class Engagement(Node):
    key: str
    tenant: str
    title: str
    client: Client | None
    currency: str | None
    budget: Decimal | None
    start_on: date | None
    target_on: date | None
    opened_at: datetime | None
    updated_at: datetime | None
    cursor: int = strawberry.field(description="How many events are in this view.")
    cycle: int
    cycles: list[Cycle]
    stage: Stage
    stages: list[StageProgress]
    health: Health
    intake: Intake
    design: Design
    provisioning: Provisioning
    migration: Migration
    monitoring: Monitoring
    feedback: Feedback
    refusals: list[Refusal]

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, dict) and "intake" in value


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class EngagementEdge:
    cursor: str
    node: Engagement


@strawberry.type
class EngagementConnection:
    edges: list[EngagementEdge]
    page_info: PageInfo


@strawberry.input(description="Which engagements to list.")
class EngagementFilter:
    stage: Stage | None = None
    health: HealthState | None = None
    text: str | None = strawberry.field(default=None, description="part of the title, the client or the key")
