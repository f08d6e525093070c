"""A Kafka log in memory: partitions, consumer groups that rebalance, offsets, and a client of it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zlib import crc32

from aiokafka.errors import CommitFailedError, KafkaTimeoutError

from messaging.batches import Batches, Place
from messaging.envelope import Headers
from messaging.stream import Record
from simulation.network import RUNNING, Network, Process

PARTITIONS = 2
SESSION = 3.0
REBALANCE = 30.0


class Log:
    """Appended to for ever; every reader has its own places in it."""

    def __init__(self) -> None:
        self.partitions: dict[Place, list[Record]] = defaultdict(list)
        self.observers: list[Callable[[Record], None]] = []
        self.grown: list[asyncio.Event] = []

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Record:
        place = (topic, self.partition_of(topic, key))
        record = Record(*place, len(self.partitions[place]), key, value, tuple(headers))
        for observe in self.observers:
            observe(record)
        self.partitions[place].append(record)
        for event in self.grown:
            event.set()
        return record

    def partition_of(self, topic: str, key: bytes | None) -> int:
        return 0 if topic.endswith(".dead") or key is None else crc32(key) % PARTITIONS

    def of(self, topic: str) -> list[Record]:
        return [r for place, records in sorted(self.partitions.items()) if place[0] == topic for r in records]


class Group:
    """The coordinator of one consumer group: who is in it, who reads what, and how far it is said to be."""

    def __init__(self, network: Network, log: Log, topics: Sequence[str]) -> None:
        self._network, self.log = network, log
        self.places = [(topic, number) for topic in topics for number in range(PARTITIONS)]
        self.members: list[Member] = []
        self.offsets: dict[Place, int] = {}
        self.generation = 0
        self.observers: list[Callable[[Mapping[Place, int]], None]] = []
        self._changed = asyncio.Event()

    def join(self, member: "Member") -> None:
        if member not in self.members:
            self.members.append(member)
        self._changed.set()

    def evict(self, member: "Member") -> None:
        """Its session is over; whether it lives or not, others get its partitions."""
        if member in self.members:
            self.members.remove(member)
            self._changed.set()

    async def coordinate(self) -> None:
        """Rebalances whenever somebody came or went; never returns."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(0.1)
            members = list(self.members)
            revoking = [asyncio.ensure_future(member.revoke()) for member in members]
            if revoking:
                await asyncio.wait(revoking, timeout=REBALANCE)
            self._assign([member for member in members if member in self.members])

    def _assign(self, members: Sequence["Member"]) -> None:
        self.generation += 1
        places = list(self.places)
        self._network.rng.shuffle(places)
        for number, member in enumerate(members):
            member.assigned({place: self.offsets.get(place, 0) for place in places[number :: len(members)]})

    def commit(self, member: "Member", offsets: Mapping[Place, int]) -> None:
        """Raises CommitFailedError for a member that others have replaced."""
        if member.generation != self.generation or not set(offsets) <= set(member.positions):
            raise CommitFailedError("not the owner")
        for observe in self.observers:
            observe(offsets)
        self.offsets.update(offsets)


class Member:
    """A process's client: fetches what it believes to own, as a real one does until it hears otherwise."""

    def __init__(self, group: Group, network: Network, process: Process, batches: Batches, most: int) -> None:
        self._group, self._network, self._process = group, network, process
        self.batches, self._most = batches, most
        self.positions: dict[Place, int] = {}
        self.generation = -1
        self._news = asyncio.Event()
        group.log.grown.append(self._news)

    async def revoke(self) -> None:
        RUNNING.set(self._process)
        await self.batches.drain()
        self.positions = {}

    def assigned(self, positions: dict[Place, int]) -> None:
        if self._process.dead:
            return
        self.positions, self.generation = positions, self._group.generation
        self.batches.resume()
        self._news.set()

    async def consume(self) -> None:
        """Never returns."""
        while True:
            if not self._pending():
                self._news.clear()
                await self._news.wait()
                continue
            records = await self._fetch()
            if records:
                await self.batches.take(records, self._commit)

    def _pending(self) -> bool:
        partitions = self._group.log.partitions
        return any(at < len(partitions[place]) for place, at in self.positions.items())

    async def _fetch(self) -> list[Record]:
        read = dict(self.positions)
        try:
            found = await self._network.call("log.fetch", lambda: self._read(read), _away, lambda: None)
        except KafkaTimeoutError:
            return []
        if any(self.positions.get(place) != at for place, at in read.items()):
            # Answers for what was assigned anew meanwhile are thrown away.
            return []
        for record in found:
            self.positions[record.topic, record.partition] = record.offset + 1
        return found

    def _read(self, positions: Mapping[Place, int]) -> list[Record]:
        found: list[Record] = []
        for place in self._network.rng.sample(sorted(positions), len(positions)):
            room = self._network.rng.randint(1, self._most) - len(found)
            found.extend(self._group.log.partitions[place][positions[place] :][: max(0, room)])
        return found

    async def _commit(self, offsets: Mapping[Place, int]) -> None:
        try:
            await self._network.call(
                "log.commit", lambda: self._group.commit(self, offsets), _away, lambda: None
            )
        except (CommitFailedError, KafkaTimeoutError):
            return


class Client:
    """Stands for an aiokafka producer: batches by partition, sent in order, each with a fate of its own."""

    def __init__(self, network: Network, log: Log, on_send: Callable[[str, Headers, Any], None]) -> None:
        self._network, self._log, self._on_send = network, log, on_send
        self._waiting: dict[Place, list[tuple[tuple[Any, ...], asyncio.Future[None]]]] = defaultdict(list)
        self._senders: dict[Place, asyncio.Task[None]] = {}

    async def send(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        timestamp_ms: int | None = None,
    ) -> "asyncio.Future[None]":
        self._on_send(topic, headers, self)
        place = (topic, self._log.partition_of(topic, key))
        future = asyncio.get_running_loop().create_future()
        self._waiting[place].append(((topic, key, value, headers), future))
        if place not in self._senders or self._senders[place].done():
            self._senders[place] = asyncio.create_task(self._send_all(place))
        return future

    async def send_and_wait(self, topic: str, **about: Any) -> None:
        await (await self.send(topic, **about))

    def holds(self, event: str) -> bool:
        """Whether an event stands in line here."""
        waiting = (headers for line in self._waiting.values() for (_, _, _, headers), _ in line)
        return any(("ce_id", event.encode()) in headers for headers in waiting)

    async def stop(self) -> None:
        if tasks := [task for task in self._senders.values() if not task.done()]:
            await asyncio.wait(tasks)

    async def _send_all(self, place: Place) -> None:
        line = self._waiting[place]
        while line:
            batch = line[: self._network.rng.randint(1, max(1, len(line)))]
            error: Exception | None = None
            try:
                await self._network.call("log.produce", lambda b=batch: self._append(b), _away, lambda: None)
            except KafkaTimeoutError as failed:
                error = failed
            del line[: len(batch)]
            for _, future in batch:
                if future.done():
                    continue
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)
                    future.exception()

    def _append(self, batch: Sequence[tuple[tuple[Any, ...], Any]]) -> None:
        for record, _ in batch:
            self._log.append(*record)


def _away() -> KafkaTimeoutError:
    return KafkaTimeoutError("the simulated broker is away")
