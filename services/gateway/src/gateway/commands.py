"""The way of a command: checked, authorised, remembered, sent, and waited for until it can be read."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson
from opentelemetry import trace
from pydantic import ValidationError
from strawberry import ID

from gateway.auth import Caller
from gateway.authorization import authorise
from gateway.entry import Entry
from gateway.graphql.results import Accepted, Pending, Refused, TimelineEntry
from gateway.hub import Hub
from gateway.metrics import COMMANDS
from gateway.ports import Publisher, Store, Submitted
from messaging import NotPublished, TooLarge, command_message
from schemas import registry
from schemas.base import Command, CommandRefusal
from telemetry import ENGAGEMENT_ATTRIBUTE

ENGAGEMENT = re.compile(r"^ENG-[0-9A-Z]{4,12}$")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LONGEST_WAIT_MS = 30_000
LONGEST_KEY = 255
POLL_SECONDS = 0.25
OPENING = "intake.open_engagement"
UNKNOWN_ENGAGEMENT = "there is no such engagement"


class Unavailable(Exception):
    """The broker did not acknowledge: the command may or may not have been taken."""

    def __init__(self, command_id: str) -> None:
        super().__init__("the command could not be handed on; send it again with the same idempotency key")
        self.command_id = command_id


class NotFound(Exception):
    """What was asked about does not exist for this tenant; the text is safe to show."""


Outcome = Accepted | Refused | Pending


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command as it was asked for: `data` is snake_case, unchecked."""

    type: str
    data: Mapping[str, Any]
    engagement: str | None = None
    idempotency_key: str | None = None
    wait_ms: int = 5000


class CommandDesk:
    """Takes commands in. The broker acknowledges each before anything is said about it."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        publisher: Publisher,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._hub, self._publisher, self._clock = store, hub, publisher, clock

    async def submit(self, caller: Caller, request: Request) -> Outcome:
        """Raises Forbidden or Unavailable; everything a person can put right is a Refused."""
        key = request.idempotency_key
        identity = _digest(caller.tenant, key)[:32] if key else uuid4().hex
        try:
            outcome = await self._submit(caller, request, f"cmd-{identity}")
        except _Fault as fault:
            outcome = Refused(command_id=ID(f"cmd-{identity}"), **fault.said)
        COMMANDS.labels(type(outcome).__name__).inc()
        return outcome

    async def _submit(self, caller: Caller, request: Request, command_id: str) -> Outcome:
        kind = _kind(request.type)
        authorise(caller, kind.type)
        _check_address(request)
        try:
            command = kind.model_validate_json(orjson.dumps(dict(request.data)))
        except (ValidationError, TypeError) as error:
            raise _first_fault(error) from error
        _check_finite(command.model_dump(), ())
        submitted = self._submitted(caller, request, command, command_id)
        if not await self._may_address(caller, kind, submitted.engagement):
            raise _Fault("NOT_FOUND", "engagement", "engagement-exists", UNKNOWN_ENGAGEMENT)
        wait_ms = min(max(request.wait_ms, 0), LONGEST_WAIT_MS)
        earlier = await self._store.remember(submitted)
        if earlier is None:
            return await self._send(caller, submitted, command, wait_ms)
        if earlier.digest != submitted.digest:
            said = "this key was used before, for something else"
            raise _Fault("IDEMPOTENCY_MISMATCH", "idempotency_key", "same-key-same-content", said)
        # Its answer may be there, and then it is not sent again; one nobody has seen before has none.
        return await self._answer(earlier) or await self._send(caller, earlier, command, wait_ms)

    async def answer(self, caller: Caller, command_id: str) -> Outcome:
        """How it stands now. Raises NotFound for a command that is not the tenant's."""
        submitted = await self._store.command(command_id, caller.tenant)
        if submitted is None:
            raise NotFound("there is no such command")
        return await self._answer(submitted) or _pending(submitted)

    def _submitted(self, caller: Caller, request: Request, command: Command, command_id: str) -> Submitted:
        content = command.model_dump_json()
        seed = command_id if request.idempotency_key else secrets.token_hex(16)
        return Submitted(
            id=command_id,
            tenant=caller.tenant,
            engagement=request.engagement or new_key(seed),
            type=command.wire_type(),
            actor=caller.actor,
            digest=_digest(command.wire_type(), request.engagement, content),
            at=self._clock(),
            data=content,
        )

    async def _may_address(self, caller: Caller, kind: type[Command], engagement: str) -> bool:
        if kind.type != OPENING:
            return await self._store.opened(engagement, caller.tenant)
        known = await self._store.load(engagement)
        return known is None or known.tenant == caller.tenant

    async def _send(self, caller: Caller, submitted: Submitted, command: Command, wait_ms: int) -> Outcome:
        with self._hub.listening(submitted.engagement) as listener:
            await self._publish(caller, submitted, command)
            until = monotonic() + wait_ms / 1000
            while (left := until - monotonic()) > 0:
                await listener.woken(min(left, POLL_SECONDS))
                given = await self._answer(submitted)
                if given:
                    return given
        return _pending(submitted)

    async def _publish(self, caller: Caller, submitted: Submitted, command: Command) -> None:
        span = trace.get_current_span()
        span.set_attribute(ENGAGEMENT_ATTRIBUTE, submitted.engagement)
        message = command_message(
            command,
            engagement=submitted.engagement,
            tenant=caller.tenant,
            actor=submitted.actor,
            id=submitted.id,
        )
        try:
            await self._publisher.publish([message])
        except TooLarge as error:
            raise _Fault("VALIDATION", "data", "message-size", str(error)) from error
        except NotPublished as error:
            raise Unavailable(submitted.id) from error

    async def _answer(self, submitted: Submitted) -> Outcome | None:
        entries = await self._store.answers(submitted.id)
        if not entries:
            return None
        refusal = next((e for e in entries if isinstance(e.payload, CommandRefusal)), None)
        return _refusal(submitted, refusal) if refusal else _accepted(submitted, entries)


