"""Servers and processes of a benchmark: a broker, a database, workers in processes of their own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from messaging import KafkaProfile, KafkaSettings, Message
from messaging.envelope import to_headers
from messaging.topics import apply
from persistence import MongoSettings
from testkit import servers

HERE = Path(__file__).parent


class Stage:
    """An empty broker with the declared topics, and an empty database."""

    def __init__(self, kafka: KafkaSettings, mongo: MongoSettings) -> None:
        self.kafka, self.mongo = kafka, mongo

    async def fill(self, topic: str, messages: Iterable[Message]) -> int:
        """Append messages to a topic, many at once; returns how many."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap_servers, linger_ms=5, max_batch_size=262_144
        )
        await producer.start()
        try:
            sent = []
            for message in messages:
                envelope = message.envelope
                body, key = message.json().encode(), envelope.engagement.encode()
                sent.append(await producer.send(topic, value=body, key=key, headers=to_headers(envelope)))
            await asyncio.gather(*sent)
            return len(sent)
        finally:
            await producer.stop()

    async def make_topics(self, *names: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, self.kafka.partitions, 1) for name in names])
        finally:
            await admin.close()

    def worker(self, script: str, *words: str) -> "subprocess.Popen[str]":
        """A script of this folder as a process that finds these servers; it prints one JSON line."""
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "KAFKA_PROFILE": self.kafka.profile.value,
            "MONGO_URL": self.mongo.url,
            "HTTP_PORT": "0",
            "OTEL_LOG_LEVEL": "WARNING",
        }
        return subprocess.Popen(
            [sys.executable, str(HERE / script), *words], env=environment, stdout=subprocess.PIPE, text=True
        )


def outcome(process: "subprocess.Popen[str]", seconds: float = 600) -> dict[str, Any]:
    """What a worker printed last. Raises RuntimeError when it failed."""
    said, _ = process.communicate(timeout=seconds)
    if process.returncode:
        raise RuntimeError(f"a worker ended with {process.returncode}: {said}")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


@asynccontextmanager
async def stage(partitions: int = 12) -> AsyncIterator[Stage]:
    with servers.kafka() as address, servers.mongo() as url:
        made = Stage(
            KafkaSettings(bootstrap_servers=address, partitions=partitions, profile=KafkaProfile.EMBEDDED),
            MongoSettings(url=url),
        )
        await apply(made.kafka)
        yield made


def median_run(runs: Sequence[dict[str, float]], key: str) -> list[float]:
    return [run[key] for run in runs]
