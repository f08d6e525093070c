"""Reads the `*.dead` topics as raw records: what is in them could not be read as messages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from messaging import KafkaSettings
from messaging.security import client_arguments
from messaging.stream import Record

GROUP = "gateway-dead-letters"
logger = logging.getLogger("gateway.dead_letters")


class KafkaDeadLetters:
    """Hands each record to `handle`, in order; offsets follow, and trouble is tried again in place."""

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], handle: Callable[[Record], Awaitable[None]]
    ) -> None:
        self._settings, self._topics, self._handle = settings, list(topics), handle
        self._trouble: str | None = "not started"

    async def check(self) -> str | None:
        """What keeps dead letters from being read, or None: for readiness."""
        return self._trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="dead letters")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._consume()
            except (KafkaError, ValueError) as error:  # the latter: a file of its security cannot be read now
                self._trouble = f"{type(error).__name__}: {error}"[:200]
                logger.warning("dead letters wait: %s", self._trouble)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 3.0)

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            *self._topics,
            **client_arguments(self._settings),
            client_id=GROUP,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._settings.session_timeout_ms,
            heartbeat_interval_ms=max(200, self._settings.session_timeout_ms // 5),
            fetch_max_wait_ms=self._settings.fetch_wait_ms,
            max_partition_fetch_bytes=16 * self._settings.max_message_bytes,
        )
        await consumer.start()
        try:
            self._trouble = None
            while True:
                batches = await consumer.getmany(timeout_ms=500, max_records=50)
                for records in batches.values():
                    for raw in records:
                        await self._until_kept(_record(raw))
                if batches:
                    await consumer.commit()
        finally:
            with suppress(Exception):
                await asyncio.wait_for(consumer.stop(), 5)

    async def _until_kept(self, record: Record) -> None:
        pause = 0.1
        while True:
            try:
                await self._handle(record)
            except Exception as error:  # whatever it was, losing a dead letter would be worse
                self._trouble = f"{type(error).__name__}: {error}"[:200]
                logger.warning("a dead letter is tried again: %s", self._trouble)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                self._trouble = None
                return


def _record(raw: Any) -> Record:
    headers = tuple((str(name), bytes(value or b"")) for name, value in raw.headers)
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers)
