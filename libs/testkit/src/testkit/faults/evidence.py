"""Everything that was ever written to the topics, and how far each group has come in them."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from messaging import KafkaSettings, Message, Record, Unreadable
from messaging.batches import read
from messaging.dead_letters import PREFIX
from messaging.security import client_arguments
from messaging.topics import TOPICS
from schemas.registry import SERVICES
from testkit.backbone import Tail
from testkit.faults.poison import MARK
from testkit.faults.system import System


@dataclass(frozen=True)
class Letter:
    """A dead letter, and the message in it as it came. `mark` is the poison's own id, if it has one."""

    id: str
    service: str
    status: str
    reason: str
    mark: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass
class Evidence:
    """The records of all topics in the order of their partitions."""

    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def events(self) -> list[Message]:
        """Every readable event of a service, repeated publications included."""
        return [m for name in SERVICES for m in _readable(self.records[f"{name}.events"])]

    @cached_property
    def streams(self) -> dict[tuple[str, str], list[Message]]:
        """(service, engagement) to its events, in topic order, each one's first occurrence."""
        found: dict[tuple[str, str], dict[int, Message]] = defaultdict(dict)
        for message in self.events:
            envelope = message.envelope
            key = (message.payload.service(), envelope.engagement)
            found[key].setdefault(envelope.sequence or 0, message)
        return {key: list(events.values()) for key, events in found.items()}

    @cached_property
    def effects(self) -> dict[str, list[Message]]:
        """The id of a message to the events it caused, each once."""
        found: dict[str, list[Message]] = defaultdict(list)
        for events in self.streams.values():
            for message in events:
                found[message.envelope.causation or ""].append(message)
        return found

    @cached_property
    def letters(self) -> list[Letter]:
        """Every dead letter, each service's in the order in which they were written."""
        return [
            _letter(record)
            for topic, records in self.records.items()
            if topic.endswith(".dead")
            for record in records
        ]


def _letter(record: Record) -> Letter:
    said = {name: value.decode() for name, value in record.headers if name.startswith(PREFIX)}
    return Letter(
        id=said[f"{PREFIX}id"],
        service=said[f"{PREFIX}service"],
        status=said[f"{PREFIX}status"],
        reason=said[f"{PREFIX}reason"],
        mark=dict(record.headers).get(MARK, b"").decode(),
        key=record.key,
        value=record.value,
        headers=tuple(pair for pair in record.headers if not pair[0].startswith(PREFIX)),
    )


def _readable(records: list[Record]) -> list[Message]:
    found = []
    for record in records:
        with suppress(Unreadable):
            found.append(read(record, 2**31))
    return found


class Watcher:
    """Follows all topics from their beginning."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._tail = Tail(settings, [topic.name for topic in TOPICS])
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._tail.follow())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def evidence(self) -> Evidence:
        found = Evidence()
        for record in self._tail.records:
            found.records[record.topic].append(record)
        return found

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record read of each partition."""
        ends: dict[tuple[str, int], int] = {}
        for record in self._tail.records:
            key = (record.topic, record.partition)
            ends[key] = max(ends.get(key, 0), record.offset + 1)
        return ends


READS = {
    "intake": ("intake.commands", "inbound.events", "feedback.events"),
    "design": ("design.commands", "intake.events"),
    "provisioning": ("provisioning.commands", "design.events"),
    "migration": ("migration.commands", "provisioning.events"),
    "monitoring": ("monitoring.commands", "provisioning.events", "inbound.events", "monitoring.samples"),
    "feedback": (
        "feedback.commands", "intake.events", "design.events", "migration.events", "monitoring.events",
        "inbound.events",
    ),
    "gateway": tuple(f"{name}.events" for name in SERVICES),
}  # fmt: skip
"""Which topics each service has to have read to their ends."""


async def lag(
    settings: KafkaSettings,
    ends: dict[tuple[str, int], int],
    reads: Mapping[str, Sequence[str]] = READS,
) -> dict[str, int]:
    """Group to how many records it has not committed yet."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        found = {}
        for group, topics in reads.items():
            asked = [TopicPartition(topic, n) for topic, n in ends if topic in topics]
            offsets = await admin.list_consumer_group_offsets(group, partitions=asked) if asked else {}
            behind = [
                ends[tp.topic, tp.partition] - max(offsets[tp].offset, 0) for tp in asked if tp in offsets
            ]
            found[group] = sum(max(0, one) for one in behind)
        return found
    finally:
        with suppress(Exception):
            await asyncio.wait_for(admin.close(), 3)


async def waiting(system: System) -> dict[str, int]:
    """Service to how many messages wait in its database, for whatever reason, and how much work is due."""
    found = {}
    for service in (*SERVICES, "gateway"):
        handle = system.database(service)
        try:
            room = "held" if service == "gateway" else "waiting"
            found[service] = len(await handle.db[room].find({}, {"_id": 1}).to_list(None))
            if service != "gateway":
                found[f"{service} work"] = len(
                    await handle.db["work"].find({"due": {"$ne": None}}, {"_id": 1}).to_list(None)
                )
        finally:
            handle.close()
    return {name: count for name, count in found.items() if count}
