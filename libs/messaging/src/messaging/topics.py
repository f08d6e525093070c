"""Every topic, declared once: created from here, checked from here, exported to Kubernetes from here."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from messaging.security import client_arguments
from messaging.settings import KafkaProfile, KafkaSettings
from schemas import registry


@dataclass(frozen=True, slots=True)
class Topic:
    """`retention` None keeps for ever: the events are the record."""

    name: str
    retention: timedelta | None
    single_partition: bool = False


TOPICS: tuple[Topic, ...] = (
    *(Topic(f"{service}.events", None) for service in registry.SERVICES),
    *(Topic(f"{service}.commands", timedelta(days=14)) for service in registry.SERVICES),
    *(
        Topic(f"{service}.dead", timedelta(days=90), single_partition=True)
        for service in (*registry.SERVICES, "gateway")
    ),
    Topic("inbound.events", timedelta(days=14)),
    Topic("monitoring.samples", timedelta(days=2)),
    Topic("operations.commands", timedelta(days=14)),
)


def unreadable_owner(topic: str) -> str:
    """The one service that dead-letters what nobody can read on a topic that several consume."""
    service, _, kind = topic.partition(".")
    if kind in ("commands", "samples") and service in registry.SERVICES:
        return service
    return "gateway"


async def apply(settings: KafkaSettings) -> list[str]:
    """Create the topics that are missing; returns their names. Raises KafkaError when the broker is away."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        missing = sorted({topic.name for topic in TOPICS} - set(await admin.list_topics()))
        wanted = [_new_topic(topic, settings) for topic in TOPICS if topic.name in missing]
        if wanted:
            try:
                await admin.create_topics(wanted)
            except TopicAlreadyExistsError:
                return await apply(settings)
        return missing
    finally:
        await asyncio.wait_for(admin.close(), 5)


def _new_topic(topic: Topic, settings: KafkaSettings) -> NewTopic:
    configs = {"cleanup.policy": "delete", "max.message.bytes": str(_largest(topic, settings))}
    configs["retention.ms"] = (
        "-1" if topic.retention is None else str(int(topic.retention.total_seconds() * 1000))
    )
    if settings.profile is KafkaProfile.APACHE and settings.replication_factor > 2:
        configs["min.insync.replicas"] = "2"
    partitions = 1 if topic.single_partition else settings.partitions
    return NewTopic(topic.name, partitions, settings.replication_factor, topic_configs=configs)


def _largest(topic: Topic, settings: KafkaSettings) -> int:
    """Bytes of a record: more than a client may send, so that what is too large is seen and dead-lettered."""
    admitted = settings.max_message_bytes + 100_000
    # A dead letter is a whole record and headers of ours; one that did not fit would block for ever.
    return admitted + 100_000 if topic.name.endswith(".dead") else admitted
