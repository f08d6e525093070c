"""CloudEvents 1.0 on Kafka: attributes to headers and back; binary mode out, binary and structured in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from schemas import registry
from schemas.base import Command, Event, Payload

JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
UNKNOWN: Final = frozenset({"unknown-type", "unknown-version"})
Headers = list[tuple[str, bytes]]

_ENGAGEMENT = re.compile(r"^ENG-[0-9A-Z]{4,12}$")
_TENANT = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")
_EXTENSIONS: Final = {
    "engagement": "engagement",
    "tenant": "tenant",
    "correlationid": "correlation",
    "causationid": "causation",
    "causationtype": "causation_type",
    "actor": "actor",
}
_EXTENSION_HEADERS: Final = tuple((f"ce_{wire}", field) for wire, field in _EXTENSIONS.items())
_JSON_HEADER: Final = JSON.encode()


class Unreadable(ValueError):
    """A message that cannot be handled: which field is wrong, and why; its envelope where that is right."""

    def __init__(self, field: str, reason: str, code: str = "invalid") -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason, self.code = field, reason, code
        self.envelope: Envelope | None = None


class NewerEvent(Unreadable):
    """A service's event that only a newer reader knows. Its place in its stream can be read all the same."""

    def __init__(self, fault: Unreadable, envelope: "Envelope") -> None:
        super().__init__(fault.field, fault.reason, fault.code)
        self.envelope: Envelope = envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is known about a message apart from its data. `type` is the wire type, with its version."""

    id: str
    source: str
    type: str
    time: datetime
    engagement: str
    tenant: str
    correlation: str
    causation: str | None = None
    causation_type: str | None = None
    actor: str = "system"
    sequence: int | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def cause(self) -> str:
        """The identity a duplicate is known by: source and id."""
        return f"{self.source}#{self.id}"


@dataclass(frozen=True, slots=True)
class Message:
    """`body` is the payload as JSON where it is already known; equality does not ask for it."""

    envelope: Envelope
    payload: Payload
    body: str | None = field(default=None, compare=False, repr=False)

    def json(self) -> str:
        return self.payload.model_dump_json() if self.body is None else self.body


def command_message(
    command: Command,
    *,
    engagement: str,
    tenant: str,
    actor: str,
    source: str = "/throughline/gateway",
    id: str | None = None,
    correlation: str | None = None,
    causation: str | None = None,
    causation_type: str | None = None,
) -> Message:
    """A command ready to be published; a fresh id where none is given."""
    identity = id or str(uuid4())
    envelope = Envelope(
        id=identity,
        source=source,
        type=command.wire_type(),
        time=datetime.now(UTC),
        engagement=engagement,
        tenant=tenant,
        correlation=correlation or identity,
        causation=causation,
        causation_type=causation_type,
        actor=actor,
    )
    return Message(envelope, command)


def inbound_message(
    event: Event,
    *,
    id: str,
    source: str,
    engagement: str,
    tenant: str,
    actor: str,
    time: datetime | None = None,
) -> Message:
    """An outsider's event ready to be published; `source` and `id` together are its identity."""
    envelope = Envelope(
        id=id,
        source=source,
        type=event.wire_type(),
        time=time or datetime.now(UTC),
        engagement=engagement,
        tenant=tenant,
        correlation=id,
        actor=actor,
    )
    return Message(envelope, event)


def to_headers(envelope: Envelope) -> Headers:
    """Binary mode: `ce_` headers, `content-type`, and the W3C trace headers."""
    return with_trace(attribute_headers(envelope), envelope.traceparent, envelope.tracestate)


def attribute_headers(envelope: Envelope) -> Headers:
    """All but the trace headers, which belong to one transmission."""
    pairs = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_time", envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
    ]
    if envelope.sequence is not None:
        pairs.append(("ce_sequence", str(envelope.sequence).encode()))
    for name, attribute in _EXTENSION_HEADERS:
        value: str | None = getattr(envelope, attribute)
        if value is not None:
            pairs.append((name, value.encode()))
    pairs.append(("content-type", _JSON_HEADER))
    return pairs


def with_trace(headers: Headers, traceparent: str | None, tracestate: str | None) -> Headers:
    traced = (("traceparent", traceparent), ("tracestate", tracestate))
    return headers + [(name, value.encode()) for name, value in traced if value is not None]


def to_structured(message: Message) -> dict[str, Any]:
    """The message as one CloudEvents JSON object."""
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in to_headers(message.envelope)}
    attributes["datacontenttype"] = attributes.pop("content-type")
    return {**attributes, "data": from_json(message.json())}


