"""What a command comes to, and the entries of a timeline."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.graphql.scalars import JSON


@strawberry.type(description="One event of an engagement. Cursors count from 1 in the order of arrival.")
class TimelineEntry:
    cursor: int
    id: strawberry.ID
    type: str
    service: str
    at: datetime
    actor: str
    causation_id: str | None
    correlation_id: str
    trace_id: str | None
    data: JSON
    summary: str


@strawberry.type
class Timeline:
    entries: list[TimelineEntry]
    end_cursor: int
    has_more: bool


@strawberry.type(description="The command took effect; the view contains it up to `cursor`.")
class Accepted:
    command_id: strawberry.ID
    engagement_id: strawberry.ID
    cursor: int | None
    events: list[TimelineEntry]


@strawberry.type(description="The command broke a rule; nothing changed.")
class Refused:
    command_id: strawberry.ID
    code: str
    field: str
    rule: str
    message: str


@strawberry.type(description="The command is on its way; ask again with `command(id)`.")
class Pending:
    command_id: strawberry.ID
    message: str


CommandResult = Annotated[Accepted | Refused | Pending, strawberry.union("CommandResult")]
