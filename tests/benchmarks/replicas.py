"""Three replicas of a service on 12 partitions, against one: how far the two cores carry it."""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from form import Result, Row
from hop import ENGAGEMENTS, EVENTS_OF_AN_OPENING, prepare
from intake_load import statements
from stage import Stage, cpu_seconds, free_port, stage, until_ready

NOTES = (
    "The database is one process that uses one core at most; it, the broker and replicas share two cores, "
    "and the rows of cores show who had how much. Replicas help until the sum is the machine.",
    "The commands are written while the replicas read; that is part of the time of every row.",
)


@dataclass(frozen=True)
class Share:
    """Messages per second, and cores used meanwhile: by the replicas, the database and the broker."""

    rate: float
    replicas: float
    database: float
    broker: float


def run(quick: bool) -> Result:
    count = 3_000 if quick else 30_000
    shares = asyncio.run(_measure(count))
    one = shares[1]
    rows = [Row(what="one replica", value=one.rate, unit="msg/s")]
    rows += [
        Row(
            what=f"{n} replicas", value=shares[n].rate, unit="msg/s", against="one replica",
            ratio=round(shares[n].rate / one.rate, 3), reach=">= 1" if n == 3 else None,
        )
        for n in shares if n > 1
    ]  # fmt: skip
    for n, share in shares.items():
        name = f"{n} replica{'s' if n > 1 else ''}"
        rows += [
            Row(what=f"cores used by {name}", value=round(share.replicas, 2), unit="cores"),
            Row(what=f"cores used by the database, {name}", value=round(share.database, 2), unit="cores"),
            Row(what=f"cores used by the broker, {name}", value=round(share.broker, 2), unit="cores"),
        ]
    return Result(
        name="replicas",
        title=f"Replicas of one service on 12 partitions, {count:,} commands of {ENGAGEMENTS} engagements",
        repeats=1,
        rows=rows,
        notes=NOTES,
    )


async def _measure(count: int) -> dict[int, Share]:
    async with stage() as on:
        await prepare(on, ENGAGEMENTS)
        events = Counter(on, "intake.events")
        following = asyncio.create_task(events.follow())
        try:
            done = ENGAGEMENTS * EVENTS_OF_AN_OPENING
            shares = {}
            for number in (1, 2, 3):
                await events.until(done)
                done += count
                shares[number] = await _share(on, number, count, events, done)
            return shares
        finally:
            following.cancel()


async def _share(on: Stage, replicas: int, count: int, events: "Counter", done: int) -> Share:
    ports = [free_port() for _ in range(replicas)]
    with ExitStack() as stack:
        started = [stack.enter_context(on.process("-m", "intake", HTTP_PORT=str(port))) for port in ports]
        await until_ready(ports)
        groups = ([process.pid for process in started], [on.database_pid], [on.broker_pid])
        before = [cpu_seconds(*group) for group in groups]
        began = time.perf_counter()
        await on.fill("intake.commands", statements(count, ENGAGEMENTS, f"r{replicas}"))
        await events.until(done)
        seconds = time.perf_counter() - began
        used = [
            (cpu_seconds(*group) - earlier) / seconds for group, earlier in zip(groups, before, strict=True)
        ]
    return Share(count / seconds, *used)


class Counter:
    """Counts what is written to a topic from now on."""

    def __init__(self, on: Stage, topic: str) -> None:
        self.count = 0
        self._on, self._topic = on, topic
        self._more = asyncio.Condition()

    async def follow(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._on.kafka.bootstrap_servers,
            group_id=f"counter-{id(self)}",
            auto_offset_reset="earliest",
            session_timeout_ms=3000,
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        try:
            while True:
                found = await consumer.getmany(timeout_ms=200)
                async with self._more:
                    self.count += sum(len(records) for records in found.values())
                    self._more.notify_all()
        finally:
            await consumer.stop()

    async def until(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.count >= count)
