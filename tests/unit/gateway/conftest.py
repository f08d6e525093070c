"""A gateway without servers: the real application, the store in memory, a broker that answers by script."""

import asyncio
import functools
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from gateway.app import Parts, build_asgi
from gateway.auth import Authenticator
from gateway.entry import Entry
from gateway.hub import Hub
from gateway.keys import shared
from gateway.memory import InMemoryStore
from gateway.projector import Projector, entry
from gateway.settings import GatewaySettings
from messaging import Envelope, Message, NotPublished
from messaging.envelope import Headers, to_headers
from messaging.stream import Received, Record
from schemas import intake, registry
from schemas.base import Event, Payload

SECRET = b"a secret that only tests know, 32+ bytes"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Answer = Callable[[Message], Sequence[Event]]


def token(
    *roles: str,
    tenant: str = "acme",
    actor: str = "tester",
    seconds: float = 600,
    key: bytes = SECRET,
    **claims: Any,
) -> str:
    """A signed token; `claims` replace the good ones, None removes."""
    good: dict[str, Any] = {
        "tenant": tenant,
        "sub": actor,
        "roles": list(roles),
        "aud": "throughline",
        "iss": "throughline",
        "exp": time.time() + seconds,
    }
    return jwt.encode({k: v for k, v in {**good, **claims}.items() if v is not None}, key, algorithm="HS256")


def opened(title: str = "New order system", **changes: Any) -> intake.EngagementOpened:
    brief: dict[str, Any] = {
        "title": title,
        "client": intake.Client(name="Berg Pumps", industry="machinery"),
        "currency": "EUR",
        "budget": Decimal("850000.00"),
        "start_on": "2026-12-01",
        "target_on": "2027-06-30",
    }
    return intake.EngagementOpened(**{**brief, **changes})


