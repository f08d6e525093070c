"""The whole gateway on the embedded servers: HTTP in, Kafka out, Kafka in, GraphQL out."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from typing import Any

import httpx
import pytest
import websockets
from pydantic import BaseModel

from gateway.main import GatewayApp, build_app
from gateway.settings import Settings
from gateway.store import MongoStore
from gateway.view import encode, fold_all, new_view
from messaging import Service
from messaging.stream import Record
from schemas import intake
from schemas.base import Event
from schemas.inbound import SamplesTaken
from schemas.rules import Context, Refused
from testkit.backbone import Backbone

OPENED = intake.EngagementOpened(
    title="New order system",
    client=intake.Client(name="Berg Pumps", industry="machinery"),
    currency="EUR",
    budget="850000.00",
    start_on=date(2026, 12, 1),
    target_on=date(2027, 6, 30),
)


class State(BaseModel):
    opened: bool = False


def decide(state: State, command: Any, _: Context) -> Sequence[Event]:
    """Just enough of intake: opening once, and scoring as often as one likes."""
    if isinstance(command, intake.OpenEngagement):
        if state.opened:
            raise Refused("engagement", "opened-once", "is open already")
        return [intake.EngagementOpened(**command.model_dump(exclude={"brief"}))]
    return [intake.RequirementsScored(formula=intake.Formula(), scores=())]


def evolve(state: State, event: Any) -> State:
    return State(opened=True) if isinstance(event, intake.EngagementOpened) else state


@pytest.fixture
async def opener(backbone: Backbone) -> AsyncIterator[None]:
    async with backbone.running(Service(name="intake", state=State, decide=decide, evolve=evolve)):
        yield


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - another process's doings set no event here
            await asyncio.sleep(0.05)


async def ask(client: httpx.AsyncClient, bearer: str, query: str, **variables: Any) -> Any:
    response = await client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {bearer}"},
    )
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]


OPEN = """mutation($i: OpenEngagementInput!) { openEngagement(input: $i) {
  __typename ... on Accepted { commandId engagementId cursor events { type traceId } }
  ... on Refused { code field rule } ... on Pending { message } } }"""
INPUT = {
    "title": "New order system",
    "client": {"name": "Berg Pumps", "industry": "machinery"},
    "currency": "EUR",
    "budget": "850000.00",
    "startOn": "2026-12-01",
    "targetOn": "2027-06-30",
    "waitMs": 15_000,
}


async def test_a_command_goes_through_the_broker_and_is_read_back(
    opener: None, client: httpx.AsyncClient, token: Any
) -> None:
    bearer = token("consultant")

    opened = (await ask(client, bearer, OPEN, i={**INPUT, "engagement": "ENG-7F3K"}))["openEngagement"]
    refused = (await ask(client, bearer, OPEN, i={**INPUT, "engagement": "ENG-7F3K"}))["openEngagement"]
    view = await ask(client, bearer, '{ engagement(id: "ENG-7F3K") { title cursor refusals { rule } } }')

    assert (opened["__typename"], opened["cursor"]) == ("Accepted", 1)
    assert refused == {"__typename": "Refused", "code": "RULE", "field": "engagement", "rule": "opened-once"}
    assert view["engagement"] == {
        "title": "New order system",
        "cursor": 2,
        "refusals": [{"rule": "opened-once"}],
    }


async def test_a_repeated_key_gets_the_first_answer(
    opener: None, client: httpx.AsyncClient, token: Any
) -> None:
    asked = {**INPUT, "idempotencyKey": "order-1"}

    first, second = [await ask(client, token("consultant"), OPEN, i=asked) for _ in range(2)]

    assert first == second
    assert first["openEngagement"]["__typename"] == "Accepted"


async def test_a_posted_event_is_on_its_topic_when_202_is_said(
    backbone: Backbone, opener: None, client: httpx.AsyncClient, token: Any
) -> None:
    await ask(client, token("consultant"), OPEN, i={**INPUT, "engagement": "ENG-7F3K"})
    event = {
        "specversion": "1.0",
        "id": "s-1",
        "source": "/plant",
        "type": "inbound.samples_taken.v1",
        "engagement": "ENG-7F3K",
        "data": {
            "series": "lead-time",
            "component": "erp",
            "unit": "days",
            "points": [{"at": "2026-03-02T12:00:00Z", "value": 11.5}],
        },
    }

    async with backbone.tail("monitoring.samples") as tail:
        response = await client.post(
            "/events",
            content=json.dumps(event),
            headers={
                "authorization": f"Bearer {token('publisher')}",
                "content-type": "application/cloudevents+json",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            },
        )
        assert response.status_code == 202
        await tail.until(lambda seen: bool(seen.of(SamplesTaken)))

    (message,) = tail.of(SamplesTaken)
    assert (message.envelope.id, message.envelope.tenant) == ("s-1", "acme")


def record(sequence: int, engagement: str, value: bytes | None = None) -> Record:
    """The record of an event as intake would publish it."""
    event: Event = OPENED if sequence == 1 else intake.RequirementsScored(formula=intake.Formula(), scores=())
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{engagement}/intake/{sequence}",
        "ce_source": "/throughline/intake",
        "ce_type": event.wire_type(),
        "ce_time": "2026-03-02T12:00:00Z",
        "ce_engagement": engagement,
        "ce_tenant": "acme",
        "ce_sequence": str(sequence),
        "content-type": "application/json",
    }
    body = value if value is not None else event.model_dump_json().encode()
    return Record(
        "intake.events", 0, 0, engagement.encode(), body, tuple((n, v.encode()) for n, v in headers.items())
    )


async def publish(backbone: Backbone, *records: Record) -> None:
    for one in records:
        await backbone.send_raw(one.topic, one.key, one.value, list(one.headers))


async def settled(store: MongoStore, engagements: Sequence[str], count: int) -> None:
    """Until every log is complete; then log and view must agree, each event once and in order."""

    async def complete() -> bool:
        return all([len(await store.tail(key, 0)) >= count for key in engagements])

    await until(complete, 40)
    for key in engagements:

        async def caught_up(key: str = key) -> bool:
            found = await store.load(key)
            return found is not None and found.cursor == count

        await until(caught_up)
        log = await store.tail(key, 0)
        assert [entry.sequence for entry in log] == list(range(1, count + 1))
        assert [entry.cursor for entry in log] == list(range(1, count + 1))
        stored = await store.load(key)
        assert stored is not None
        assert encode(stored.view) == encode(fold_all(new_view(key, "acme"), log))


async def test_two_replicas_that_come_and_go_fold_each_event_once(
    backbone: Backbone, gateway_settings: Settings
) -> None:
    keys = [f"ENG-RR{number:02}" for number in range(12)]
    store = MongoStore(backbone.database("gateway").db)

    async def publish_all() -> None:
        for sequence in range(1, 31):
            await publish(backbone, *(record(sequence, key) for key in keys))
            if sequence % 7 == 0:
                await publish(backbone, *(record(sequence - 1, key) for key in keys[:4]))
            await asyncio.sleep(0.05)

    async with build_app(gateway_settings).running():
        publishing = asyncio.create_task(publish_all())
        await asyncio.sleep(0.4)
        async with build_app(gateway_settings).running():
            await asyncio.sleep(1)
        await publishing
        await settled(store, keys, 30)


async def test_a_gateway_that_starts_anew_finds_all_that_happened_meanwhile(
    backbone: Backbone, gateway_settings: Settings
) -> None:
    store = MongoStore(backbone.database("gateway").db)
    async with build_app(gateway_settings).running():
        await publish(backbone, record(1, "ENG-AAAA"), record(2, "ENG-AAAA"))
        await settled(store, ["ENG-AAAA"], 2)
    await publish(backbone, record(4, "ENG-AAAA"), record(3, "ENG-AAAA"))

    async with build_app(gateway_settings).running():
        await settled(store, ["ENG-AAAA"], 4)


async def test_a_poison_record_is_shown_to_operators_and_can_be_sent_again(
    backbone: Backbone, gateway: GatewayApp, client: httpx.AsyncClient, token: Any
) -> None:
    await publish(backbone, record(1, "ENG-AAAA", b"{broken"), record(1, "ENG-BBBB"))
    query = "{ deadLetters { nodes { id status service topic value code } } }"

    async def shown(count: int) -> bool:
        found = await ask(client, token("operator"), query)
        return len(found["deadLetters"]["nodes"]) == count

    await until(lambda: shown(1))
    (letter,) = (await ask(client, token("operator"), query))["deadLetters"]["nodes"]
    assert (letter["service"], letter["topic"], letter["value"]) == ("gateway", "intake.events", "{broken")

    await ask(
        client, token("operator"), f'mutation {{ redriveDeadLetter(id: "{letter["id"]}") {{ status }} }}'
    )

    await until(lambda: shown(2))
    found = (await ask(client, token("operator"), query))["deadLetters"]["nodes"]
    assert sorted(one["status"] for one in found) == ["OPEN", "REDRIVEN"]
    neighbour = await ask(client, token("viewer"), '{ engagement(id: "ENG-BBBB") { cursor } }')
    assert neighbour["engagement"] == {"cursor": 1}


async def test_a_follower_over_a_real_socket_resumes_after_its_cursor(
    backbone: Backbone, gateway: GatewayApp, token: Any
) -> None:
    store = MongoStore(backbone.database("gateway").db)
    await publish(backbone, *(record(sequence, "ENG-AAAA") for sequence in range(1, 11)))
    await settled(store, ["ENG-AAAA"], 10)
    query = 'subscription { engagementChanged(id: "ENG-AAAA", after: 4) { cursor } }'
    address = f"ws://127.0.0.1:{gateway.port}/graphql"

    async with websockets.connect(address, subprotocols=["graphql-transport-ws"]) as socket:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token('viewer')}"}}
        await socket.send(json.dumps(init))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        missed = [json.loads(await asyncio.wait_for(socket.recv(), 10)) for _ in range(6)]
        await publish(backbone, record(11, "ENG-AAAA"))
        live = json.loads(await asyncio.wait_for(socket.recv(), 10))

    cursors = [message["payload"]["data"]["engagementChanged"]["cursor"] for message in (*missed, live)]
    assert cursors == list(range(5, 12))


async def test_readiness_tells_when_everything_is_there(client: httpx.AsyncClient) -> None:
    async def ready() -> bool:
        return (await client.get("/health/ready")).status_code == 200

    await until(ready)
    assert (await client.get("/metrics")).status_code == 200


async def test_an_open_socket_does_not_hold_up_the_stop(gateway_settings: Settings, token: Any) -> None:
    app = build_app(gateway_settings)
    async with app.running():
        address = f"ws://127.0.0.1:{app.port}/graphql"
        socket = await websockets.connect(address, subprotocols=["graphql-transport-ws"])
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token('viewer')}"}})
        )
        await socket.recv()
        begun = asyncio.get_running_loop().time()
    taken = asyncio.get_running_loop().time() - begun

    assert taken < 12
    await socket.close()
