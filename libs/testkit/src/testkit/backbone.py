"""Broker, database and a reader of topics: what a component test of a service needs around it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from messaging import KafkaSettings, Message, Producer, Service, ServiceApp, ServiceSettings, command_message
from messaging.batches import read
from messaging.envelope import Headers, Unreadable, inbound_message
from messaging.security import client_arguments
from messaging.stream import Record
from messaging.topics import apply
from persistence import Handle, MongoSettings, connect
from schemas.base import Command, Event
from telemetry import HttpSettings, TelemetrySettings

ENGAGEMENT, TENANT = "ENG-TEST1", "acme"
PATIENCE = 25.0


class Tail:
    """Everything that was ever written to some topics, as it comes."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        self._settings, self._topics = settings, topics
        self.records: list[Record] = []

    @property
    def messages(self) -> list[Message]:
        """The readable ones."""
        found = []
        for record in self.records:
            with suppress(Unreadable):
                found.append(read(record, 2**31))
        return found

    def of(self, kind: type[Event]) -> list[Message]:
        return [message for message in self.messages if isinstance(message.payload, kind)]

    async def until(self, condition: Callable[["Tail"], bool], seconds: float = PATIENCE) -> "Tail":
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition(self):
            if asyncio.get_running_loop().time() > deadline:
                seen = [m.envelope.type for m in self.messages]
                raise AssertionError(f"not seen on {self._topics} within {seconds} s; seen: {seen}")
            await asyncio.sleep(0.02)
        return self

    async def follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **client_arguments(self._settings),
            enable_auto_commit=False,
            fetch_max_wait_ms=20,
            max_partition_fetch_bytes=16_000_000,
        )
        await consumer.start()
        partitions = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        ]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        try:
            while True:
                for batch in (await consumer.getmany(timeout_ms=50)).values():
                    self.records.extend(_record(raw) for raw in batch)
        finally:
            with suppress(Exception):
                await asyncio.wait_for(consumer.stop(), 2)


async def _partitions(consumer: Any, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    for _ in range(50):
        found = await consumer._client._wait_on_metadata(topic)
        if found:
            return set(found)
        await asyncio.sleep(0.05)
    raise AssertionError(f"topic {topic} does not exist")


def _record(raw: Any) -> Record:
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers))


class Backbone:
    """One empty broker and one empty set of databases."""

    def __init__(self, kafka: str, mongo: str) -> None:
        self.kafka = KafkaSettings(
            bootstrap_servers=kafka, partitions=3, session_timeout_ms=2_000, fetch_wait_ms=20
        )
        self.mongo = MongoSettings(url=mongo, database_prefix=f"t{uuid4().hex[:10]}_")
        self.producer = Producer(self.kafka, "test")
        self._sequences: Counter[tuple[str, str]] = Counter()

    def settings(self, **changes: Any) -> ServiceSettings:
        defaults: dict[str, Any] = {
            "kafka": self.kafka,
            "mongo": self.mongo,
            "telemetry": TelemetrySettings(),
            "http": HttpSettings(port=0),
        }
        return ServiceSettings(**{**defaults, **changes})

    def database(self, name: str) -> Handle:
        return connect(self.mongo, name)

    async def send(self, command: Command, **about: Any) -> Message:
        """Publish a command as somebody outside the service would; returns it."""
        defaults = {"engagement": ENGAGEMENT, "tenant": TENANT, "actor": "tester"}
        message = command_message(command, **{**defaults, **about})
        await self.producer.publish([message])
        return message

    async def tell(self, event: Event, **about: Any) -> Message:
        """Publish an outsider's event; returns it."""
        defaults = {"engagement": ENGAGEMENT, "tenant": TENANT, "actor": "t", "source": "/test"}
        message = inbound_message(event, **{"id": str(uuid4()), **defaults, **about})
        await self.producer.publish([message])
        return message

    async def happened(self, event: Event, **about: Any) -> Message:
        """Publish an event as its own service would, numbered in its engagement's stream; returns it."""
        service, engagement = event.service(), about.get("engagement", ENGAGEMENT)
        self._sequences[service, engagement] += 1
        number = self._sequences[service, engagement]
        defaults = {"engagement": ENGAGEMENT, "tenant": TENANT, "actor": "t"}
        named = {"id": f"{engagement}/{service}/{number}", "source": f"/throughline/{service}"}
        message = inbound_message(event, **{**defaults, **named, **about})
        message = replace(message, envelope=replace(message.envelope, sequence=number))
        await self.producer.publish([message])
        return message

    async def send_raw(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        await self.producer.publish_raw(topic, key, value, headers)

    @asynccontextmanager
    async def tail(self, *topics: str) -> AsyncIterator[Tail]:
        tail = Tail(self.kafka, topics)
        task = asyncio.create_task(tail.follow())
        try:
            yield tail
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def running(self, service: Service) -> AsyncIterator[ServiceApp]:
        """The service, up in this process, with its partitions assigned."""
        app = ServiceApp(service, self.settings())
        async with app.running():
            yield app


@asynccontextmanager
async def backbone(kafka: str, mongo: str) -> AsyncIterator[Backbone]:
    """Topics created, producer connected; both servers are somebody else's to stop."""
    made = Backbone(kafka, mongo)
    await apply(made.kafka)
    try:
        yield made
    finally:
        await made.producer.stop()
