"""The one FastStream subscriber of a process: batches, poison, offsets, rebalance (ADR 0002).

FastStream's defaults lose or repeat messages; what is set here and why is in docs/explanation.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace as replace_record
from time import monotonic, time
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from messaging.dead_letters import DeadLetters
from messaging.envelope import Message, Unreadable, decode
from messaging.metrics import BATCH_SIZE, CONSUMER_LAG, HANDLING_SECONDS
from messaging.security import broker_security
from messaging.settings import KafkaSettings
from messaging.stream import Received, Record
from messaging.topics import unreadable_owner

Handle = Callable[[Sequence[Received]], Awaitable[None]]
"""Makes a batch's effects durable. Raises only for trouble that passes: then the batch is handled again."""
logger = logging.getLogger("messaging.consumer")

STUCK_SECONDS = 60.0
SILENT_SECONDS = 30.0


class Consumer:
    """Reads topics in batches and hands each to `handle`; offsets follow when it has returned.

    `forget` is called when partitions are taken away: what was kept in memory for them is stale then.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        group: str,
        topics: Sequence[str],
        handle: Handle,
        dead_letters: DeadLetters,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings, self._group, self._topics = settings, group, list(topics)
        self._handle, self._dead_letters, self._forget = handle, dead_letters, forget
        self._idle, self._abandon = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._busy_since: float | None = None
        self._trouble: str | None = None
        self.broker = KafkaBroker(
            settings.bootstrap_servers,
            security=broker_security(settings),
            client_id=group,
            apply_types=False,
            allow_auto_create_topics=False,
            graceful_timeout=20.0,
            logger=logging.getLogger("faststream"),
        )
        self._subscriber = self.broker.subscriber(
            *self._topics,
            group_id=group,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=settings.batch_wait_ms,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            decoder=_values,
            parser=_never_failing,
            listener=_Drain(self),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=max(200, settings.session_timeout_ms // 5),
            rebalance_timeout_ms=30_000,
            max_poll_interval_ms=1_800_000,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            max_partition_fetch_bytes=16 * settings.max_message_bytes,
        )
        self._subscriber(self._on_batch)

    async def start(self) -> None:
        """Connect and consume; waits for a broker that is not there yet."""
        pause = 0.1
        while True:
            try:
                await self.broker.start()
                return
            except KafkaError as error:
                self._trouble = f"no broker at {self._settings.bootstrap_servers}"
                logger.warning("waiting for the broker: %s", error)
                with suppress(Exception):
                    await self.broker.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 3.0)

    async def stop(self) -> None:
        """Let the batch in hand finish, then leave the group."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), 20)
        with suppress(Exception):
            await asyncio.wait_for(self.broker.stop(), 10)

    async def check(self) -> str | None:
        """What is wrong with consuming, or None: for readiness."""
        if self._trouble:
            return self._trouble
        if self._busy_since is not None and monotonic() - self._busy_since > STUCK_SECONDS:
            return f"a batch has been in hand for {monotonic() - self._busy_since:.0f} s"
        consumer = self._subscriber.consumer
        if consumer is None or not (assigned := consumer.assignment()):
            return f"waiting for partition assignment of group {self._group}"
        return await self._check_positions(consumer, assigned)

    async def _check_positions(self, consumer: Any, assigned: set[TopicPartition]) -> str | None:
        if self._busy_since is None and (silence := _silence(consumer, assigned)) > SILENT_SECONDS:
            return f"nothing was fetched for {silence:.0f} s"
        lag: dict[str, int] = dict.fromkeys(self._topics, 0)
        for partition in assigned:
            highwater = consumer.highwater(partition)
            if highwater is None:
                continue
            position = await asyncio.wait_for(consumer.position(partition), 1)
            if position > highwater:
                return f"{partition.topic}/{partition.partition} is read beyond its end: the log was lost"
            lag[partition.topic] += highwater - position
        for topic, behind in lag.items():
            CONSUMER_LAG.labels(self._group, topic).set(behind)
        return None

    async def _on_batch(self, _: list[bytes]) -> None:
        message = self.broker.context.get_local("message")
        records: Sequence[ConsumerRecord[bytes, bytes]] = message.raw_message
        self._idle.clear()
        self._busy_since = monotonic()
        BATCH_SIZE.labels(self._group).observe(len(records))
        try:
            with HANDLING_SECONDS.labels(self._group).time():
                if await self._until_durable([_record(r) for r in records]):
                    await self._commit(records)
        finally:
            self._busy_since = None
            self._idle.set()

    async def _until_durable(self, records: Sequence[Record]) -> bool:
        """Handle in place until it holds; False when the partitions were taken away meanwhile."""
        received, poison = self._sorted_out(records)
        pause = 0.05
        while not self._abandon.is_set():
            try:
                while poison:
                    record, fault = poison[0]
                    await self._dead_letters.give_up(record, fault.field, fault.reason, fault.code)
                    poison.pop(0)
                if received:
                    await self._handle(received)
            except Exception as error:  # whatever it was, skipping messages would be worse
                self._trouble = f"{type(error).__name__}: {error}"[:300]
                logger.warning("batch of %d is tried again: %s", len(records), self._trouble, exc_info=error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._abandon.wait(), pause * random.uniform(0.7, 1.3))  # noqa: S311
                pause = min(pause * 2, 5.0)
            else:
                self._trouble = None
                return True
        return False

    def _sorted_out(self, records: Sequence[Record]) -> "_Sorted":
        received, poison = [], []
        for record in records:
            try:
                message = read(record, self._settings.max_message_bytes)
            except Unreadable as fault:
                if unreadable_owner(record.topic) == self._group:
                    poison.append((record, fault))
                continue
            received.append(Received(message.envelope, message.payload, record))
        return received, poison

    async def _commit(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        # Explicit offsets: FastStream's ack would commit the position of every partition it has.
        offsets: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            offsets[partition] = max(offsets.get(partition, 0), record.offset + 1)
        consumer = self._subscriber.consumer
        try:
            if consumer is not None:
                await consumer.commit(offsets)
        except KafkaError as error:
            # Whoever has the partitions now handles these again and finds them done.
            logger.info("offsets not committed: %s", error)

    async def drain(self) -> None:
        self._abandon.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), 25)
        self._forget()

    def resume(self) -> None:
        self._abandon.clear()


