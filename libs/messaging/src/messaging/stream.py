"""One engagement's stream in memory, and how a batch of messages moves it: pure, no I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from messaging.envelope import Envelope, Unreadable
from messaging.ordering import Verdict, admit, upstream
from messaging.service import Service
from schemas import registry
from schemas.base import Command, CommandNoEffect, CommandRefusal, DeliveryOverruled, Event
from schemas.rules import Context, Refused

EVENT_LIMIT = 1_000_000
COMMIT_LIMIT = 3_000_000
"""Characters of events in one commit, of four bytes at most; what is over waits for the next."""
ANSWERS = (CommandRefusal, CommandNoEffect, DeliveryOverruled)
REDRIVEN = "redriven-from"
TENANT_MISMATCH = "the engagement does not exist for this tenant"


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as it came, so that it can be kept, dead-lettered and redriven unchanged."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def id(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Received:
    """A message and the record it came in. `payload` is Unread where only a newer release can read it."""

    envelope: Envelope
    payload: Any
    record: Record

    @property
    def redriven(self) -> bool:
        return any(name == REDRIVEN for name, _ in self.record.headers)


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands for the data of an upstream event that this release cannot read; its place is known."""

    fault: Unreadable


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of this stream as it will stand in the commit document."""

    sequence: int
    payload: Event
    data: str
    cause: Envelope
    traceparent: str | None = None
    tracestate: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """`version` counts commit documents, `sequence` events; `seen` the last event folded of each upstream.

    `skipped` are the causes that operators took out of the order, until they are redriven.
    """

    engagement: str
    state: Any
    tenant: str | None = None
    version: int = 0
    sequence: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    snapshot: int = 0
    blocked: bool = False
    gapped: bool = False


@dataclass(slots=True)
class Outcome:
    """What a batch of one engagement's messages comes to; nothing of it is true before it is committed."""

    stream: Stream
    events: list[Recorded] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    undeliverable: list[tuple[Received, str, str]] = field(default_factory=list)
    gaps: list[Received] = field(default_factory=list)
    behind: list[Received] = field(default_factory=list)
    unread: list[Received] = field(default_factory=list)
    rest: Sequence[Received] = ()
    failed: tuple[Received, Exception] | None = None
    document: dict[str, Any] | None = None


def missing_before(outcome: Outcome, message: Received) -> str:
    """Why a message waits for a gap: what is missing, and what was expected."""
    name = upstream(message.envelope)
    last, sequence = outcome.stream.seen.get(name, 0), message.envelope.sequence or 0
    lacking = str(last + 1) if sequence == last + 2 else f"{last + 1} to {sequence - 1}"
    return f"sequence: {name} {lacking} is missing before {sequence}"


Spans = Callable[[Received], tuple[str | None, str | None]]
"""Opens the span of a message that is handled; returns its trace context."""


def handle(
    service: Service, before: Stream, messages: Sequence[Received], opened: Spans, limit: int = EVENT_LIMIT
) -> Outcome:
    """Fold one engagement's messages, in order, into an outcome.

    A refusal becomes an event. A rule that raises anything else stops this engagement alone: that message
    and those after it are handed back to wait.
    """
    outcome = Outcome(before)
    for position, message in enumerate(messages):
        if outcome.stream.blocked:
            outcome.behind.extend(messages[position:])
            break
        try:
            _handle_one(service, outcome, message, opened, limit)
        except Exception as error:
            outcome.failed = (message, error)
            outcome.behind.extend(messages[position + 1 :])
            break
        if sum(len(event.data) for event in outcome.events) > COMMIT_LIMIT:
            outcome.rest = messages[position + 1 :]
            break
    return outcome


