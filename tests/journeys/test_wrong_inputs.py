"""Wrong messages among good ones, seven processes running: each is answered once, and nobody else notices."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from runtime.client import GatewayClient
from runtime.dead_letters import DeadLetterList
from runtime.engagement_file import load, opening_commands
from runtime.errors import Exit
from runtime.opening import open_engagement
from testkit.stack import RunningStack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

CLINIC = Path(__file__).parents[2] / "examples" / "harbour-clinic-identity" / "engagement.yaml"
FOREIGN = "acme"
STABLE_ROUNDS = 12
MEGABYTES = 2_000_000
Json = dict[str, Any]


@dataclass(frozen=True)
class Outsider:
    """A broken machine with a Kafka client of its own: it sends whatever it likes."""

    producer: AIOKafkaProducer

    async def send(self, topic: str, value: bytes, *, key: str = "", **attributes: str) -> None:
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        await self.producer.send_and_wait(topic, value, key=key.encode() or None, headers=headers)

    async def survey(self, engagement: str, number: int, *, tenant: str = "demo", **changes: str) -> None:
        told = {"id": f"S-{number}", "kind": "csat", "score": 4, "stage": "design"}
        told |= {"respondent_role": "sponsor", "answered_at": "2026-11-20T09:00:00Z"}
        known = {"id": f"survey-{engagement}-{number}", "type": "inbound.survey_answered.v1"} | changes
        value = json.dumps({"survey": told}).encode()
        await self.send(
            "inbound.events", value, key=engagement, **attributes(engagement, tenant=tenant) | known
        )


def attributes(engagement: str, *, tenant: str = "demo") -> dict[str, str]:
    return {"specversion": "1.0", "source": "/machine", "engagement": engagement, "tenant": tenant}


@pytest.fixture
async def outsider(stack: RunningStack) -> AsyncIterator[Outsider]:
    producer = AIOKafkaProducer(bootstrap_servers=stack.state.kafka, max_request_size=8 * MEGABYTES)
    await producer.start()
    try:
        yield Outsider(producer)
    finally:
        await producer.stop()


async def opened(stack: RunningStack, *, agreed: bool = True) -> str:
    """A new engagement of the clinic; with an agreed plan every service but the last three knows it."""
    client = stack.client()
    commands = opening_commands(load(CLINIC))
    key = await open_engagement(
        client.url, stack.token(), commands, lambda _: None, timeout_seconds=30, wait=False
    )
    if agreed:
        await agree(client, key)
    return key


async def agree(client: GatewayClient, key: str) -> None:
    await client.submit("intake.score_requirements", {}, engagement=key)
    proposed = await client.submit("intake.propose_plan", {}, engagement=key)
    version = proposed.data["events"][0]["data"]["plan"]["version"]
    agreed = {"plan_version": version, "agreed_by": "reto-amsler"}
    answer = await client.submit("intake.agree_plan", agreed, engagement=key)
    assert answer.kind == "Accepted", answer
    await entries(client, key, "feedback.kpis_adopted", 1)


async def entries(client: GatewayClient, key: str, kind: str, count: int) -> list[Json]:
    """At least so many entries of a type, waited for."""
    for _ in range(150):
        found = await client.timeline(key, types=[kind])
        if len(found) >= count:
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"{key}: {len(found)} of {count} {kind}")


async def letters(client: GatewayClient, since: datetime, count: int) -> list[Json]:
    """The dead letters since then, once there are `count` and for a while no more."""
    rounds, found = 0, []
    for _ in range(200):
        before, found = found, await DeadLetterList(client, since=since).all()
        rounds = rounds + 1 if len(found) == len(before) >= count else 0
        if rounds >= STABLE_ROUNDS:
            break
        await asyncio.sleep(0.25)
    return found


def facts(found: list[Json]) -> Counter[tuple[str, str, str, str]]:
    return Counter((x["service"], x["topic"], x["field"], x["code"]) for x in found)


async def test_unreadable_messages_are_dead_letters_once_and_the_neighbour_hears_nothing(
    stack: RunningStack, outsider: Outsider
) -> None:
    client, since = stack.client(), datetime.now(UTC)
    victim, neighbour = await opened(stack), await opened(stack)
    rest = attributes(victim)
    good = b'{"where": "Neuss"}'
    wrong: list[tuple[str, bytes, Json]] = [
        ("inbound.events", b"\xff\x00 not JSON", {}),
        ("monitoring.samples", b"\xff\x00 not JSON", {}),
        ("design.commands", b"{", {**rest, "id": "w-3", "type": "design.approve_proposal.v1"}),
        # In a place of the past: one that is still to come would keep its place, and block (ADR 0016).
        ("intake.events", b"[]", {**rest, "id": "w-4", "type": "intake.plan_agreed.v1", "sequence": "1"}),
        ("inbound.events", good, {**rest, "id": "w-5", "type": "inbound.weather_observed.v1"}),
        ("inbound.events", good, {**rest, "id": "w-6", "type": "inbound.survey_answered.v9"}),
        ("inbound.events", b"x" * MEGABYTES, {**rest, "id": "w-7", "type": "inbound.survey_answered.v1"}),
        ("inbound.events", b"{}", {**rest, "id": "w-8", "type": "design.record_proposal.v1"}),
    ]

    for number, (topic, value, headers) in enumerate(wrong):
        await outsider.survey(neighbour, number)
        await outsider.send(topic, value, key=victim, **headers)
        await outsider.survey(victim, number)

    assert facts(await letters(client, since, len(wrong))) == Counter(
        [
            ("gateway", "inbound.events", "specversion", "unsupported"),
            ("monitoring", "monitoring.samples", "specversion", "unsupported"),
            ("design", "design.commands", "data", "schema"),
            ("gateway", "intake.events", "data", "schema"),
            ("gateway", "inbound.events", "type", "unknown-type"),
            ("gateway", "inbound.events", "type", "unknown-version"),
            ("gateway", "inbound.events", "data", "too-large"),
            ("gateway", "inbound.events", "type", "wrong-topic"),
        ]
    )
    for key in (neighbour, victim):
        heard = await entries(client, key, "feedback.survey_recorded", len(wrong))
        assert [e["data"]["survey"]["id"] for e in heard] == [f"S-{n}" for n in range(len(wrong))]
        # Nothing was refused, and nothing is missing between what each service published.
        timeline = await client.whole_timeline(key)
        assert [e["type"] for e in timeline if e["type"].endswith("command_refused")] == []
    await agree_can_go_on(client, victim)


async def agree_can_go_on(client: GatewayClient, key: str) -> None:
    """Design has drafted and takes an approval: the engagement lives."""
    drafted = (await entries(client, key, "design.proposal_drafted", 1))[-1]["data"]
    approval = {
        "proposal_version": drafted["proposal"]["version"],
        "content_digest": drafted["content_digest"],
        "approved_by": "reto-amsler",
    }
    answer = await client.submit("design.approve_proposal", approval, engagement=key)
    assert answer.kind == "Accepted", answer


async def test_foreign_tenant_changes_nothing_and_only_it_sees_what_it_sent(
    stack: RunningStack, outsider: Outsider
) -> None:
    client, foreign, since = stack.client(), stack.client(FOREIGN), datetime.now(UTC)
    known, fresh = await opened(stack), await opened(stack, agreed=False)

    # Of the fresh one feedback has heard no more than that it was opened, and by whom.
    for key in (known, fresh):
        await outsider.survey(key, 1, tenant=FOREIGN)
    found = await letters(foreign, since, 2)
    await agree(client, fresh)
    for key in (known, fresh):
        await outsider.survey(key, 2)

    for key in (known, fresh):
        heard = await entries(client, key, "feedback.survey_recorded", 1)
        assert [e["data"]["survey"]["id"] for e in heard] == ["S-2"]
        assert await foreign.whole_timeline(key) == []
    assert sorted((x["engagement"], x["service"], x["field"], x["code"]) for x in found) == sorted(
        (key, "feedback", "tenant", "wrong-tenant") for key in (known, fresh)
    )
    assert await letters(foreign, since, 2) == found
    assert await letters(client, since, 0) == []


async def test_foreign_token_finds_no_engagement_by_any_way(stack: RunningStack) -> None:
    client, foreign, since = stack.client(), stack.client(FOREIGN), datetime.now(UTC)
    key = await opened(stack, agreed=False)
    before = await client.whole_timeline(key)
    event = {
        "specversion": "1.0",
        "id": "f-1",
        "source": "/foreign",
        "type": "inbound.survey_answered.v1",
        "engagement": key,
        "data": {"survey": {"id": "F-1", "kind": "csat", "score": 1, "stage": "design",
                            "respondent_role": "sponsor", "answered_at": "2026-11-20T09:00:00Z"}},
    }  # fmt: skip
    alert = {"status": "firing", "labels": {"alertname": "A", "severity": "info", "component": "erp"},
             "startsAt": "2026-11-20T09:00:00Z", "fingerprint": "f"}  # fmt: skip
    notification = {"version": "4", "groupKey": "g", "receiver": "r", "alerts": [alert]}

    posted = await foreign.post_events([event])
    pretended = await foreign.post_events([{**event, "tenant": "demo"}])
    notified = await foreign.post_alerts(notification, key)
    asked = await foreign.submit("intake.score_requirements", {}, engagement=key)

    assert [posted.status_code, pretended.status_code, notified.status_code] == [404, 403, 404]
    assert pretended.json()["errors"][0]["pointer"] == "/0/tenant"
    assert (asked.kind, asked.data["field"]) == ("Refused", "engagement")
    assert (await foreign.ask("query($k: ID!) { engagement(id: $k) { key } }", k=key))["engagement"] is None
    assert await foreign.whole_timeline(key) == []
    assert await letters(foreign, since, 0) == []
    assert await client.whole_timeline(key) == before


async def test_commands_out_of_order_or_not_for_outsiders_are_answered_once(stack: RunningStack) -> None:
    client, since = stack.client(), datetime.now(UTC)
    key = await opened(stack, agreed=False)
    kickoff = {"held_at": "2026-11-20T09:00:00Z", "facilitator": "x", "attendees": ["x"], "minutes": "None."}

    early = await client.submit("provisioning.hold_kickoff", kickoff, engagement=key, key="same")
    repeated = await client.submit("provisioning.hold_kickoff", kickoff, engagement=key, key="same")
    internal = await client.submit("design.record_proposal", {}, engagement=key)
    posted = await client.post_events(
        [{"specversion": "1.0", "id": "i-1", "source": "/x", "type": "design.record_proposal.v1",
          "engagement": key, "data": {}}]
    )  # fmt: skip

    assert early.kind == "Refused"
    assert early.data["field"]
    assert early.data["rule"]
    assert early.data["message"]
    assert repeated == early
    assert (internal.kind, internal.data["field"], internal.data["rule"]) == (
        "Refused",
        "type",
        "known-command",
    )
    assert (posted.status_code, posted.json()["errors"][0]["pointer"]) == (422, "/0/type")
    assert await letters(client, since, 0) == []
    refusals = [e for e in await client.whole_timeline(key) if e["type"].endswith("command_refused")]
    assert [(e["type"], e["causationId"]) for e in refusals] == [
        ("provisioning.command_refused", early.data["commandId"])
    ]


async def test_broken_engagement_file_opens_nothing_and_names_every_line(
    stack: RunningStack, tmp_path: Path
) -> None:
    client = stack.client()
    count = "{ engagements(first: 100) { edges { node { key } } } }"
    before = await client.ask(count)
    broken = CLINIC.read_text(encoding="utf-8")
    broken = broken.replace("currency:", "curency:", 1).replace("importance: ", "importance: 1", 1)
    (tmp_path / "catalogue.yaml").write_text(CLINIC.with_name("catalogue.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "engagement.yaml"
    file.write_text(broken, encoding="utf-8")
    lines = broken.splitlines()
    wrong = [1 + next(i for i, x in enumerate(lines) if word in x) for word in ("curency:", "importance: 1")]

    done = await stack.command("engagement", "open", str(file))

    assert (done.code, done.out) == (Exit.BAD_DATA, "")
    said = [line.split(":")[1] for line in done.err.splitlines()]
    assert {str(number) for number in wrong} <= set(said)
    assert "did you mean currency?" in done.err
    assert await client.ask(count) == before


async def test_dead_letter_is_shown_redriven_and_discarded_by_the_command(
    stack: RunningStack, outsider: Outsider
) -> None:
    since = datetime.now(UTC)
    key = await opened(stack, agreed=False)
    await outsider.survey(key, 1, type="inbound.weather_observed.v1", id="redrive-me")
    (letter,) = await letters(stack.client(), since, 1)

    listed = json.loads((await stack.command("dlq", "list", "--status", "open", "--json")).out)
    shown = json.loads((await stack.command("dlq", "show", letter["id"], "--json")).out)
    redriven = await stack.command("dlq", "redrive", letter["id"])
    again = await stack.command("dlq", "redrive", letter["id"])
    first, second = sorted(await letters(stack.client(), since, 2), key=lambda x: x["at"])
    origin = json.loads((await stack.command("dlq", "show", second["id"], "--json")).out)
    discarded = await stack.command("dlq", "discard", second["id"], "--reason", "no weather here")
    end = json.loads((await stack.command("dlq", "show", second["id"], "--json")).out)
    missing = await stack.command("dlq", "show", "gateway:nowhere/0/0")

    assert letter["id"] in [x["id"] for x in listed]
    assert (shown["messageId"], shown["engagement"], shown["field"]) == ("redrive-me", key, "type")
    assert "S-1" in shown["value"]
    assert (redriven.code, again.code) == (Exit.OK, Exit.FAILED)
    assert "REDRIVEN" in again.err
    assert [(x["messageId"], x["status"]) for x in (first, second)] == [
        ("redrive-me", "REDRIVEN"),
        ("redrive-me", "OPEN"),
    ]
    assert {h["name"]: h["value"] for h in origin["headers"]}["redriven-from"] == letter["id"]
    assert (origin["value"], origin["reason"]) == (shown["value"], shown["reason"])
    assert discarded.code == Exit.OK
    assert (end["status"], end["note"]) == ("DISCARDED", "no weather here")
    assert (missing.code, missing.err) == (Exit.FAILED, "there is no dead letter gateway:nowhere/0/0\n")