_Sorted = tuple[list[Received], list[tuple[Record, Unreadable]]]


class _Drain(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A rebalance waits for the batch in hand."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, _: set[TopicPartition]) -> None:
        await self._consumer.drain()

    async def on_partitions_assigned(self, _: set[TopicPartition]) -> None:
        self._consumer.resume()


def _silence(consumer: Any, assigned: set[TopicPartition]) -> float:
    """Seconds since the broker last answered a fetch; 0 before the first answer."""
    answered = [at for partition in assigned if (at := consumer.last_poll_timestamp(partition))]
    return time() - max(answered) / 1000 if answered else 0.0


def read(record: Record, limit: int) -> Message:
    """Decode a record. Raises Unreadable for everything that is the message's own fault."""
    try:
        return decode(record.topic, record.key, record.value, record.headers, limit)
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("data", f"cannot be read: {type(error).__name__}", "malformed") from error


def _record(raw: ConsumerRecord[bytes, bytes]) -> Record:
    headers = tuple((str(name), bytes(value or b"")) for name, value in raw.headers)
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers)


async def _values(message: Any) -> list[bytes]:
    # Skips FastStream's own per-record decoding: 3-25 times slower, and one bad record loses the batch.
    return [record.value for record in message.raw_message]


async def _never_failing(raw: Any, original: Any) -> Any:
    # FastStream's parser raises on a header that is not text, before the handler could dead-letter it.
    try:
        return await original(raw)
    except Exception:
        clean = tuple(replace_record(r, headers=()) for r in raw)
        message = await original(clean)
        message.raw_message = raw
        return message
