"""How far behind each consumer group is, asked of the broker: also of groups that nobody is in any more."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from messaging.security import client_arguments
from messaging.settings import KafkaSettings
from messaging.topics import TOPICS

ANSWER_SECONDS = 15.0


class BrokerAway(Exception):
    """No broker answered; the text names the address."""


@dataclass(frozen=True, kw_only=True)
class TopicLag:
    """`lag` is what the group has not committed of `end` messages; `stuck` the partitions that have some."""

    group: str
    topic: str
    end: int
    lag: int
    stuck: int


async def lag_of(settings: KafkaSettings, groups: Sequence[str]) -> list[TopicLag]:
    """Every topic that a group is known to read: its own commands, or one it has committed an offset of.

    Raises BrokerAway.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS), _clients(settings) as (consumer, admin):
            ends = await _ends(consumer)
            return [
                row for group in groups for row in _rows(group, ends, await _committed(admin, group, ends))
            ]
    except (KafkaError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise BrokerAway(f"no Kafka on {settings.bootstrap_servers}: {reason}") from error


@asynccontextmanager
async def _clients(settings: KafkaSettings) -> AsyncIterator[tuple[Any, Any]]:
    consumer = AIOKafkaConsumer(**client_arguments(settings), group_id=None)
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await consumer.start()
        await admin.start()
        yield consumer, admin
    finally:
        with suppress(Exception):
            await asyncio.wait_for(asyncio.gather(admin.close(), consumer.stop()), 3)


async def _ends(consumer: Any) -> dict[TopicPartition, int]:
    known = await consumer.topics()
    names = [topic.name for topic in TOPICS if topic.name in known]
    partitions = [
        TopicPartition(name, number)
        for name in names
        for number in sorted(consumer.partitions_for_topic(name) or ())
    ]
    found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    return found


async def _committed(admin: Any, group: str, ends: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    # All are named: the embedded broker does not answer a request for every offset a group has.
    found = await admin.list_consumer_group_offsets(group, partitions=list(ends))
    return {partition: known.offset for partition, known in found.items()}


def _rows(
    group: str, ends: dict[TopicPartition, int], committed: dict[TopicPartition, int]
) -> list[TopicLag]:
    rows = []
    for topic, partitions in groupby(sorted(ends), key=lambda partition: partition.topic):
        own = list(partitions)
        if topic != f"{group}.commands" and all(committed.get(one, -1) < 0 for one in own):
            continue
        behind = [max(0, ends[one] - max(0, committed.get(one, 0))) for one in own]
        end, stuck = sum(ends[one] for one in own), sum(1 for one in behind if one)
        rows.append(TopicLag(group=group, topic=topic, end=end, lag=sum(behind), stuck=stuck))
    return rows
