"""A gateway without servers: the real application on the store in memory and a broker that answers by script."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from gateway.app import Parts, build_asgi
from gateway.auth import Authenticator, Keys
from gateway.entry import Entry
from gateway.hub import Hub
from gateway.memory import InMemoryStore
from gateway.projector import Projector, entry
from gateway.settings import GatewaySettings
from messaging import Envelope, Message, NotPublished
from messaging.envelope import Headers, to_headers
from messaging.stream import Received, Record
from schemas import intake
from schemas.base import Event

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
    authenticator = Authenticator(Keys.shared(key_file), audience="throughline", issuer="throughline")
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
