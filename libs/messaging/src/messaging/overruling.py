"""What an operator decides about messages that wait, and how it stands in the stream: pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from messaging.stream import Outcome, Received, Stream, recorded
from messaging.waiting import FAILED, GAP, UNREAD
from schemas import registry
from schemas.base import Event
from schemas.operations import DeclareLost, RetryBlocked, SkipBlocked

Order = RetryBlocked | SkipBlocked | DeclareLost
ORDERS = (RetryBlocked, SkipBlocked, DeclareLost)
Queue = Sequence[Mapping[str, Any]]
"""An engagement's waiting messages, as they are stored, first one first."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """`answer` is its event; `seen` moves the upstream on; `given_up` is the waiting message that goes."""

    answer: Event
    seen: Mapping[str, int] = field(default_factory=dict)
    given_up: Mapping[str, Any] | None = None


def rule(service: str, message: Received, stream: Stream, queue: Queue) -> Ruling:
    """What becomes of an operator's command; it changes nothing itself."""
    order: Order = message.payload
    if isinstance(order, SkipBlocked):
        return _skip(service, message, order, queue)
    if isinstance(order, DeclareLost):
        return _declare_lost(service, message, order, stream, queue)
    return Ruling(registry.no_effect_of(service)(**_about(message)))


def overruled(service: Any, stream: Stream, message: Received, ruling: Ruling) -> Outcome:
    """The ruling as a commit of the stream, beside all others."""
    answers = [(ruling.answer, ruling.answer.model_dump_json())]
    trace = (message.envelope.traceparent, message.envelope.tracestate)
    moved = {name: max(last, stream.seen.get(name, 0)) for name, last in ruling.seen.items()}
    after = replace(stream, seen={**stream.seen, **moved}, version=stream.version + 1)
    after, events = recorded(service, after, answers, message.envelope, trace)
    outcome = Outcome(after, events=events, causes=[message.envelope.cause])
    if ruling.given_up is not None:
        outcome.skipped.append(ruling.given_up["_id"])
    return outcome


def _skip(service: str, message: Received, order: SkipBlocked, queue: Queue) -> Ruling:
    head = next((one for one in queue if one["kind"] == FAILED), None)
    holding = [one for one in queue if one is head or one["kind"] == UNREAD]
    found = next((one for one in holding if one["message_id"] == order.message_id), None)
    if found is None:
        reason = f"{order.message_id} is no message that others wait for; `blocked list` shows which one is"
        return _refuse(service, message, "message_id", "skip-names-what-blocks", reason)
    sequence: int | None = found["sequence"]
    if sequence is None:
        return Ruling(_overruled(service, message, order, None, None, None), given_up=found)
    upstream = str(found["upstream"])
    answer = _overruled(service, message, order, upstream, sequence, sequence)
    # Counted as seen, or all that follows of its stream would wait for it for ever.
    return Ruling(answer, {upstream: sequence}, found)


def _declare_lost(
    service: str, message: Received, order: DeclareLost, stream: Stream, queue: Queue
) -> Ruling:
    found = next((one for one in queue if one["message_id"] == order.message_id), None)
    if found is None or found["kind"] != GAP:
        reason = f"{order.message_id} does not wait for an earlier one; `blocked list` shows what does"
        return _refuse(service, message, "message_id", "lost-names-a-gap", reason)
    upstream, last = found["upstream"], stream.seen.get(found["upstream"], 0)
    first = min((o for o in queue if o["upstream"] == upstream and o["sequence"]), key=_sequence)
    if first is not found or first["sequence"] <= last + 1:
        reason = f"{first['message_id']} is the first of {upstream} that waits; what is lost is before it"
        return _refuse(service, message, "message_id", "lost-names-the-first-that-waits", reason)
    until = first["sequence"] - 1
    return Ruling(_overruled(service, message, order, upstream, last + 1, until), {upstream: until})


def _sequence(document: Mapping[str, Any]) -> int:
    return int(document["sequence"])


def _about(message: Received) -> dict[str, str]:
    return {"command_id": message.envelope.id, "command_type": message.envelope.type}


def _overruled(
    service: str,
    message: Received,
    order: SkipBlocked | DeclareLost,
    upstream: str | None,
    first: int | None,
    last: int | None,
) -> Event:
    return registry.overruled_of(service)(
        **_about(message),
        message_id=order.message_id,
        upstream=upstream,
        first_sequence=first,
        last_sequence=last,
        requested_by=order.requested_by,
        reason=order.reason,
    )


def _refuse(service: str, message: Received, field: str, rule: str, reason: str) -> Ruling:
    refusal = registry.refusal_of(service)(
        **_about(message), code="NOT_BLOCKED", field=field, rule=rule, reason=reason
    )
    return Ruling(refusal)
