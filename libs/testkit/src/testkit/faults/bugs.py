"""Seeded bugs: each makes a service break one promise, so that the harness can show that it would see it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any
from uuid import uuid4

from gateway.entry import Entry
from messaging import Message, batches, commits, dead_letters, handler, ordering, producer, stream, work

A_CRASH_FITS_IN = 0.2
"""Seconds: the moment in which a crash does harm, made long enough to be met."""


def swap(owner: object, name: str, replacement: object) -> None:
    """Put something else in a place. Raises AttributeError where the place is gone: there is no bug then."""
    if not hasattr(owner, name):
        raise AttributeError(f"there is no {name} any more: this bug has to be written anew")
    setattr(owner, name, replacement)


def offsets_first() -> None:
    """Offsets are committed before anything is durable: what a crash interrupts is lost."""
    take = batches.Batches.take

    async def committed_before(
        self: batches.Batches, records: Sequence[stream.Record], commit: batches.Commit
    ) -> None:
        await commit(batches.next_offsets(records))
        await asyncio.sleep(A_CRASH_FITS_IN)
        await take(self, records, commit)

    swap(batches.Batches, "take", committed_before)


def trouble_skips() -> None:
    """A batch that meets trouble is passed over, as consumers do that commit whatever was raised."""
    sorted_out = batches.Batches._sorted_out

    async def once(self: batches.Batches, records: Sequence[stream.Record]) -> bool:
        received, poison = sorted_out(self, records)
        try:
            for record, fault in poison:
                await self._dead_letters.give_up(record, fault.field, fault.reason, fault.code)
            if received:
                await self._handle(received)
        except Exception as error:  # the bug itself
            batches.logger.warning("skipped: %s", error)
        return True

    swap(batches.Batches, "_until_durable", once)


def no_dedupe() -> None:
    """Every delivery counts as a new one."""
    written = commits.commit_document

    def unknown_causes(outcome: stream.Outcome, now: Any) -> dict[str, Any]:
        document = written(outcome, now)
        return {**document, "causes": [f"{cause}#{uuid4()}" for cause in document["causes"]]}

    def never_old(seen: Any, envelope: Any) -> ordering.Verdict:
        verdict = ordering.admit(seen, envelope)
        return ordering.Verdict.NEXT if verdict is ordering.Verdict.OLD else verdict

    swap(handler, "commit_document", unknown_causes)
    swap(stream, "admit", never_old)


def owes_nothing() -> None:
    """What was committed and not yet published when the process died is never published."""
    load = commits.CommitStore.load
    publish = producer.Producer.publish

    async def without_debts(
        self: commits.CommitStore, engagements: Iterable[str]
    ) -> dict[str, commits.Loaded]:
        loaded = await load(self, engagements)
        return {key: commits.Loaded(item.stream, []) for key, item in loaded.items()}

    async def late(self: producer.Producer, messages: Sequence[Message]) -> None:
        await asyncio.sleep(A_CRASH_FITS_IN)
        await publish(self, messages)

    swap(commits.CommitStore, "load", without_debts)
    swap(producer.Producer, "publish", late)


def overtakes() -> None:
    """A batch's events are published in any order."""
    publish = producer.Producer.publish

    async def backwards(self: producer.Producer, messages: Sequence[Message]) -> None:
        await publish(self, list(reversed(messages)))

    swap(producer.Producer, "publish", backwards)


def poison_vanishes() -> None:
    """What cannot be read is passed over without a trace."""

    async def nothing(*_: object) -> None:
        return None

    swap(dead_letters.DeadLetters, "give_up", nothing)


def poison_is_stripped() -> None:
    """A dead letter keeps the value and forgets the headers it came with."""
    write = dead_letters.DeadLetters._write

    async def bare(self: dead_letters.DeadLetters, record: stream.Record, *about: str) -> None:
        kept = tuple(pair for pair in record.headers if pair[0] == "x-poison")
        bare_record = stream.Record(
            record.topic, record.partition, record.offset, record.key, record.value, kept
        )
        await write(self, bare_record, *about)

    swap(dead_letters.DeadLetters, "_write", bare)


def work_is_lost() -> None:
    """An event that should start long work starts none."""

    async def none(*_: object) -> None:
        return None

    swap(work.WorkItems, "create", none)


def memory_grows() -> None:
    """Every batch leaves something behind in memory."""
    take, kept = batches.Batches.take, list[bytes]()

    async def hoarding(
        self: batches.Batches, records: Sequence[stream.Record], commit: batches.Commit
    ) -> None:
        kept.extend(bytes(2_000_000) + b"x" for _ in records)
        await take(self, records, commit)

    swap(batches.Batches, "take", hoarding)


def view_misses() -> None:
    """The gateway's fold leaves out every seventh event of a stream."""
    # By name: the package has a function that is called as the module is.
    fold = import_module("gateway.view.fold")
    apply = fold._apply

    def now_and_then(view: dict[str, Any], entry: Entry) -> None:
        apply(view, entry if entry.sequence % 7 else replace(entry, tenant="nobody"))

    swap(fold, "_apply", now_and_then)


BUGS: Mapping[str, Callable[[], None]] = {
    "offsets-first": offsets_first,
    "trouble-skips": trouble_skips,
    "no-dedupe": no_dedupe,
    "owes-nothing": owes_nothing,
    "overtakes": overtakes,
    "poison-vanishes": poison_vanishes,
    "poison-is-stripped": poison_is_stripped,
    "work-is-lost": work_is_lost,
    "memory-grows": memory_grows,
    "view-misses": view_misses,
}
