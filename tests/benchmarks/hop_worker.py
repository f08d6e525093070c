"""One side of a hop in a process of its own: the intake service, or a bare consumer and producer.

`hop_worker.py service|bare COUNT [PARTNER]`: prints the seconds from the first batch in hand to the last
acknowledgement of COUNT messages, this process's CPU seconds in between, and when the last one came.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from intake.main import build_app
from intake.settings import Settings
from messaging import KafkaProfile, KafkaSettings, Producer
from messaging.handler import Handler

BARE_IN, BARE_OUT = "bare.commands", "bare.events"


class Clock:
    """Starts with the first batch, ends when `count` messages are acknowledged."""

    def __init__(self, count: int) -> None:
        self._count, self._done = count, 0
        self._began: tuple[float, float] | None = None

    def begin(self) -> None:
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()

    def acknowledged(self, number: int) -> bool:
        """True when that was the last; then the result is printed."""
        self._done += number
        if self._done < self._count or self._began is None:
            return False
        wall, cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        print(json.dumps({"seconds": wall, "cpu": cpu, "at": time.time()}), flush=True)
        return True


def service(clock: Clock) -> None:
    """The service as it runs, with two hooks for the clock."""
    handle, publish = Handler.handle, Producer.publish

    async def timed_handle(self: Handler, batch: Sequence[Any]) -> None:
        clock.begin()
        await handle(self, batch)

    async def timed_publish(self: Producer, messages: Sequence[Any]) -> None:
        await publish(self, messages)
        if clock.acknowledged(len(messages)):
            os.kill(os.getpid(), signal.SIGTERM)

    Handler.handle, Producer.publish = timed_handle, timed_publish  # type: ignore[method-assign]
    from messaging import run

    run(build_app(Settings()))


async def bare(clock: Clock) -> None:
    """Consume, produce the same messages, commit: what any hop has to do."""
    settings = KafkaSettings()
    consumer = AIOKafkaConsumer(
        BARE_IN,
        bootstrap_servers=settings.bootstrap_servers,
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=max(200, settings.session_timeout_ms // 5),
        fetch_max_wait_ms=settings.fetch_wait_ms,
        max_partition_fetch_bytes=16 * settings.max_message_bytes,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        acks="all",
        enable_idempotence=settings.profile is KafkaProfile.APACHE,
        linger_ms=1,
        max_batch_size=262_144,
    )
    await producer.start()
    await consumer.start()
    while True:
        batches = await consumer.getmany(
            timeout_ms=settings.batch_wait_ms, max_records=settings.batch_records
        )
        if not batches:
            continue
        clock.begin()
        sent = [
            await producer.send(BARE_OUT, value=r.value, key=r.key, headers=list(r.headers))
            for records in batches.values()
            for r in records
        ]
        await asyncio.gather(*sent)
        await consumer.commit({partition: records[-1].offset + 1 for partition, records in batches.items()})
        if clock.acknowledged(len(sent)):
            break
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    timing = Clock(int(sys.argv[2]))
    if sys.argv[1] == "service":
        service(timing)
    else:
        uvloop.run(bare(timing))
