"""The player against a gateway that answers from a script: what it sends, what it accepts, how it fails."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from runtime.client import GatewayClient
from runtime.demo.playbook import Acting, Playbook, load
from runtime.demo.player import Player, StepFailed
from runtime.demo.tracing import NoTracing
from runtime.errors import CommandFailed

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENGAGEMENT = """\
engagement:
  title: New order system
  client: {name: Acme, industry: valves}
  currency: EUR
  budget: "1000.00"
  start_on: 2026-12-01
  target_on: 2027-06-30
"""


def entry(cursor: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"cursor": cursor, "id": f"ENG-AAAA/x/{cursor}", "type": kind, "summary": kind, "data": data}


class FakeGateway:
    """Accepts what it is not told to refuse; remembers what it was asked."""

    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.actors: list[str] = []
        self.posted: list[dict[str, Any]] = []
        self.notified: list[tuple[str, dict[str, Any]]] = []
        self.letters: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.failures = 0
        self.events_status = 202

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            self.failures -= 1
            raise httpx.ConnectError("refused", request=request)
        if request.url.path == "/events":
            self.posted += json.loads(request.content)
            problem = {"detail": "1 thing", "errors": [{"pointer": "/type", "detail": "is not known"}]}
            return httpx.Response(self.events_status, json={} if self.events_status < 400 else problem)
        body = json.loads(request.content)
        if request.url.path == "/webhooks/alertmanager":
            self.notified.append((request.url.params["engagement"], body))
            return httpx.Response(self.events_status, json={"detail": "the label severity is missing"})
        variables = body["variables"]
        if "submitCommand" in body["query"]:
            self.submitted.append(variables)
            self.actors.append(request.headers["authorization"])
            answer = self.answers.get(variables["type"], accepted())
            return httpx.Response(200, json={"data": {"submitCommand": answer}})
        if "deadLetters" in body["query"]:
            page = {"nodes": list(self.letters), "hasNextPage": False, "endCursor": None}
            return httpx.Response(200, json={"data": {"deadLetters": page}})
        if "timeline" in body["query"]:
            found = [e for e in self.log if e["cursor"] > variables["after"]]
            found = [e for e in found if not variables["types"] or e["type"] in variables["types"]]
            return httpx.Response(200, json={"data": {"timeline": {"entries": found}}})
        return httpx.Response(200, json={"errors": [{"message": "not in the script"}]})


def accepted(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "__typename": "Accepted",
        "commandId": "c",
        "engagementId": "ENG-AAAA",
        "cursor": 1,
        "events": list(events),
    }


def refused(field: str, rule: str) -> dict[str, Any]:
    return {
        "__typename": "Refused",
        "commandId": "c",
        "code": "RULE",
        "field": field,
        "rule": rule,
        "message": "no",
    }


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


class FakeBroker:
    """Keeps what is sent; a gateway then lists it as a dead letter."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self._gateway = gateway

    async def publish_raw(self, *sent: Any) -> None:
        self.sent.append(sent)
        letter = {"id": f"l-{len(self.sent)}", "field": "type", "reason": "is not known"}
        self._gateway.letters.append({**letter, "at": START.isoformat()})


@pytest.fixture
def broker(gateway: FakeGateway) -> FakeBroker:
    return FakeBroker(gateway)


@pytest.fixture
def player(tmp_path: Path, gateway: FakeGateway, broker: FakeBroker) -> Callable[..., Player]:
    (tmp_path / "engagement.yaml").write_text(ENGAGEMENT)
    told: list[tuple[str, str, str]] = []

    def make(*steps: dict[str, Any]) -> Player:
        playbook = Playbook.model_validate({"engagement": "engagement.yaml", "steps": list(steps)})

        def client(acting: Acting) -> GatewayClient:
            token = f"{acting.actor}/{acting.role}"
            return GatewayClient(
                "http://gateway", token, retry_seconds=5, transport=httpx.MockTransport(gateway)
            )

        kafka: Any = broker
        made = Player(tmp_path, playbook, client, kafka, NoTracing(), lambda *a: told.append(a), START)
        made.told = told  # type: ignore[attr-defined]
        return made

    return make


