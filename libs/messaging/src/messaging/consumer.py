"""The one FastStream subscriber of a process; what it does with a batch is in batches.py (ADR 0002).

FastStream's defaults lose or repeat messages; what is set here and why is in docs/explanation.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace as replace_record
from itertools import chain
from time import monotonic, time
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from messaging.batches import Batches, Handle, Place
from messaging.dead_letters import DeadLetters
from messaging.metrics import BATCH_IN_HAND, BATCH_SIZE, CONSUMER_LAG, HANDLING_SECONDS
from messaging.security import broker_security
from messaging.settings import KafkaSettings
from messaging.stream import Record

logger = logging.getLogger("messaging.consumer")

STUCK_SECONDS = 60.0
SILENT_SECONDS = 30.0


class NotConnected(Exception):
    """There is no connection to a broker yet."""


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
        self._batches = Batches(group, settings.max_message_bytes, handle, dead_letters, forget)
        BATCH_IN_HAND.labels(group).set_function(self._batches.busy_seconds)
        self.broker = KafkaBroker(
            settings.brokers,
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
            listener=_Drain(self._batches),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=max(200, settings.session_timeout_ms // 5),
            rebalance_timeout_ms=30_000,
            max_poll_interval_ms=1_800_000,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            max_partition_fetch_bytes=16 * settings.max_message_bytes,
        )
        self._subscriber(self._on_batch)
        # FastStream pauses after an empty poll: on an idle stack just when the next message comes.
        self._subscriber.get_msg = self._fetch  # type: ignore[method-assign]

    async def _fetch(self, consumer: Any) -> tuple[ConsumerRecord[bytes, bytes], ...]:
        wait, most = self._settings.batch_wait_ms, self._settings.batch_records
        batches = await consumer.getmany(timeout_ms=wait, max_records=most)
        return tuple(chain.from_iterable(batches.values()))

    async def start(self) -> None:
        """Connect and consume; waits for a broker that is not there yet."""
        pause = 0.1
        while True:
            try:
                await self.broker.start()
                return
            except KafkaError as error:
                self._batches.trouble = f"no broker at {self._settings.bootstrap_servers}"
                logger.warning("waiting for the broker: %s", error)
                with suppress(Exception):
                    await self.broker.stop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 3.0)

    async def stop(self) -> None:
        """Let the batch in hand finish, then leave the group."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._batches.idle.wait(), 20)
        with suppress(Exception):
            await asyncio.wait_for(self.broker.stop(), 10)

    async def check(self) -> str | None:
        """What is wrong with consuming, or None: for readiness."""
        if self._batches.trouble:
            return self._batches.trouble
        if self._batches.busy_since is not None and monotonic() - self._batches.busy_since > STUCK_SECONDS:
            return f"a batch has been in hand for {monotonic() - self._batches.busy_since:.0f} s"
        consumer = self._subscriber.consumer
        if consumer is None or not (assigned := consumer.assignment()):
            return f"waiting for partition assignment of group {self._group}"
        return await self._check_positions(consumer, assigned)

    async def _check_positions(self, consumer: Any, assigned: set[TopicPartition]) -> str | None:
        if self._batches.busy_since is None and (silence := _silence(consumer, assigned)) > SILENT_SECONDS:
            return f"nothing was fetched for {silence:.0f} s"
        for partition in assigned:
            highwater = consumer.highwater(partition)
            if highwater is None:
                continue
            position = await asyncio.wait_for(consumer.position(partition), 1)
            if position > highwater:
                return f"{partition.topic}/{partition.partition} is read beyond its end: the log was lost"
        return None

    async def measure(self) -> None:
        """Ask the broker how far behind this process is. Raises where it does not answer."""
        consumer = self._subscriber.consumer
        if consumer is None:
            raise NotConnected(self._batches.trouble or "not connected yet")
        assigned = consumer.assignment()
        # The ends that fetches bring stand still while a batch is stuck, which is when they matter.
        ends = await consumer.end_offsets(list(assigned)) if assigned else await consumer.topics()
        lag = Counter(record.topic for record in self._batches.in_hand)
        for partition in assigned:
            lag[partition.topic] += max(0, ends[partition] - await consumer.position(partition))
        for topic in self._topics:
            CONSUMER_LAG.labels(self._group, topic).set(lag[topic])

    async def _on_batch(self, _: list[bytes]) -> None:
        message = self.broker.context.get_local("message")
        records: Sequence[ConsumerRecord[bytes, bytes]] = message.raw_message
        BATCH_SIZE.labels(self._group).observe(len(records))
        with HANDLING_SECONDS.labels(self._group).time():
            await self._batches.take([_record(r) for r in records], self._commit)

    async def _commit(self, offsets: Mapping[Place, int]) -> None:
        consumer = self._subscriber.consumer
        try:
            if consumer is not None:
                # Explicit offsets: FastStream's ack would commit the position of every partition it has.
                await consumer.commit({TopicPartition(*place): offset for place, offset in offsets.items()})
        except KafkaError as error:
            # Whoever has the partitions now handles these again and finds them done.
            logger.info("offsets not committed: %s", error)


class _Drain(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A rebalance waits for the batch in hand."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    async def on_partitions_revoked(self, _: set[TopicPartition]) -> None:
        await self._batches.drain()

    async def on_partitions_assigned(self, _: set[TopicPartition]) -> None:
        self._batches.resume()


def _silence(consumer: Any, assigned: set[TopicPartition]) -> float:
    """Seconds since the broker last answered a fetch; 0 before the first answer."""
    answered = [at for partition in assigned if (at := consumer.last_poll_timestamp(partition))]
    return time() - max(answered) / 1000 if answered else 0.0


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
