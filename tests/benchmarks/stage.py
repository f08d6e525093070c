"""Servers and processes of a benchmark: a broker, a database, and everything measured in its own process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from messaging import KafkaProfile, KafkaSettings, Message
from messaging.envelope import to_headers
from messaging.topics import apply
from persistence import MongoSettings
from runtime.ports import owner_of
from testkit import servers
from testkit.apache import apache_kafka
from testkit.servers import free_port

__all__ = ["Stage", "cpu_seconds", "free_port", "outcome", "stage", "until_ready"]
HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")


class Stage:
    """A broker with the declared topics, and a database; both empty at first."""

    def __init__(self, kafka: KafkaSettings, mongo: MongoSettings) -> None:
        self.kafka, self.mongo = kafka, mongo
        self.broker_pid, self.database_pid = _listener(kafka.bootstrap_servers), _listener(mongo.url)

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

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """`python WORDS` in this folder, told where these servers are; what it prints can be read."""
        found = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "KAFKA_PROFILE": self.kafka.profile.value,
            "MONGO_URL": self.mongo.url,
            "HTTP_PORT": "0",
            "OTEL_LOG_LEVEL": "ERROR",
            **environment,
        }
        return subprocess.Popen(
            [sys.executable, *words], cwd=HERE, env=found, stdout=subprocess.PIPE, text=True
        )

    @contextmanager
    def process(self, *words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        """The same, stopped at the end."""
        process = self.start(*words, **environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def outcome(process: "subprocess.Popen[str]", seconds: float = 600) -> dict[str, Any]:
    """What a worker printed last. Raises RuntimeError when it failed."""
    said, _ = process.communicate(timeout=seconds)
    if process.returncode:
        raise RuntimeError(f"a worker ended with {process.returncode}: {said}")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


async def until_ready(ports: Iterable[int], seconds: float = 120) -> None:
    """Wait for `/health/ready` of each. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        for port in ports:
            while not await _is_ready(http, port):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing ready on port {port} within {seconds:.0f} s")
                await asyncio.sleep(0.05)


async def _is_ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def cpu_seconds(*pids: int) -> float:
    """Seconds of processor that these have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


def _listener(address: str) -> int:
    """The process that listens where an address points to."""
    port = int(address.rstrip("/").rpartition(":")[2])
    found = owner_of(port)
    if found is None:
        raise LookupError(f"nobody listens on port {port}")
    return found.pid


@contextmanager
def _broker(profile: KafkaProfile) -> Iterator[str]:
    if profile is KafkaProfile.EMBEDDED:
        with servers.kafka() as address:
            yield address
    else:
        with apache_kafka() as cluster:
            yield cluster.addresses


@asynccontextmanager
async def stage(kafka: str = "embedded", partitions: int = 12) -> AsyncIterator[Stage]:
    """`kafka`: embedded or apache."""
    profile = KafkaProfile(kafka)
    with _broker(profile) as address, servers.mongo() as url:
        settings = KafkaSettings(bootstrap_servers=address, partitions=partitions, profile=profile)
        await apply(settings)
        yield Stage(settings, MongoSettings(url=url))
