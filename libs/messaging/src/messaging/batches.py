"""One batch after another, whoever fetched it: poison apart, handled until it holds, then its offsets."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic

from messaging.dead_letters import DeadLetters
from messaging.envelope import Message, NewerEvent, Unreadable, decode
from messaging.metrics import BATCH_RETRIES
from messaging.ordering import upstream
from messaging.stream import Received, Record, Unread
from messaging.topics import unreadable_owner
from schemas import registry

Handle = Callable[[Sequence[Received]], Awaitable[None]]
"""Makes a batch's effects durable. Raises only for trouble that passes: then the batch is handled again."""
Place = tuple[str, int]
"""Topic and partition."""
Commit = Callable[[Mapping[Place, int]], Awaitable[None]]
"""Tells the broker the next offset to read of each partition."""
logger = logging.getLogger("messaging.consumer")


class Batches:
    """What a consumer does with the records it fetched, apart from the client that fetches them."""

    def __init__(
        self,
        group: str,
        limit: int,
        handle: Handle,
        dead_letters: DeadLetters,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._group, self._limit = group, limit
        self._handle, self._dead_letters, self._forget = handle, dead_letters, forget
        self.idle, self._abandon = asyncio.Event(), asyncio.Event()
        self.idle.set()
        self.busy_since: float | None = None
        self.in_hand: Sequence[Record] = ()
        self.trouble: str | None = None

    async def take(self, records: Sequence[Record], commit: Commit) -> None:
        """Handle a batch until it holds, then commit its offsets; neither, once its partitions are gone."""
        self.idle.clear()
        self.busy_since, self.in_hand = monotonic(), records
        try:
            if await self._until_durable(records):
                await commit(next_offsets(records))
        finally:
            self.busy_since, self.in_hand = None, ()
            self.idle.set()

    def busy_seconds(self) -> float:
        """For how long the batch in hand has been there; 0 between batches."""
        return 0.0 if self.busy_since is None else monotonic() - self.busy_since

    async def drain(self) -> None:
        """Partitions are about to be taken away: wait for the batch in hand, give up one that is stuck."""
        self._abandon.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.idle.wait(), 25)
        self._forget()

    def resume(self) -> None:
        """Partitions were assigned."""
        self._abandon.clear()

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
                self.trouble = f"{type(error).__name__}: {error}"[:300]
                BATCH_RETRIES.labels(self._group, type(error).__name__).inc()
                logger.warning("batch of %d is tried again: %s", len(records), self.trouble, exc_info=error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._abandon.wait(), pause * random.uniform(0.7, 1.3))  # noqa: S311
                pause = min(pause * 2, 5.0)
            else:
                self.trouble = None
                return True
        return False

    def _sorted_out(self, records: Sequence[Record]) -> "_Sorted":
        received, poison = [], []
        for record in records:
            try:
                received.append(receive(record, self._limit))
            except Unreadable as fault:
                if unreadable_owner(record.topic) == self._group:
                    poison.append((record, fault))
                elif (unread := in_its_place(record, fault)) is not None:
                    received.append(unread)
        return received, poison


_Sorted = tuple[list[Received], list[tuple[Record, Unreadable]]]


def next_offsets(records: Sequence[Record]) -> dict[Place, int]:
    """The offset after the last of these, for each of their partitions and no other."""
    offsets: dict[Place, int] = {}
    for record in records:
        place = (record.topic, record.partition)
        offsets[place] = max(offsets.get(place, 0), record.offset + 1)
    return offsets


def receive(record: Record, limit: int) -> Received:
    """Decode a record for a handler: its payload is Unread when only a newer release knows its type.

    Raises Unreadable for everything that is the message's own fault.
    """
    try:
        message = read(record, limit)
    except NewerEvent as newer:
        return Received(newer.envelope, Unread(newer), record)
    return Received(message.envelope, message.payload, record)


def in_its_place(record: Record, fault: Unreadable) -> Received | None:
    """An event of a service keeps its place in that service's sequence, though this release cannot read it.

    None for what no release of the service can have said.
    """
    envelope = fault.envelope
    if envelope is None or envelope.sequence is None or not registry.is_wire_type(envelope.type):
        return None
    service = upstream(envelope)
    if service not in registry.SERVICES or record.topic != f"{service}.events":
        return None
    return Received(envelope, Unread(fault), record)


def read(record: Record, limit: int) -> Message:
    """Decode a record. Raises Unreadable for everything that is the message's own fault."""
    try:
        return decode(record.topic, record.key, record.value, record.headers, limit)
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("data", f"cannot be read: {type(error).__name__}", "malformed") from error
