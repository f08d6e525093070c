"""Following an engagement: everything missed once and in order, then live, until the token expires."""

import asyncio
import json
import random

import pytest

from schemas import intake
from schemas.base import CommandRefusal

FOLLOW = """subscription($after: Int) {
  engagementChanged(id: "ENG-TEST1", after: $after) { cursor entry { id type } } }"""


def dice_events(kit, count, seed=1):
    dice = random.Random(seed)
    kinds = [kind for kind in kit.every_event() if not issubclass(kind, CommandRefusal)]
    return [kit.sample(dice.choice(kinds), dice) for _ in range(count)]


async def follow(socket, query=FOLLOW, identity="1", **variables):
    await socket.send(
        {"id": identity, "type": "subscribe", "payload": {"query": query, "variables": variables}}
    )


async def cursors(socket, count):
    found = []
    for _ in range(count):
        message = await socket.next()
        assert message["type"] == "next", message
        found.append(message["payload"]["data"]["engagementChanged"]["cursor"])
    return found


async def nothing_more(socket):
    with pytest.raises(TimeoutError):
        await socket.next(0.1)


async def test_what_was_missed_comes_once_in_order_and_then_what_happens(house, kit):
    await house.broker.events(kit.opened(), *dice_events(kit, 250))

    async with kit.socket(house.app) as socket:
        assert await socket.initialised(kit.token("viewer")) == {"type": "connection_ack", "payload": None}
        await follow(socket, after=3)
        missed = await cursors(socket, 248)
        await house.broker.events(*dice_events(kit, 5, seed=2))
        live = await cursors(socket, 5)
        await nothing_more(socket)

    assert missed == list(range(4, 252))
    assert live == list(range(252, 257))


@pytest.mark.parametrize("seed", range(5))
async def test_events_that_come_while_the_backlog_is_read_are_neither_lost_nor_doubled(house, kit, seed):
    dice = random.Random(seed)
    await house.broker.events(kit.opened(), *dice_events(kit, 120))

    async def happen():
        for number in range(20):
            await house.broker.events(*dice_events(kit, dice.randint(1, 4), seed=number))
            await asyncio.sleep(0)
        return house.store.views["ENG-TEST1"].cursor

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await follow(socket, after=0)
        happening = asyncio.create_task(happen())
        first = await cursors(socket, 120)
        last = await happening
        rest = await cursors(socket, last - 120)
        await nothing_more(socket)

    assert first + rest == list(range(1, last + 1))


async def test_without_a_cursor_only_what_is_new_comes(house, kit):
    await house.broker.events(kit.opened(), *dice_events(kit, 9))

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await follow(socket)
        await nothing_more(socket)
        await house.broker.events(*dice_events(kit, 1))
        assert await cursors(socket, 1) == [11]


async def test_a_cut_follower_resumes_where_it_was(house, kit):
    await house.broker.events(kit.opened(), *dice_events(kit, 10))
    seen = []
    for _ in range(3):
        async with kit.socket(house.app) as socket:
            await socket.initialised(kit.token("viewer"))
            await follow(socket, after=seen[-1] if seen else 0)
            seen += await cursors(socket, 3)

    assert seen == list(range(1, 10))
    assert len(house.hub) == 0


async def test_events_projected_by_another_replica_come_too(house, kit):
    await house.broker.events(kit.opened())
    house.projector._hub = type(house.hub)()

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await follow(socket, after=1)
        await house.broker.events(*dice_events(kit, 2))
        assert await cursors(socket, 2) == [2, 3]


async def test_a_change_can_carry_the_engagement_as_it_stands(house, kit):
    await house.broker.events(kit.opened())
    query = 'subscription { engagementChanged(id: "ENG-TEST1", after: 0) { engagement { title cursor } } }'

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await follow(socket, query)
        message = await socket.next()

    changed = message["payload"]["data"]["engagementChanged"]
    assert changed == {"engagement": {"title": "New order system", "cursor": 1}}


