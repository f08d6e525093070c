"""Follows every event topic on the broker itself, without a consumer group: nobody's offsets move."""

import asyncio
import json as json_text

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from runtime.cli.output import as_json_line, data
from runtime.errors import CommandFailed, Exit

QUIET_MS = 500


async def tail_topics(
    bootstrap: str, types: list[str] | None, engagement: str, *, json: bool, once: bool
) -> None:
    """From the beginning of every topic. Raises CommandFailed (69) where the broker does not answer."""
    from messaging import KafkaSettings
    from messaging.security import client_arguments
    from messaging.topics import TOPICS

    names = [topic.name for topic in TOPICS if not topic.name.endswith((".commands", ".dead"))]
    consumer = AIOKafkaConsumer(
        **client_arguments(KafkaSettings(bootstrap_servers=bootstrap)),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    try:
        await consumer.start()
    except KafkaError as error:
        raise CommandFailed(Exit.UNREACHABLE, f"no Kafka on {bootstrap}: {error}") from None
    try:
        partitions = [
            TopicPartition(name, number) for name in names for number in await _partitions(consumer, name)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while found := await consumer.getmany(timeout_ms=QUIET_MS if once else 5_000) or not once:
            if isinstance(found, dict):
                for records in found.values():
                    for record in records:
                        _print(record, types, engagement, json=json)
    finally:
        # aiokafka may wait for ever for a group it has not joined.
        await asyncio.wait_for(consumer.stop(), 3)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    cluster = consumer._client.cluster
    await consumer._client.force_metadata_update()
    return sorted(cluster.partitions_for_topic(topic) or ())


def _print(record: object, types: list[str] | None, engagement: str, *, json: bool) -> None:
    headers = {name: value.decode(errors="replace") for name, value in record.headers}  # type: ignore[attr-defined]
    kind = headers.get("ce_type", "?")
    if types and kind.rpartition(".v")[0] not in types and kind not in types:
        return
    if engagement and headers.get("ce_engagement") != engagement:
        return
    value = record.value.decode(errors="replace") if record.value else ""  # type: ignore[attr-defined]
    if json:
        as_json_line({"headers": headers, "data": _parsed(value)})
    else:
        at, key = headers.get("ce_time", "-")[11:23], headers.get("ce_engagement", "-")
        data(f"{at:<12}  {key:<10} {kind:<42} {value[:120]}")


def _parsed(text: str) -> object:
    try:
        return json_text.loads(text)
    except ValueError:
        return text