def received(
    payload: Event,
    sequence: int,
    *,
    engagement: str = "ENG-TEST1",
    tenant: str = "acme",
    causation: str | None = None,
    at: datetime | None = None,
    actor: str = "tester",
) -> Received:
    """An event as the consumer hands it over, with the record it came in."""
    envelope = Envelope(
        id=f"{engagement}/{payload.service()}/{sequence}",
        source=f"/throughline/{payload.service()}",
        type=payload.wire_type(),
        time=at or NOON + timedelta(minutes=sequence),
        engagement=engagement,
        tenant=tenant,
        correlation="flow-1",
        causation=causation,
        actor=actor,
        sequence=sequence,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    headers = tuple((name, value) for name, value in to_headers(envelope))
    value = payload.model_dump_json().encode()
    record = Record(payload.topic(), 0, sequence, engagement.encode(), value, headers)
    return Received(envelope, payload, record)


def entries_of(events: Sequence[Event], **about: Any) -> list[Entry]:
    """A log of these events, numbered per service."""
    last: dict[str, int] = {}
    found = []
    for cursor, event in enumerate(events, 1):
        last[event.service()] = last.get(event.service(), 0) + 1
        one = received(event, last[event.service()], at=NOON + timedelta(minutes=cursor), **about)
        found.append(entry(one, cursor))
    return found


def sample(kind: type[Payload], dice: random.Random) -> Any:
    """Some valid payload of a class, made from its JSON schema; names are few, so that events meet."""
    schema = schema_of(kind)
    for _ in range(20):
        try:
            return kind.model_validate(_made(schema, schema.get("$defs", {}), dice))
        except ValueError:
            continue
    raise AssertionError(f"no valid {kind.__name__} was made")


schema_of = functools.cache(lambda kind: kind.model_json_schema())


def _made(schema: dict[str, Any], defs: dict[str, Any], dice: random.Random) -> Any:
    if "$ref" in schema:
        return _made(defs[schema["$ref"].rpartition("/")[2]], defs, dice)
    if "anyOf" in schema:
        # An amount may be written as a number or as text: text of any kind would not do.
        ways = [way for way in schema["anyOf"] if way != {"type": "string"}]
        return _made(dice.choice(ways), defs, dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        if "properties" in schema:
            needed = schema.get("required", [])
            chosen = [n for n in schema["properties"] if n in needed or dice.random() < 0.7]
            return {name: _made(schema["properties"][name], defs, dice) for name in chosen}
        values = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
        return {name: _made(values, defs, dice) for name in dice.sample(NAMES, 2)}
    if kind == "array":
        return [
            _made(schema["items"], defs, dice)
            for _ in range(max(schema.get("minItems", 0), dice.randint(1, 2)))
        ]
    if kind == "integer":
        return dice.randint(schema.get("minimum", 0), schema.get("maximum", 5))
    if kind == "number":
        return round(dice.uniform(schema.get("minimum", 0.1), schema.get("maximum", 0.9)), 2)
    return {"boolean": dice.random() < 0.5, "null": None}.get(kind, _text(schema, dice))


NAMES = ["anna", "erp", "data", "r-1"]


def _text(schema: dict[str, Any], dice: random.Random) -> str:
    day = f"2026-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}"
    if schema.get("format") in ("date", "date-time"):
        return day if schema["format"] == "date" else f"{day}T10:00:00Z"
    pattern = schema.get("pattern", "")
    if "0-9a-f]{64}" in pattern:
        return dice.choice("abcdef") * 64
    if "[A-Z]{3}" in pattern:
        return "EUR"
    if "\\d" in pattern:
        return f"{dice.randint(1, 900)}.00"
    return dice.choice(NAMES)


def every_event() -> list[type[Event]]:
    """Each event class that a service publishes."""
    return [event for event in registry.events() if event.service() in registry.SERVICES]


@dataclass
class ScriptedBroker:
    """Acknowledges everything, and plays the services: what `answer` gives for a command is projected."""

    projector: Projector
    answer: Answer = lambda _: ()
    down: bool = False
    sent: list[Message] = field(default_factory=list)
    raw: list[tuple[str, bytes | None, bytes | None, Headers]] = field(default_factory=list)
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.down:
            raise NotPublished("no broker")
        for message in messages:
            self.sent.append(message)
            await self.events(
                *self.answer(message),
                engagement=message.envelope.engagement,
                tenant=message.envelope.tenant,
                causation=message.envelope.id,
            )

    async def publish_raw(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if self.down:
            raise NotPublished("no broker")
        self.raw.append((topic, key, value, headers))

    async def events(self, *events: Event, engagement: str = "ENG-TEST1", **about: Any) -> None:
        """Project events as the next ones of their streams."""
        batch = []
        for event in events:
            stream = (engagement, event.service())
            self.sequences[stream] = self.sequences.get(stream, 0) + 1
            batch.append(received(event, self.sequences[stream], engagement=engagement, **about))
        await self.projector.handle(batch)


@dataclass
class House:
    store: InMemoryStore
    hub: Hub
    projector: Projector
    broker: ScriptedBroker
    app: Starlette
    client: httpx.AsyncClient

    async def graphql(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        roles: Sequence[str] = ("consultant",),
        tenant: str = "acme",
        actor: str = "tester",
    ) -> dict[str, Any]:
        """The decoded answer of POST /graphql, status 200 expected."""
        response = await self.client.post(
            "/graphql",
            json={"query": query, "variables": variables or {}},
            headers={"authorization": f"Bearer {token(*roles, tenant=tenant, actor=actor)}"},
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, variables: dict[str, Any] | None = None, **caller: Any) -> Any:
        answer = await self.graphql(query, variables, **caller)
        assert "errors" not in answer, json.dumps(answer["errors"])
        return answer["data"]


class Socket:
    """One WebSocket straight to the application, without a server: messages in, messages out, the close."""

    def __init__(self, app: Starlette, headers: dict[str, str] | None = None) -> None:
        self._app, self._in, self._out = app, asyncio.Queue[Any](), asyncio.Queue[Any]()
        given = {"host": "gateway", **(headers or {})}
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "scheme": "ws",
            "server": ("gateway", 80),
            "subprotocols": ["graphql-transport-ws"],
            "headers": [(n.encode(), v.encode()) for n, v in given.items()],
        }
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Socket":
        self._task = asyncio.create_task(self._app(self._scope, self._in.get, self._out.put))
        await self._in.put({"type": "websocket.connect"})
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._task is not None
        await self._in.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, 5)

    async def send(self, message: Any) -> None:
        await self._in.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def next(self, seconds: float = 5) -> Any:
        """The next message as JSON, or the raw ASGI message for accept and close."""
        message = await asyncio.wait_for(self._out.get(), seconds)
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    async def initialised(self, bearer: str | None) -> Any:
        assert (await self.next())["type"] == "websocket.accept"
        payload = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        await self.send({"type": "connection_init", "payload": payload})
        return await self.next()


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What test modules need of this file; a fixture, since conftest is not imported."""
    return SimpleNamespace(
        token=token,
        opened=opened,
        received=received,
        entries_of=entries_of,
        sample=sample,
        every_event=every_event,
        socket=Socket,
    )


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_bytes(SECRET)
    return file


@pytest.fixture
async def house(key_file: Path) -> AsyncIterator[House]:
    store, hub = InMemoryStore(), Hub()
    projector = Projector(store, hub)
    broker = ScriptedBroker(projector)
    authenticator = Authenticator(shared(key_file), audience="throughline", issuer="throughline")
    settings = GatewaySettings(jwt_key_file=key_file)
    app = build_asgi(
        Parts(
            store=store,
            hub=hub,
            publisher=broker,
            authenticator=authenticator,
            settings=settings,
            checks={},
        )
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield House(store, hub, projector, broker, app, client)