async def test_a_follower_of_another_tenants_engagement_is_told_there_is_none(house, kit):
    await house.broker.events(kit.opened())

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer", tenant="other"))
        await follow(socket, after=0)
        message = await socket.next()

    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert errors[0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("bearer", [None, "nonsense"])
async def test_a_socket_without_a_good_token_is_closed(house, kit, bearer):
    async with kit.socket(house.app) as socket:
        closed = await socket.initialised(bearer)

    assert (closed["type"], closed["code"]) == ("websocket.close", 4403)


async def test_a_socket_is_closed_when_its_token_expires(house, kit):
    await house.broker.events(kit.opened())

    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer", seconds=1))
        await follow(socket)
        last = await socket.next(8)
        while last["type"] != "websocket.close":
            last = await socket.next(8)

    assert last["code"] == 4403
    assert len(house.hub) == 0


async def test_a_role_without_the_right_gets_an_error_and_the_socket_stays(house, kit):
    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("publisher"))
        await follow(socket)
        message = await socket.next()
        await socket.send({"type": "ping"})
        assert (await socket.next())["type"] == "pong"

    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


MALFORMED = [
    [],
    3,
    "subscribe",
    None,
    {},
    {"type": 3},
    {"type": "nothing"},
    {"type": "subscribe"},
    {"type": "subscribe", "id": 3, "payload": {"query": "{ __typename }"}},
    {"type": "subscribe", "id": "1", "payload": 3},
    {"type": "subscribe", "id": "1", "payload": {"query": 3}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": 3}},
    {"type": "complete"},
]


@pytest.mark.parametrize("message", MALFORMED, ids=[json.dumps(message)[:40] for message in MALFORMED])
async def test_a_message_of_the_wrong_shape_closes_the_socket_cleanly(house, kit, message):
    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await socket.send(message)
        closed = await socket.next()

    assert (closed["type"], closed["code"]) == ("websocket.close", 4400)


async def test_a_document_that_cannot_be_read_is_one_operations_error(house, kit):
    async with kit.socket(house.app) as socket:
        await socket.initialised(kit.token("viewer"))
        await follow(socket, "{")
        error = await socket.next()
        await follow(socket, "{ __typename }", identity="2")
        good = await socket.next()

    assert (error["type"], error["id"]) == ("error", "1")
    assert good["payload"]["data"] == {"__typename": "Query"}


async def test_a_page_of_another_origin_may_not_open_a_socket(house, kit):
    async with kit.socket(house.app, {"origin": "https://evil.example"}) as socket:
        refused = await socket.next()

    assert refused["type"] == "websocket.close"


class Stream:
    """One request whose answer streams, straight to the application."""

    def __init__(self, app, body, headers):
        self.app, self.out, self.gone = app, asyncio.Queue(), asyncio.Event()
        self.body = json.dumps(body).encode()
        given = {"content-type": "application/json", **headers}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "scheme": "http",
            "server": ("gateway", 80),
            "headers": [(n.encode(), v.encode()) for n, v in given.items()],
        }

    async def receive(self):
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def __aenter__(self):
        self.task = asyncio.create_task(self.app(self.scope, self.receive, self.out.put))
        self.start = await asyncio.wait_for(self.out.get(), 5)
        return self

    async def __aexit__(self, *_):
        self.gone.set()
        await asyncio.wait_for(self.task, 5)

    async def next(self):
        return (await asyncio.wait_for(self.out.get(), 5))["body"]


async def test_a_subscription_over_sse_streams_and_ends_when_the_client_goes(house, kit):
    await house.broker.events(kit.opened())
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {kit.token('viewer')}"}

    async with Stream(house.app, {"query": FOLLOW, "variables": {"after": 0}}, headers) as stream:
        assert dict(stream.start["headers"])[b"content-type"].startswith(b"text/event-stream")
        first = await stream.next()
        await house.broker.events(intake.RequirementsScored(formula=intake.Formula(), scores=()))
        second = await stream.next()

    assert first.startswith(b"event: next\ndata: {")
    assert first.endswith(b"\n\n")
    assert [
        json.loads(part.split(b"data: ")[1])["data"]["engagementChanged"]["cursor"]
        for part in (first, second)
    ] == [1, 2]
    assert len(house.hub) == 0


async def test_a_stream_ends_with_an_error_when_its_token_expires(house, kit):
    await house.broker.events(kit.opened())
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {kit.token('viewer', seconds=1)}"}

    async with Stream(house.app, {"query": FOLLOW}, headers) as stream:
        last, complete = await stream.next(), await stream.next()

    assert json.loads(last.split(b"data: ")[1])["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert complete == b"event: complete\ndata:\n\n"


async def test_a_subscription_asked_for_as_json_is_refused(house, kit):
    response = await house.client.post(
        "/graphql",
        json={"query": FOLLOW},
        headers={"authorization": f"Bearer {kit.token('viewer')}", "accept": "application/json"},
    )

    assert response.status_code == 406