class _Fault(Exception):
    """A command that goes nowhere."""

    def __init__(self, code: str, field: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.said = {"code": code, "field": field, "rule": rule, "message": message}


def _first_fault(error: Exception) -> _Fault:
    """The first wrong field, as a path, and the rule it broke."""
    if not isinstance(error, ValidationError):
        return _Fault("VALIDATION", "data", "json", "the data is not JSON")
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in fault["loc"]) or "data"
    return _Fault("VALIDATION", path, fault["type"].replace("_", "-"), sentence(fault["type"], fault["msg"]))


def sentence(kind: str, said: str) -> str:
    """Pydantic's message in words for whoever sent the data."""
    known = {"missing": "is missing", "extra_forbidden": "is not a field of this message"}
    return known.get(kind) or said.removeprefix("Value error, ").replace("Input should be", "must be")


def new_key(seed: str) -> str:
    """An engagement key of eight letters and digits; the same seed gives the same key."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest())
    return "ENG-" + "".join(ALPHABET[(number >> (5 * place)) % 32] for place in range(8))


def _kind(name: str) -> type[Command]:
    found = registry.payloads().get(name)
    if found is None or not issubclass(found, Command) or found.internal:
        raise _Fault("VALIDATION", "type", "known-command", "is no public command")
    return found


def _check_address(request: Request) -> None:
    if request.engagement is None and request.type != OPENING:
        raise _Fault("VALIDATION", "engagement", "missing", "is missing")
    if request.engagement is not None and not ENGAGEMENT.match(request.engagement):
        raise _Fault("VALIDATION", "engagement", "engagement-key", "must look like ENG-7F3K")
    if request.idempotency_key is not None and not 0 < len(request.idempotency_key) <= LONGEST_KEY:
        said = f"must have 1 to {LONGEST_KEY} characters"
        raise _Fault("VALIDATION", "idempotency_key", "key-length", said)


def _check_finite(value: Any, path: tuple[str, ...]) -> None:
    """Pydantic reads "Infinity" as a number; no view could show it."""
    if isinstance(value, float) and not isfinite(value):
        raise _Fault("VALIDATION", ".".join(path), "finite-number", "must be a finite number")
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, tuple | list)
        else ()
    )
    for name, inner in items:
        _check_finite(inner, (*path, str(name)))


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _refusal(submitted: Submitted, entry: Entry) -> Refused:
    event = entry.payload
    if not isinstance(event, CommandRefusal):
        raise TypeError(f"{entry.type} is no refusal")
    said = {"code": event.code, "field": event.field, "rule": event.rule, "message": event.reason}
    return Refused(command_id=_id(submitted), **said)


def _accepted(submitted: Submitted, entries: Sequence[Entry]) -> Accepted:
    return Accepted(
        command_id=_id(submitted),
        engagement_id=_key(submitted),
        cursor=entries[-1].cursor,
        events=[timeline_entry(entry) for entry in entries],
    )


def _pending(submitted: Submitted) -> Pending:
    return Pending(command_id=_id(submitted), message="taken in; its effect cannot be read yet")


def timeline_entry(entry: Entry) -> TimelineEntry:
    return TimelineEntry(**entry.to_timeline())


def _id(submitted: Submitted) -> ID:
    return ID(submitted.id)


def _key(submitted: Submitted) -> ID:
    return ID(submitted.engagement)