async def test_file_is_opened_first_and_the_new_engagement_is_used_from_then_on(gateway, player):
    gateway.answers["intake.score_requirements"] = accepted(entry(2, "intake.requirements_scored"))

    played = player({"title": "Scored", "command": "intake.score_requirements", "as": {"actor": "mara"}})
    play = await played.run()

    assert [v["type"] for v in gateway.submitted] == ["intake.open_engagement", "intake.score_requirements"]
    assert [v["engagement"] for v in gateway.submitted] == [None, "ENG-AAAA"]
    assert gateway.actors == ["Bearer consultant/consultant", "Bearer mara/consultant"]
    assert play.engagement == "ENG-AAAA"
    assert played.told[-1] == ("intake", "Scored", "intake.requirements_scored")


async def test_saved_value_of_a_wait_is_used_by_the_next_command(gateway, player):
    gateway.log = [entry(3, "design.proposal_drafted", proposal={"version": 2}, content_digest="d" * 64)]

    await player(
        {"title": "Drafted", "wait": "design.proposal_drafted", "save": {"v": "proposal.version"}},
        {
            "title": "Approved",
            "command": "design.approve_proposal",
            "data": {"proposal_version": "${v}", "at": "@-1h"},
        },
    ).run()

    assert gateway.submitted[-1]["data"] == {"proposal_version": 2, "at": "2026-11-23T11:00:00.000Z"}


async def test_second_wait_for_a_type_needs_a_newer_event(gateway, player):
    gateway.log = [entry(3, "design.proposal_drafted", n=1), entry(7, "design.proposal_drafted", n=2)]
    wait = {"wait": "design.proposal_drafted", "save": {"n": "n"}}

    play = await player({"title": "one", **wait}, {"title": "two", **wait}).run()

    assert play.saved == {"n": 2}


async def test_wait_skips_events_that_do_not_match(gateway, player):
    gateway.log = [entry(3, "x.y", who={"id": "a"}, n=1), entry(4, "x.y", who={"id": "b"}, n=2)]

    play = await player({"title": "b", "wait": "x.y", "where": {"who.id": "b"}, "save": {"n": "n"}}).run()

    assert play.saved == {"n": 2}


async def test_wait_that_times_out_says_what_was_waited_for(player):
    with pytest.raises(StepFailed) as failure:
        await player({"title": "never", "wait": "x.y", "where": {"n": 1}, "timeout_seconds": 0.3}).run()

    assert (failure.value.step, failure.value.lines) == ("never", ("waited 0 s for x.y where {'n': 1}",))


async def test_expected_refusal_is_part_of_the_story(gateway, player):
    gateway.answers["intake.agree_plan"] = refused("plan_version", "needs-kpi")

    played = player(
        {"title": "Too early", "command": "intake.agree_plan", "refused": {"field": "plan_version"}}
    )
    await played.run()

    assert played.told[-1][2] == "refused: plan_version: no [needs-kpi]"


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (refused("budget", "too-low"), None, "refused: budget: no [too-low]"),
        (refused("budget", "too-low"), {"field": "plan"}, "it was: budget: no [too-low]"),
        (
            refused("plan", "other"),
            {"field": "plan", "rule": "this"},
            "a refusal of plan [this] was expected",
        ),
        (accepted(), {"field": "plan"}, "expected a refusal of plan, the answer was Accepted"),
    ],
)
async def test_unexpected_answer_fails_the_step(gateway, player, answer, expected, words):
    gateway.answers["intake.agree_plan"] = answer
    step = {"title": "t", "command": "intake.agree_plan", **({"refused": expected} if expected else {})}

    with pytest.raises(StepFailed) as failure:
        await player(step).run()

    assert words in failure.value.lines[0]


async def test_gateway_away_for_a_moment_is_waited_for_and_the_key_stays_the_same(gateway, player):
    gateway.failures = 2

    await player({"title": "t", "command": "intake.score_requirements"}).run()

    keys = [v["key"] for v in gateway.submitted]
    assert len(keys) == len(set(keys)) == 2


