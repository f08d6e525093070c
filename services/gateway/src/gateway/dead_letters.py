"""Dead letters: kept from the `*.dead` topics, shown to operators, sent again or given up for good."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.auth import Caller
from gateway.commands import NotFound
from gateway.ports import DeadLetter, Morgue, Publisher
from messaging.dead_letters import BLOCKED, PREFIX, UNBLOCKED, original_headers
from messaging.stream import Record

OPEN: Final = "OPEN"
REDRIVEN: Final = "REDRIVEN"
DISCARDED: Final = "DISCARDED"
BLOCKED_STATUS: Final = "BLOCKED"
RESOLVED: Final = "RESOLVED"


class NotOpen(Exception):
    """The dead letter was decided on before; the text is safe to show."""


@dataclass(frozen=True)
class Note:
    """What a record of a `*.dead` topic says: a letter to keep, or that its message was handled after all."""

    letter: DeadLetter
    handled: bool


def read_note(record: Record) -> Note | None:
    """A record of a `*.dead` topic; None where it is none of ours."""
    text = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    ours = {name.removeprefix(PREFIX): value for name, value in text.items() if name.startswith(PREFIX)}
    if not {"id", "status", "service", "topic", "partition", "offset"} <= ours.keys():
        return None
    status = BLOCKED_STATUS if ours["status"] == BLOCKED else OPEN
    traceparent = text.get("traceparent") or ours.get("traceparent", "")
    letter = DeadLetter(
        id=f"{ours['service']}:{ours['id']}",
        status=status,
        service=ours["service"],
        topic=ours["topic"],
        partition=int(ours["partition"]),
        offset=int(ours["offset"]),
        field=ours.get("field", ""),
        reason=ours.get("reason", ""),
        code=ours.get("code", ""),
        at=datetime.fromisoformat(ours["at"]) if "at" in ours else datetime.now(UTC),
        key=record.key,
        value=record.value,
        headers=[(name, value) for name, value in record.headers if not name.startswith(PREFIX)],
        engagement=text.get("ce_engagement") or None,
        tenant=text.get("ce_tenant") or None,
        message_id=text.get("ce_id") or None,
        trace_id=traceparent.split("-")[1] if traceparent.count("-") == 3 else None,
    )
    return Note(letter, ours["status"] == UNBLOCKED)


class DeadLetterProjector:
    """Keeps what the `*.dead` topics say; handling a record again changes nothing."""

    def __init__(self, morgue: Morgue) -> None:
        self._morgue = morgue

    async def handle(self, record: Record) -> None:
        note = read_note(record)
        if note is None:
            return
        if note.handled:
            changes = {"status": RESOLVED, "note": "handled after all", "decided_at": note.letter.at}
            await self._morgue.decide(note.letter.id, BLOCKED_STATUS, changes)
        else:
            await self._morgue.bury(note.letter)


class Operators:
    """What operators see of dead letters, and what they can do about those of their own tenant.

    A message whose tenant nobody could read is looked after by the operators of one tenant. Where none is
    appointed, every operator sees that there is such a letter, and nobody its content.
    """

    def __init__(
        self,
        morgue: Morgue,
        publisher: Publisher,
        *,
        operator_tenant: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._morgue, self._publisher, self._clock = morgue, publisher, clock
        self._operator_tenant = operator_tenant

    async def letters(
        self, caller: Caller, *, status: str | None, service: str | None, limit: int, after: str | None
    ) -> list[DeadLetter]:
        orphans = self._operator_tenant in ("", caller.tenant)
        found = await self._morgue.letters(
            caller.tenant, orphans=orphans, status=status, service=service, limit=limit, after=after
        )
        return [one if self._handles(caller, one) else _without_content(one) for one in found]

    def _handles(self, caller: Caller, letter: DeadLetter) -> bool:
        return (letter.tenant or self._operator_tenant) == caller.tenant

    async def redrive(self, caller: Caller, letter_id: str) -> DeadLetter:
        """Send the original bytes to where they came from. Raises NotFound, NotOpen or NotPublished."""
        letter = await self._open(caller, letter_id)
        # Sent before it is marked: a crash between the two sends it twice, which every consumer sees as once.
        headers = original_headers(letter.headers, letter.id)
        await self._publisher.publish_raw(letter.topic, letter.key, letter.value, headers)
        return await self._decide(caller, letter, REDRIVEN, None)

    async def discard(self, caller: Caller, letter_id: str, reason: str) -> DeadLetter:
        """Give the message up for good. Raises NotFound or NotOpen."""
        return await self._decide(caller, await self._open(caller, letter_id), DISCARDED, reason)

    async def _open(self, caller: Caller, letter_id: str) -> DeadLetter:
        letter = await self._morgue.letter(letter_id, caller.tenant, orphans=True)
        if letter is None or not self._handles(caller, letter):
            raise NotFound("there is no such dead letter of your tenant")
        if letter.status != OPEN:
            raise NotOpen(f"the dead letter is {letter.status}")
        return letter

    async def _decide(self, caller: Caller, letter: DeadLetter, status: str, note: str | None) -> DeadLetter:
        changes: dict[str, Any] = {
            "status": status,
            "decided_by": caller.actor,
            "decided_at": self._clock(),
            "note": note,
        }
        if not await self._morgue.decide(letter.id, OPEN, changes):
            raise NotOpen("the dead letter was decided on meanwhile")
        return replace(letter, **changes)


def _without_content(letter: DeadLetter) -> DeadLetter:
    return replace(letter, key=None, value=None, headers=[])
