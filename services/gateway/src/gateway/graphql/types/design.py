"""What a client sees of design."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from gateway.graphql.types.common import Section
from schemas.design import Layer


@strawberry.type
class CatalogueSummary:
    id: str
    version: int
    products: int
    incompatibilities: int


@strawberry.type
class Selection:
    slot: str
    product: str
    name: str
    cost: Decimal
    value: float
    serves: list[str]
    reason: str


@strawberry.type
class RejectedOption:
    product: str
    slot: str
    reason: str


@strawberry.type
class Component:
    id: str
    name: str
    layer: Layer
    product: str


@strawberry.type
class Connection:
    source: str
    target: str
    protocol: str
    encrypted: bool
    carries: str


@strawberry.type
class Task:
    id: str
    title: str
    role: str
    days: int
    depends_on: list[str]
    start_day: int
    finish_day: int
    start_on: date
    finish_on: date
    critical: bool
    serves: list[str]


@strawberry.type
class Risk:
    id: str
    title: str
    likelihood: int
    impact: int
    treatment: str
    owner_role: str


@strawberry.type
class Coverage:
    requirement: str
    components: list[str]
    tasks: list[str]


@strawberry.type
class Hole:
    requirement: str
    reason: str


@strawberry.type
class TeamNeed:
    role: str
    people: int


@strawberry.type
class DatabaseRole:
    name: str
    login: bool
    privileges: list[str]


@strawberry.type
class EnvironmentSpec:
    engine: str
    component: str
    database: str
    schemas: list[str]
    roles: list[DatabaseRole]


@strawberry.type
class Proposal:
    version: int
    cycle: int
    state: str = strawberry.field(description="drafted, approved, rejected or revision_requested")
    content_digest: str
    currency: str
    budget: Decimal
    total_cost: Decimal
    total_value: float
    optimal: bool
    selections: list[Selection]
    rejected_options: list[RejectedOption]
    components: list[Component]
    connections: list[Connection]
    tasks: list[Task]
    team: list[TeamNeed]
    makespan_days: int
    finish_on: date
    risks: list[Risk]
    coverage: list[Coverage]
    holes: list[Hole]
    environment: EnvironmentSpec
    approved_by: str | None
    approved_at: datetime | None
    comments: str | None


@strawberry.type
class ProposalVersion:
    version: int
    state: str
    at: datetime
    content_digest: str | None
    by: str | None
    comments: str | None


@strawberry.type
class Design(Section):
    catalogue: CatalogueSummary | None
    proposal: Proposal | None
    versions: list[ProposalVersion]
    conflicts: list[str]
    blocked_reason: str | None
