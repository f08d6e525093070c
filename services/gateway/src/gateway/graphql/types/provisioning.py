"""What a client sees of provisioning."""

from datetime import date, datetime

import strawberry

from gateway.graphql.types.common import Section
from gateway.graphql.types.design import Component, DatabaseRole
from schemas.provisioning import StepKind


@strawberry.type
class RoleNeed:
    role: str
    days: int
    people: int


@strawberry.type
class Person:
    id: str
    name: str
    roles: list[str]
    available_days: int


@strawberry.type
class Assignment:
    role: str
    person: str
    days: int


@strawberry.type
class Action:
    id: str
    title: str
    owner: str
    due_on: date


@strawberry.type
class Kickoff:
    held_at: datetime
    facilitator: str
    attendees: list[str]
    minutes: str
    actions: list[Action]


@strawberry.type
class Step:
    id: str
    title: str
    kind: StepKind
    name: str
    privileges: list[str]
    login: bool
    state: str = strawberry.field(description="waiting, retrying, done, failed or undone")
    attempts: int
    changed: bool | None
    duration_ms: float | None
    detail: str | None
    error: str | None


@strawberry.type
class Build:
    number: int
    state: str = strawberry.field(description="building, ready or rolled_back")
    started_at: datetime
    finished_at: datetime | None
    steps: list[Step]


@strawberry.type(description="Where a built server answers. The password is in the secret named `secret`.")
class Endpoint:
    host: str
    port: int
    database: str
    user: str
    secret: str


@strawberry.type
class Environment:
    build: int
    ready_at: datetime
    engine: str
    component: str
    database: str
    schemas: list[str]
    roles: list[DatabaseRole]
    endpoint: Endpoint
    components: list[Component]


@strawberry.type
class Provisioning(Section):
    needs: list[RoleNeed]
    people: list[Person]
    missing: list[RoleNeed]
    team: list[Assignment]
    kickoff: Kickoff | None
    build: Build | None
    environment: Environment | None
    blocked_reason: str | None
