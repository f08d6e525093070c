"""Dead letters as operators see them."""

from datetime import datetime
from typing import Any, cast

import strawberry

from gateway.context import Context, GatewayInfo
from gateway.graphql.errors import BadInput
from gateway.ports import DeadLetter
from messaging.envelope import Headers

STATUSES = ("OPEN", "REDRIVEN", "DISCARDED", "BLOCKED", "RESOLVED")
SHOWN_VALUE = 4_000
LONGEST_REASON = 1_000


@strawberry.type
class Header:
    name: str
    value: str


@strawberry.type(name="DeadLetter", description="A message that was given up, with all it came with.")
class DeadLetterType:
    id: strawberry.ID
    status: str = strawberry.field(description="OPEN, REDRIVEN, DISCARDED, BLOCKED or RESOLVED")
    service: str
    topic: str
    partition: int
    offset: int
    field: str
    reason: str
    code: str
    at: datetime
    key: str | None
    value: str | None = strawberry.field(description="the first 4000 characters; what is no text is escaped")
    headers: list[Header]
    engagement: str | None
    message_id: str | None
    trace_id: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


@strawberry.type
class DeadLetterConnection:
    nodes: list[DeadLetterType]
    end_cursor: str | None
    has_next_page: bool


async def dead_letter_page(
    context: Context, size: int, after: str | None, status: str | None, service: str | None
) -> DeadLetterConnection:
    """Newest first. Raises BadInput for an unknown status."""
    if status is not None and status not in STATUSES:
        raise BadInput(f"status must be one of {', '.join(STATUSES)}")
    found = await context.operators.letters(
        context.known, status=status, service=service, limit=size + 1, after=after
    )
    nodes = [_shown(letter) for letter in found[:size]]
    return DeadLetterConnection(
        nodes=nodes, end_cursor=nodes[-1].id if nodes else None, has_next_page=len(found) > size
    )


def _shown(letter: DeadLetter) -> DeadLetterType:
    shown: dict[str, Any] = {
        "id": letter.id,
        "at": letter.at.isoformat(),
        "decided_at": letter.decided_at.isoformat() if letter.decided_at else None,
        "key": _text(letter.key),
        "value": _text(letter.value),
        "headers": _headers(letter.headers),
    }
    same = ("status", "service", "topic", "partition", "offset", "field", "reason", "code", "engagement")
    more = ("message_id", "trace_id", "decided_by", "note")
    return DeadLetterType(**shown, **{name: getattr(letter, name) for name in (*same, *more)})


def _headers(headers: Headers) -> list[Header]:
    return [Header(name=name, value=cast(str, _text(value))) for name, value in headers]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value[:SHOWN_VALUE].decode("utf-8", "backslashreplace")


async def _redrive(info: GatewayInfo, id: strawberry.ID) -> DeadLetterType:
    return _shown(await info.context.operators.redrive(info.context.known, id))


async def _discard(info: GatewayInfo, id: strawberry.ID, reason: str) -> DeadLetterType:
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise BadInput(f"reason must have 1 to {LONGEST_REASON} characters")
    return _shown(await info.context.operators.discard(info.context.known, id, reason.strip()))


@strawberry.type
class OperatorMutation:
    redrive_dead_letter: DeadLetterType = strawberry.mutation(
        resolver=_redrive, description="Send the original message again, to where it came from."
    )
    discard_dead_letter: DeadLetterType = strawberry.mutation(
        resolver=_discard, description="Give the message up for good, for a reason that is kept."
    )