def decode(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Iterable[tuple[str, bytes | None]],
    limit: int,
) -> Message:
    """Read one Kafka record. Raises Unreadable for what can never be handled, by this version at least."""
    if value is None:
        raise Unreadable("data", "the message has no value", "empty")
    if len(value) > limit:
        raise Unreadable("data", f"{len(value)} bytes; at most {limit} are taken", "too-large")
    plain = _text_headers(headers)
    if plain.get("content-type", "").startswith(STRUCTURED):
        attributes, data = split_structured(_json_object(value))
    else:
        attributes = {name[3:]: text for name, text in plain.items() if name.startswith("ce_")}
        data = value
    attributes.setdefault("traceparent", plain.get("traceparent"))
    attributes.setdefault("tracestate", plain.get("tracestate"))
    envelope = read_attributes(attributes)
    if key is not None and key != envelope.engagement.encode():
        raise Unreadable("key", "must be the engagement, or the order of its events is lost", "wrong-key")
    _check_topic(envelope.type, topic)
    try:
        payload = read_payload(envelope.type, data)
    except Unreadable as fault:
        fault.envelope = envelope
        if fault.code in UNKNOWN and data is value and _has_place(envelope, topic):
            _json_object(value)
            raise NewerEvent(fault, envelope) from fault
        raise
    sequenced = isinstance(payload, Event) and payload.service() != "inbound"
    if sequenced and envelope.sequence is None:
        raise Unreadable("sequence", "an event of a service needs its sequence", "missing")
    # A sender's own count is not ours: taken for a place in a stream, it would wait for ever.
    return Message(envelope if sequenced else replace(envelope, sequence=None), payload)


def _has_place(envelope: Envelope, topic: str) -> bool:
    """Whether it is in a service's stream, which then has a hole for all who leave it out."""
    service = envelope.type.partition(".")[0]
    is_own = service in registry.SERVICES and topic == f"{service}.events"
    return is_own and envelope.sequence is not None


def split_structured(document: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Attributes and data of a structured-mode event. Raises Unreadable."""
    if "data_base64" in document:
        raise Unreadable("data_base64", "data must be JSON", "unsupported")
    if "data" not in document:
        raise Unreadable("data", "is missing", "missing")
    nested = [name for name, value in document.items() if name != "data" and isinstance(value, dict | list)]
    if nested:
        raise Unreadable(nested[0], "an attribute must be text, a number or a Boolean", "invalid")
    attributes = {name: value for name, value in document.items() if name != "data"}
    return attributes, to_json(document["data"])


def read_attributes(attributes: Mapping[str, Any]) -> Envelope:
    """Strict reading of CloudEvents attributes; nothing missing is made up. Raises Unreadable."""
    if attributes.get("specversion") != "1.0":
        raise Unreadable("specversion", "must be 1.0", "unsupported")
    required = {name: _required(attributes, name) for name in ("id", "source", "type", "tenant")}
    engagement = attributes.get("engagement") or attributes.get("subject")
    if not isinstance(engagement, str) or not _ENGAGEMENT.match(engagement):
        raise Unreadable("engagement", "must be an engagement such as ENG-7F3K", "invalid")
    if not _TENANT.match(required["tenant"]):
        raise Unreadable("tenant", "must be lower-case letters, digits and dashes", "invalid")
    return Envelope(
        id=required["id"],
        source=required["source"],
        type=required["type"],
        time=_time(attributes.get("time")),
        engagement=engagement,
        tenant=required["tenant"],
        correlation=_optional(attributes, "correlationid") or required["id"],
        causation=_optional(attributes, "causationid"),
        causation_type=_optional(attributes, "causationtype"),
        actor=_optional(attributes, "actor") or required["source"],
        sequence=_sequence(attributes.get("sequence")),
        traceparent=_optional(attributes, "traceparent"),
        tracestate=_optional(attributes, "tracestate"),
    )


def read_payload(wire_type: str, data: bytes) -> Payload:
    """Validate the data against its type's schema. Raises Unreadable naming the first wrong field."""
    try:
        return registry.parse(wire_type, data)
    except registry.UnknownType as error:
        raise Unreadable("type", str(error.args[0]), "unknown-type") from error
    except registry.UnknownVersion as error:
        raise Unreadable("type", str(error.args[0]), "unknown-version") from error
    except ValidationError as error:
        raise Unreadable(*_first_fault(error)) from error


def _first_fault(error: ValidationError) -> tuple[str, str, str]:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in fault["loc"])
    more = error.error_count() - 1
    reason = fault["msg"] + (f" (and {more} more)" if more else "")
    return (f"data.{path}" if path else "data"), reason, "schema"


def _check_topic(wire_type: str, topic: str) -> None:
    try:
        cls, _ = registry.find(wire_type)
    except LookupError:
        return
    if cls.topic() != topic:
        raise Unreadable("type", f"{cls.type} belongs on {cls.topic()}, not on {topic}", "wrong-topic")


def _text_headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for name, value in headers:
        try:
            plain[name.lower()] = (value or b"").decode()
        except UnicodeDecodeError as error:
            raise Unreadable(f"header {name}", "is not UTF-8", "invalid") from error
    return plain


def _json_object(value: bytes) -> dict[str, Any]:
    try:
        document = from_json(value)
    except ValueError as error:
        raise Unreadable("data", f"is not JSON: {error}", "malformed") from error
    if not isinstance(document, dict):
        raise Unreadable("data", "a structured event must be a JSON object", "malformed")
    return document


def _required(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value or len(value) > 300:
        raise Unreadable(name, "is missing, empty or too long", "missing")
    return value


def _optional(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 600:
        raise Unreadable(name, "must be text of at most 600 characters", "invalid")
    return value


def _sequence(value: Any) -> int | None:
    if value is None:
        return None
    if not str(value).isdecimal() or not 1 <= int(value) < 2**63:
        raise Unreadable("sequence", "must be a whole number from 1", "invalid")
    return int(value)


def _time(value: Any) -> datetime:
    if value is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Unreadable("time", "must be an RFC 3339 timestamp", "invalid") from error
    if moment.tzinfo is None:
        raise Unreadable("time", "needs a time zone", "invalid")
    return moment
