"""Messages that can never succeed: once in the dead letters, with bytes and reason; neighbours go on."""

import json

import pytest

from messaging.envelope import to_headers
from schemas import intake
from testkit.backbone import Backbone
from testkit.register import register_service, stakeholder

KEY = b"ENG-TEST1"
GOOD = {
    "ce_specversion": "1.0",
    "ce_id": "x1",
    "ce_source": "/elsewhere",
    "ce_type": "intake.register_stakeholder.v1",
    "ce_time": "2026-03-01T09:00:00Z",
    "ce_engagement": "ENG-TEST1",
    "ce_tenant": "acme",
    "content-type": "application/json",
}
BODY = stakeholder("anna").model_dump_json().encode()

CASES = [
    ("not JSON", {}, b"{", "data"),
    ("no value", {}, None, "data"),
    ("unknown type", {"ce_type": "intake.do_magic.v1"}, BODY, "type"),
    ("unknown version", {"ce_type": "intake.register_stakeholder.v7"}, BODY, "type"),
    ("no type version", {"ce_type": "intake.register_stakeholder"}, BODY, "type"),
    ("wrong topic", {"ce_type": "design.reject_proposal.v1"}, b"{}", "type"),
    ("schema broken", {}, b'{"stakeholder": {"id": "a"}}', "data.stakeholder.name"),
    ("unknown field", {}, BODY[:-1] + b', "admin": true}', "data.admin"),
    ("no id", {"ce_id": None}, BODY, "id"),
    ("no tenant", {"ce_tenant": None}, BODY, "tenant"),
    ("bad engagement", {"ce_engagement": "../etc"}, BODY, "engagement"),
    ("bad time", {"ce_time": "yesterday"}, BODY, "time"),
    ("wrong specversion", {"ce_specversion": "0.3"}, BODY, "specversion"),
    ("over a megabyte", {}, b'{"x": "' + b"a" * 1_050_000 + b'"}', "data"),
    ("deep nesting", {}, b"[" * 100_000, "data"),
]


def _headers(changes: dict[str, str | None]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in {**GOOD, **changes}.items() if value is not None]


async def test_each_poison_message_is_dead_lettered_once_and_stops_nobody(backbone: Backbone) -> None:
    topics = ("intake.events", "intake.dead")
    async with backbone.running(register_service()), backbone.tail(*topics) as tail:
        for _, changes, value, _ in CASES:
            await backbone.send_raw("intake.commands", KEY, value, _headers(changes))
        await backbone.send_raw("intake.commands", KEY, BODY, [("ce_id", b"\xff\xfe")])
        await backbone.send_raw("intake.commands", b"ENG-OTHER", BODY, _headers({}))
        await backbone.send(stakeholder("berta"))
        await tail.until(lambda t: len(t.records) == len(CASES) + 3)

    dead = [r for r in tail.records if r.topic == "intake.dead"]
    fields = [dict(r.headers)["dl-field"].decode() for r in dead]
    assert sorted(fields) == sorted([*(field for _, _, _, field in CASES), "header ce_id", "key"])
    assert {r.value for r in dead} == {value for _, _, value, _ in CASES}
    assert all(dict(r.headers)["dl-reason"] for r in dead)
    assert [m.payload.stakeholder.id for m in tail.of(intake.StakeholderRegistered)] == ["berta"]


async def test_structured_mode_is_read(backbone: Backbone) -> None:
    event = {name.removeprefix("ce_"): value for name, value in GOOD.items() if name.startswith("ce_")}
    document = json.dumps({**event, "data": json.loads(BODY)}).encode()
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
        await backbone.send_raw("intake.commands", KEY, document, headers)
        await tail.until(lambda t: len(t.messages) == 1)

    assert tail.messages[0].envelope.causation == "x1"


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_sequence", "ce_correlationid", "content-type"])
async def test_published_events_carry_their_attributes(name: str, backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: len(t.records) == 1)

    assert dict(to_headers(tail.messages[0].envelope))[name] == dict(tail.records[0].headers)[name]