async def test_published_lines_become_events_with_their_versioned_types(gateway, player, tmp_path):
    (tmp_path / "mails.jsonl").write_text(
        '{"type": "inbound.mail_received", "data": {"received_at": "@-1d"}}\n\n'
        '{"type": "weird", "data": {}}\n'
    )

    played = player({"title": "mails", "publish": "mails.jsonl"})
    await played.run()

    assert [(e["type"], e["engagement"]) for e in gateway.posted] == [
        ("inbound.mail_received.v1", "ENG-AAAA"),
        ("weird", "ENG-AAAA"),
    ]
    assert gateway.posted[0]["data"] == {"received_at": "2026-11-22T12:00:00.000Z"}
    assert played.told[-1][2] == "2 events over HTTP"


async def test_refused_events_are_fine_only_where_they_are_expected(gateway, player, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"type": "weird", "data": {}}\n')
    gateway.events_status = 422

    played = player({"title": "bad", "publish": "bad.jsonl", "refused": {"field": "type"}})
    await played.run()

    assert played.told[-1][2] == "refused: /type: is not known"
    with pytest.raises(StepFailed, match="bad"):
        await player({"title": "bad", "publish": "bad.jsonl"}).run()


async def test_webhook_posts_the_file_for_the_engagement_of_the_story(gateway, player, tmp_path):
    (tmp_path / "alerts.json").write_text('{"version": "4", "alerts": [{"startsAt": "@-1h"}]}')

    played = player({"title": "alerts", "webhook": "alerts.json"})
    await played.run()

    notification = {"version": "4", "alerts": [{"startsAt": "2026-11-23T11:00:00.000Z"}]}
    assert gateway.notified == [("ENG-AAAA", notification)]
    assert played.told[-1][2] == "1 alert over the webhook"


async def test_refused_webhook_fails_the_step_with_the_reason(gateway, player, tmp_path):
    (tmp_path / "alerts.json").write_text('{"version": "4", "alerts": []}')
    gateway.events_status = 422

    with pytest.raises(StepFailed) as failure:
        await player({"title": "alerts", "webhook": "alerts.json"}).run()

    assert "the gateway answered 422" in failure.value.lines[0]
    assert "the label severity is missing" in failure.value.lines[0]


async def test_raw_bytes_go_with_their_headers_and_their_dead_letter_is_expected(broker, player, tmp_path):
    (tmp_path / "raw.bin").write_bytes(b"\xff")
    step = {
        "title": "raw",
        "publish_raw": "raw.bin",
        "topic": "inbound.events",
        "headers": {"ce_type": "weird.v1", "ce_engagement": "${engagement}"},
        "dead_letter": {"reason_contains": "not known"},
    }

    played = player(step)
    play = await played.run()

    headers = {"ce_type": "weird.v1", "ce_engagement": "ENG-AAAA"}
    assert broker.sent == [("inbound.events", "ENG-AAAA", b"\xff", headers)]
    assert play.expected_dead == ["l-1"]
    assert played.told[-1][2] == "dead letter: type: is not known"


def test_headers_without_raw_bytes_are_a_fault():
    step = {"title": "t", "command": "a.b", "headers": {"ce_type": "x"}}

    with pytest.raises(ValidationError, match="headers belong to publish_raw"):
        Playbook.model_validate({"engagement": "e.yaml", "steps": [step]})


def test_playbook_faults_are_said_with_their_lines(tmp_path):
    file = tmp_path / "playbook.yaml"
    file.write_text(
        "engagement: engagement.yaml\n"
        "steps:\n"
        "  - title: two at once\n"
        "    command: a.b\n"
        "    wait: c.d\n"
        "  - {title: typo, comand: a.b}\n"
        "  - {title: absent, publish: nothing.jsonl}\n"
    )

    with pytest.raises(CommandFailed) as caught:
        load(file)

    assert [line.split(": ", 1)[0] for line in caught.value.lines] == ["playbook.yaml:3", "playbook.yaml:6"]
    assert "exactly one of command, wait, publish, publish_raw, webhook" in caught.value.lines[0]
    assert "did you mean command?" in caught.value.lines[1]