def _handle_one(service: Service, outcome: Outcome, message: Received, opened: Spans, limit: int) -> None:
    stream, envelope = outcome.stream, message.envelope
    verdict = admit(stream.seen, envelope)
    if envelope.cause in stream.skipped:
        # Only on purpose is it brought back: a repetition that was under way is not.
        verdict = Verdict.NEXT if message.redriven else Verdict.OLD
    if verdict is Verdict.OLD or envelope.cause in outcome.causes:
        return
    if verdict is Verdict.GAP:
        outcome.gaps.append(message)
        return
    # Left out, an event that this release does not know would be lost to the next one.
    if isinstance(message.payload, Unread) and service.awaits(envelope.type):
        outcome.unread.append(message)
        return
    command = None if isinstance(message.payload, Unread) else service.command_for(message.payload)
    if command is None:
        outcome.stream = _saw(stream, message)
        return
    if stream.tenant is not None and stream.tenant != envelope.tenant:
        outcome.undeliverable.append((message, "tenant", TENANT_MISMATCH))
        outcome.stream = _saw(stream, message)
        return
    trace = opened(message)
    answers = _written(service, _answer(service, stream.state, command, message), envelope, limit)
    stream, events = recorded(service, _saw(stream, message), answers, envelope, trace)
    outcome.stream = replace(stream, skipped=stream.skipped - {envelope.cause})
    outcome.events.extend(events)
    outcome.causes.append(envelope.cause)


def _saw(stream: Stream, message: Received) -> Stream:
    """A service's event also says whose the engagement is, before anything from outside can."""
    envelope = message.envelope
    if envelope.sequence is None:
        return stream
    tenant = stream.tenant or (None if isinstance(message.payload, (*ANSWERS, Unread)) else envelope.tenant)
    last = max(envelope.sequence, stream.seen.get(upstream(envelope), 0))
    return replace(stream, tenant=tenant, seen={**stream.seen, upstream(envelope): last})


def _answer(service: Service, state: Any, command: Command, message: Received) -> Sequence[Event]:
    envelope = message.envelope
    context = Context(envelope.engagement, envelope.tenant, envelope.time, envelope.id, envelope.actor)
    try:
        events = service.decide(state, command, context)
    except Refused as refusal:
        return [_refusal(service, envelope, refusal)]
    if not events and isinstance(message.payload, Command) and not command.internal:
        answer = registry.no_effect_of(service.name)
        return [answer(command_id=envelope.id, command_type=envelope.type)]
    return events


def _written(
    service: Service, events: Sequence[Event], cause: Envelope, limit: int
) -> list[tuple[Event, str]]:
    written = [(event, event.model_dump_json()) for event in events]
    for event, data in written:
        # Committed, it could never be published, and would hold up its engagement for ever.
        if len(data.encode()) > limit:
            reason = f"{event.type} would have {len(data.encode())} bytes; at most {limit} can be published"
            refusal = _refusal(service, cause, Refused("data", "event-fits-a-message", reason))
            return [(refusal, refusal.model_dump_json())]
    return written


def _refusal(service: Service, envelope: Envelope, refusal: Refused) -> Event:
    return registry.refusal_of(service.name)(
        command_id=envelope.id,
        command_type=envelope.type,
        code=refusal.code,
        field=refusal.field,
        rule=refusal.rule,
        reason=refusal.reason,
    )


def recorded(
    service: Service,
    stream: Stream,
    events: Sequence[tuple[Event, str]],
    cause: Envelope,
    trace: tuple[str | None, str | None],
) -> tuple[Stream, list[Recorded]]:
    """The stream with these events, each with its JSON, folded in; and the events as they will be stored."""
    state, found = stream.state, []
    for number, (event, data) in enumerate(events, stream.sequence + 1):
        state = service.evolve(state, event)
        found.append(Recorded(number, event, data, cause, *trace))
    tenant = stream.tenant or (cause.tenant if _has_effect(events) else None)
    return replace(stream, state=state, tenant=tenant, sequence=stream.sequence + len(events)), found


def _has_effect(events: Sequence[tuple[Event, str]]) -> bool:
    """Whether anything but an answer is recorded: nobody owns an engagement by being refused."""
    return any(not isinstance(event, ANSWERS) for event, _ in events)
