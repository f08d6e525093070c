"""CloudEvents attributes to headers and back."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import Envelope, Message, Unreadable
from messaging.envelope import NewerEvent, decode, split_structured, to_headers, to_structured
from testkit.register import stakeholder

LIMIT = 1_000_000
TEXT = st.text(min_size=1, max_size=60).filter(str.strip)


@given(identity=TEXT, actor=TEXT, correlation=TEXT, microsecond=st.integers(0, 999_999))
def test_binary_mode_loses_nothing(identity: str, actor: str, correlation: str, microsecond: int) -> None:
    envelope = Envelope(
        id=identity,
        source="/test",
        type="intake.register_stakeholder.v1",
        time=datetime(2026, 3, 1, 12, 0, 0, microsecond, tzinfo=UTC),
        engagement="ENG-TEST1",
        tenant="acme",
        correlation=correlation,
        causation="cause",
        causation_type="x.y.v1",
        actor=actor,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    body = stakeholder("anna").model_dump_json().encode()

    read = decode("intake.commands", b"ENG-TEST1", body, to_headers(envelope), LIMIT)

    assert read == Message(envelope, stakeholder("anna"))


def test_structured_mode_loses_nothing() -> None:
    envelope = Envelope(
        id="1",
        source="/test",
        type="intake.register_stakeholder.v1",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        engagement="ENG-TEST1",
        tenant="acme",
        correlation="1",
        actor="anna",
    )
    message = Message(envelope, stakeholder("anna"))
    headers = [("content-type", b"application/cloudevents+json")]

    read = decode("intake.commands", None, json.dumps(to_structured(message)).encode(), headers, LIMIT)

    assert read == message


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"id": "1"}, "data"),
        ({"data": {}, "subject": {"nested": 1}}, "subject"),
        ({"data_base64": "AA=="}, "data_base64"),
    ],
)
def test_a_structured_event_is_refused_naming_its_field(document: dict[str, object], field: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        split_structured(document)

    assert refusal.value.field == field


NEWER = {
    "specversion": "1.0",
    "id": "ENG-TEST1/intake/4",
    "source": "/throughline/intake",
    "sequence": "4",
    "type": "intake.client_merged.v1",
    "engagement": "ENG-TEST1",
    "tenant": "acme",
}


def _newer(body: bytes = b'{"into": "ENG-X"}', topic: str = "intake.events", **changes: str) -> Unreadable:
    attributes = {**NEWER, **changes}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if value]
    with pytest.raises(Unreadable) as caught:
        decode(topic, b"ENG-TEST1", body, headers, LIMIT)
    return caught.value


@pytest.mark.parametrize("wire_type", ["intake.client_merged.v1", "intake.stakeholder_registered.v9"])
def test_a_newer_services_event_still_says_where_in_its_stream_it_stands(wire_type: str) -> None:
    fault = _newer(type=wire_type)

    assert isinstance(fault, NewerEvent)
    assert (fault.envelope.sequence, fault.envelope.type) == (4, wire_type)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (b'{"into": ', {}),
        (b"[]", {}),
        (b"{}", {"sequence": ""}),
        (b"{}", {"topic": "inbound.events"}),
        (b"{}", {"topic": "intake.commands"}),
        (b"{}", {"type": "weather.rain.v1", "topic": "weather.events"}),
        (b"{}", {"type": "intake.stakeholder_registered.v1"}),
    ],
)
def test_what_no_version_could_place_or_read_is_unreadable(body: bytes, changes: dict[str, str]) -> None:
    assert not isinstance(_newer(body, **changes), NewerEvent)
