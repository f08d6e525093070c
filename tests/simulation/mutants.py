"""Seeded bugs: the real classes with one thing done wrong each. The simulation has to catch every one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from messaging import dead_letters, handler, stream, work
from messaging.batches import Batches, Commit, Place, next_offsets
from messaging.commits import CommitStore
from messaging.envelope import Unreadable
from messaging.handler import Handler
from messaging.ordering import Verdict
from messaging.overruling import rule
from messaging.retrying import Retrier
from messaging.service import Service
from messaging.stream import Outcome, Received, Record, handle
from messaging.waiting import FAILED, GAP, WaitingRoom, record_of
from messaging.work import Run, Worker, WorkItems
from persistence import BulkRefused, UpdateOne
from simulation.history import (
    History,
    contended_history,
    killer_history,
    lost_history,
    random_history,
    upgrade_history,
)
from simulation.replica import Classes


class OffsetsFirst(Batches):
    """Tells Kafka that a batch is done before it is."""

    async def take(self, records: Sequence[Record], commit: Commit) -> None:
        await commit(next_offsets(records))
        await super().take(records, commit)


class OffsetsOfAll(Batches):
    """Commits what it has fetched of every partition, as an acknowledgement without offsets does."""

    async def take(self, records: Sequence[Record], commit: Commit) -> None:
        async def commit_all(offsets: Mapping[Place, int]) -> None:
            member = commit.__self__  # type: ignore[attr-defined]
            ends = {place: len(member._group.log.partitions[place]) for place in member.positions}
            await commit({**ends, **offsets})

        await super().take(records, commit_all)


class SkipsTrouble(Batches):
    """Lets a batch go when the database or the broker is away."""

    async def _until_durable(self, records: Sequence[Record]) -> bool:
        try:
            await self._handle(self._sorted_out(records)[0])
        except Exception:
            return True
        return True


class DropsPoison(Batches):
    """Takes what cannot be read for nothing."""

    def _sorted_out(self, records: Sequence[Record]) -> Any:
        return super()._sorted_out(records)[0], []


class ReadsOrDrops(Batches):
    """Drops the events of other services that its release cannot read."""

    def _sorted_out(self, records: Sequence[Record]) -> Any:
        received, poison = super()._sorted_out(records)
        return [one for one in received if not isinstance(one.payload, stream.Unread)], poison


class ReadsOrGivesUp(Retrier):
    """Gives up what a replica of another release put aside."""

    async def _handle(self, record: Record) -> Outcome | None:
        from messaging.batches import read

        try:
            read(record, 2**31)
        except Unreadable as fault:
            await self._dead_letters.give_up(record, fault.field, fault.reason, fault.code)
            return None
        return await super()._handle(record)


class DeadLetterLast(Batches):
    """Commits the offsets, then writes the dead letters."""

    async def take(self, records: Sequence[Record], commit: Commit) -> None:
        _, poison = self._sorted_out(records)
        if poison:
            await commit(next_offsets(records))
        await super().take(records, commit)


class PublishesFirst(Handler):
    """Publishes what is not committed yet."""

    async def _commit(self, outcomes: Any, *about: Any) -> list[Outcome]:
        for outcome, _ in outcomes:
            if outcome.causes:
                document = stream_document(outcome)
                await self._producer.publish(
                    self._store.messages(document, [event.payload for event in outcome.events])
                )
        return await super()._commit(outcomes, *about)


class PublishesNothing(Handler):
    """Leaves publication to whoever loads the stream next."""

    async def _publish(self, settled: Sequence[Outcome]) -> None:
        await self._work.create([m for outcome in settled for m in self._messages(outcome)])


class SkipsUnrecorded(Handler):
    """Gives a message up and says nothing of it in its stream."""

    async def _overrule(self, engagement: str, message: Received) -> Any:
        self._cache.pop(engagement, None)
        await self._load([engagement], waited=True)
        queue = await self._waiting.queue(engagement)
        ruling = rule(self._service.name, message, self._cache[engagement], queue)
        if ruling.given_up is not None:
            await self._dead_letters.give_up(record_of(ruling.given_up["record"]), "", "", "skipped")
            await self._store.mark({}, {engagement: ruling.seen})
        return ruling


class Owes(Handler):
    """Does not publish what a crash left unpublished."""

    async def _pay(self, loaded: Any) -> None:
        return None


class MarksFirst(Handler):
    """Writes down that events are published, then publishes them."""

    async def _publish(self, settled: Sequence[Outcome]) -> None:
        await self._store.mark({o.stream.engagement: o.stream.version for o in settled if o.causes}, {})
        await super()._publish(settled)


class MarksOneMore(Handler):
    """Believes its next document published as soon as this one is."""

    def _note_published(self, engagement: str, version: int) -> None:
        super()._note_published(engagement, version + 1)


class OrderLost(Handler):
    """Hands a batch's events to the producer last one first."""

    def _messages(self, outcome: Outcome) -> Any:
        return super()._messages(outcome)[::-1]


class WorkForgotten(Handler):
    """Makes no work of what another process left behind."""

    async def _pay(self, loaded: Any) -> None:
        kept, self._work = self._work, NoItems()  # type: ignore[assignment]
        try:
            await super()._pay(loaded)
        finally:
            self._work = kept


class NoItems:
    async def create(self, messages: Any) -> None:
        return None


class WorkAfterwards(Handler):
    """Publishes first and writes the work down when there is time."""

    async def _publish(self, settled: Sequence[Outcome]) -> None:
        kept, self._work = self._work, NoItems()  # type: ignore[assignment]
        try:
            await super()._publish(settled)
        finally:
            self._work = kept


class RefusalsForgotten(Handler):
    """Says no and keeps no record of it."""

    async def _decide(self, *about: Any) -> Outcome:
        outcome = await super()._decide(*about)
        if outcome.events and all("refused" in event.payload.type for event in outcome.events):
            return replace(outcome, events=[], causes=[], stream=self._cache[outcome.stream.engagement])
        return outcome


class OldView(Handler):
    """Decides again on what it had in memory."""

    async def _again(self, engagement: str, messages: Any, spans: Any, waited: bool) -> Outcome:
        stale = self._cache.get(engagement)
        before = await super()._again(engagement, [], spans, waited)
        if stale is not None:
            self._cache[engagement] = replace(
                stale, version=before.stream.version, sequence=before.stream.sequence
            )
        outcome = await self._decide(engagement, await self._fresh(messages), spans)
        if outcome.causes:
            outcome.document = stream_document(outcome)
            if await self._store.insert([outcome.document]):
                return await super()._again(engagement, messages, spans, waited)
        return outcome


class BlockedAgain(Handler):
    """Puts what waited behind the failure it came from when it is decided again: it is kept nowhere then."""

    async def _again(self, engagement: str, messages: Any, spans: Any, waited: bool) -> Outcome:
        return await super()._again(engagement, messages, spans, False)


class FailsTwice(Handler):
    """Does not ask whether what fails was handled before."""

    async def _fresh(self, messages: Sequence[Received]) -> list[Received]:
        return list(messages)


class NeverBlocked(Handler):
    """Forgets that an engagement waits behind a failure."""

    async def _load(self, engagements: Any, waited: bool) -> None:
        await super()._load(engagements, True)


class BlocksAll(Handler):
    """Raises what a rule raises: the whole batch is tried again for ever."""

    async def _decide(self, *about: Any) -> Outcome:
        outcome = await super()._decide(*about)
        if outcome.failed is not None:
            raise outcome.failed[1]
        return outcome


class SkipsFailures(Handler):
    """Takes a failing message for handled."""

    async def _put_aside(self, settled: Sequence[Outcome], waited: bool) -> None:
        await super()._put_aside([replace(o, failed=None) for o in settled], waited)


class SkipsGaps(Handler):
    """Drops what came too early."""

    async def _put_aside(self, settled: Sequence[Outcome], waited: bool) -> None:
        await super()._put_aside([replace(o, gaps=[]) for o in settled], waited)


class SeenForgotten(Handler):
    """Does not write down what it saw and needed no commit for."""

    async def _put_aside(self, settled: Sequence[Outcome], waited: bool) -> None:
        for outcome in settled:
            if not outcome.causes:
                outcome.stream = replace(outcome.stream, seen={})
        await super()._put_aside(settled, waited)


class NoVersion(CommitStore):
    """Two writers may write one version."""

    async def prepare(self) -> None:
        await self._commits.create_index([("causes", 1)], unique=True)


class NoDedupe(CommitStore):
    """A message may have two commits."""

    async def prepare(self) -> None:
        await self._commits.create_index([("stream", 1), ("version", 1)], unique=True)


class Deaf(CommitStore):
    """Takes a refused document for a written one."""

    async def insert(self, documents: Sequence[dict[str, Any]]) -> set[int]:
        await super().insert(documents)
        return set()


class NewTimes(CommitStore):
    """Gives events the time at which they are read back."""

    def messages(self, document: Mapping[str, Any], known: Any = ()) -> Any:
        found = super().messages(document, known)
        now = dead_letters.datetime.now(UTC)
        return [replace(m, envelope=replace(m.envelope, time=now)) for m in found]


class LastFirst(WaitingRoom):
    """Gives the messages that wait back in reverse."""

    async def queue(self, engagement: str) -> list[dict[str, Any]]:
        return (await super().queue(engagement))[::-1]


class NewPlaces(WaitingRoom):
    """Gives a message that comes again a new place, behind those that followed it."""

    async def hold(self, messages: Any) -> None:
        before = {d["_id"]: d for d in await self._waiting.find().to_list(None)}
        await super().hold(messages)
        for message, _, _ in messages:
            if message.envelope.cause in before:
                last = await self._last_position(message.envelope.engagement)
                moved = UpdateOne({"_id": message.envelope.cause}, {"$set": {"position": last + 1}})
                await self._waiting.bulk_write([moved], ordered=True)


class AlwaysGap(WaitingRoom):
    """Keeps calling it a gap when it is a failure by now."""

    async def not_yet(self, document: dict[str, Any], kind: str, reason: str) -> int:
        return await super().not_yet(document, document["kind"], reason)


class ReleasesFirst(Retrier):
    """Takes messages out of the waiting room, then handles them."""

    async def _handle(self, record: Record) -> Outcome | None:
        from messaging.batches import read

        await self._waiting.release([read(record, 2**31).envelope.cause])
        return await super()._handle(record)


class GoesOn(Retrier):
    """Handles what waits behind a failure although it still fails."""

    async def _drain(self, engagement: str) -> None:
        for document in await self._waiting.queue(engagement):
            outcome = await self._handle(record_of(document["record"]))
            if outcome is not None and (outcome.failed or outcome.gaps):
                await self._not_yet(document, FAILED if outcome.failed else GAP, "fails")
                continue
            await self._waiting.release([document["_id"]])


class NeverAgain(Retrier):
    """Tries nothing again."""

    async def run_due(self) -> None:
        return None


class NoLease(WorkItems):
    """Claims without making the item undue."""

    async def claim(self, lease: timedelta, *, suspects: bool = True) -> dict[str, Any] | None:
        return await super().claim(timedelta(0), suspects=suspects)


class NoFence(WorkItems):
    """Writes to an item whoever has it now."""

    async def change(self, item: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        await self._work.update_one({"_id": item["_id"]}, {"$set": dict(change)})

    end = change


class SameFence(WorkItems):
    """Gives every claim the same fence."""

    async def claim(self, lease: timedelta, *, suspects: bool = True) -> dict[str, Any] | None:
        item = await super().claim(lease, suspects=suspects)
        if item is not None:
            await self._work.update_one({"_id": item["_id"]}, {"$set": {"fence": 1}})
            item["fence"] = 1
        return item


class CountsEnds(WorkItems):
    """Counts a run when it has ended, so never one that kills its process."""

    async def claim(self, lease: timedelta, *, suspects: bool = True) -> dict[str, Any] | None:
        item = await super().claim(lease, suspects=suspects)
        return item and {**item, "unended": 1}


class OpenEnd(WorkItems):
    """Ends a run without shutting out its own late writes."""

    async def end(self, item: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        await self.change(item, change)


class TooEarly(WorkItems):
    """Starts timers at once."""

    def _document(self, *about: Any) -> dict[str, Any]:
        return {**super()._document(*about), "due": datetime(2029, 1, 1, tzinfo=UTC)}


class OneItem(WorkItems):
    """One refused item loses its neighbours."""

    async def create(self, messages: Any) -> None:
        try:
            await super().create(messages[:1])
        except BulkRefused:
            return


class NewKeys(Run):
    """Gives every command of a run an identity of its own."""

    async def send(self, command: Any, *, key: str) -> None:
        await super().send(command, key=f"{key}-{self.item['fence']}")


class DoneIsDone(Worker):
    """Takes a failed run for a finished one."""

    async def _failed(self, run: Any, activity: Any, error: Exception) -> None:
        await self._items.end(run.item, {"due": None, "done_at": datetime(2030, 1, 1, tzinfo=UTC)})


def stream_document(outcome: Outcome) -> dict[str, Any]:
    from messaging.commits import commit_document
    from messaging.handler import _now

    return commit_document(outcome, _now())


def ignores_gaps(seen: Mapping[str, int], envelope: Any) -> Verdict:
    last = seen.get(stream.upstream(envelope), 0)
    return Verdict.OLD if envelope.sequence is not None and envelope.sequence <= last else Verdict.NEXT


def overtakes(service: Any, before: Any, messages: Sequence[Received], *about: Any) -> Outcome:
    """Handles what follows a failing message in its batch."""
    outcome = handle(service, before, messages, *about)
    if outcome.failed is None or not outcome.behind:
        return outcome
    failed = outcome.failed
    rest = [m for m in messages if m is not failed[0]]
    later = overtakes(service, before, rest, *about)
    later.failed = later.failed or failed
    return later


def rules_nothing_lost(service: str, message: Received, *about: Any) -> Any:
    ruling = rule(service, message, *about)
    return replace(ruling, seen={}) if ruling.given_up is None else ruling


def rules_too_much_lost(service: str, message: Received, stream: Any, queue: Any) -> Any:
    """Declares those lost too that wait."""
    ruling = rule(service, message, stream, queue)
    if ruling.given_up is not None or not ruling.seen:
        return ruling
    return replace(ruling, seen={name: last + 1 for name, last in ruling.seen.items()})


@dataclass(frozen=True)
class Mutant:
    """`caught_by` are the promises that it may be seen to break."""

    name: str
    classes: Callable[[], Classes]
    caught_by: frozenset[str]
    history: Callable[[int], History] = random_history


REST, EFFECT, ORDER, FOLLOW = "it comes to rest", "one effect", "order holds", "offsets follow effects"
OVERTAKE, FOLD = "events do not overtake", "the state is the fold of the stream"
INNOCENT = "only what kills is given up as cut off"
WORKER, STALE = "one worker at a time", "a stale lease is refused"


def _mutant(
    name: str,
    promises: Sequence[str],
    history: Callable[[int], History] = random_history,
    **parts: Any,
) -> Mutant:
    return Mutant(name, lambda: Classes(**parts), frozenset(promises), history)


MUTANTS = (
    _mutant("offsets before effects", [FOLLOW], batches=OffsetsFirst),
    _mutant("offsets of other partitions", [FOLLOW], batches=OffsetsOfAll),
    _mutant("trouble skips a batch", [FOLLOW], batches=SkipsTrouble),
    _mutant("poison is dropped", [FOLLOW], batches=DropsPoison),
    _mutant("a failing rule loops", [REST], handler=BlocksAll),
    _mutant("dead letter after offsets", [FOLLOW], batches=DeadLetterLast),
    _mutant("publish before commit", ["committed before published"], handler=PublishesFirst),
    _mutant("publish nothing", [FOLLOW, REST, OVERTAKE], handler=PublishesNothing),
    _mutant("owed events are forgotten", [OVERTAKE, FOLLOW, REST, "marked after published"], handler=Owes),
    _mutant("marked before published", ["marked after published"], handler=MarksFirst),
    _mutant("marked one too far", ["marked after published", OVERTAKE, FOLLOW], handler=MarksOneMore),
    _mutant("events in reverse", [OVERTAKE], handler=OrderLost),
    _mutant("work of a crash is lost", [FOLLOW, REST], handler=WorkForgotten),
    _mutant("work is not written down", [FOLLOW, REST], handler=WorkAfterwards),
    _mutant("a refusal is not committed", [FOLLOW, ORDER, REST], handler=RefusalsForgotten),
    _mutant("decided on an old view", [FOLD, EFFECT, ORDER, REST, "no gap in a stream"], handler=OldView),
    _mutant("blocked when decided again", [REST, FOLLOW, ORDER], contended_history, handler=BlockedAgain),
    _mutant("what was handled fails", [REST], handler=FailsTwice),
    _mutant("blocked is forgotten", [ORDER], handler=NeverBlocked),
    _mutant("a failure is skipped", [FOLLOW, ORDER], handler=SkipsFailures),
    _mutant("a gap is dropped", [FOLLOW, REST], handler=SkipsGaps),
    _mutant("seen without commit is forgotten", [FOLLOW, REST], handler=SeenForgotten),
    _mutant("no version check", ["one writer at a time"], store=NoVersion),
    _mutant("no dedupe", [EFFECT], store=NoDedupe),
    _mutant("a refused document counts", [FOLLOW, "committed before published", OVERTAKE], store=Deaf),
    _mutant("an event changes", ["an event is the same each time"], store=NewTimes),
    _mutant("waiting room in reverse", [ORDER], waiting=LastFirst),
    _mutant("a new place each time", [ORDER, REST], waiting=NewPlaces),
    _mutant("a gap stays a gap", [REST, ORDER], waiting=AlwaysGap),
    _mutant("released before handled", [REST, ORDER, FOLLOW], retrier=ReleasesFirst),
    _mutant("the next before the failing one", [ORDER], retrier=GoesOn),
    _mutant("nothing is tried again", [REST], retrier=NeverAgain),
    _mutant("overtaking in a batch", [ORDER, FOLLOW], patches={(handler, "handle"): overtakes}),
    _mutant("gaps are ignored", ["gaps are waited for", ORDER], patches={(stream, "admit"): ignores_gaps}),
    _mutant("what is unread is dropped", [FOLLOW, REST], upgrade_history, batches=ReadsOrDrops),
    _mutant(
        "what is unread counts as seen",
        [FOLLOW, EFFECT, ORDER, REST],
        upgrade_history,
        patches={(Service, "awaits"): lambda *_: False},
    ),
    _mutant(
        "what means nothing holds up",
        [REST, FOLLOW],
        upgrade_history,
        patches={(Service, "awaits"): lambda *_: True},
    ),
    _mutant(
        "another release's is given up",
        ["only what must be is given up"],
        upgrade_history,
        retrier=ReadsOrGivesUp,
    ),
    _mutant(
        "what is lost is not declared", [REST], lost_history, patches={(handler, "rule"): rules_nothing_lost}
    ),
    _mutant("a skip is not recorded", [REST], handler=SkipsUnrecorded),
    _mutant(
        "all that waits is declared lost",
        ["order holds", FOLLOW, REST],
        lost_history,
        patches={(handler, "rule"): rules_too_much_lost},
    ),
    _mutant("a redriven event is old", [REST], patches={(Received, "redriven"): False}),
    _mutant("claimed without a lease", [WORKER], items=NoLease),
    _mutant("no fence", [STALE, "what is done stays done"], items=NoFence),
    _mutant("one fence for all", ["one fence, one worker", STALE, WORKER], items=SameFence),
    _mutant("the end leaves the fence", ["what is done stays done", WORKER], items=OpenEnd),
    _mutant("a run that kills is not counted", [REST], killer_history, items=CountsEnds),
    _mutant("neighbours of a killer suffer", [INNOCENT], killer_history, patches={(work, "SUSPECT"): 100}),
    _mutant("timers at once", ["timers are not early"], items=TooEarly),
    _mutant("neighbours of work are lost", [FOLLOW, REST], items=OneItem),
    _mutant("a new key for each run", ["work asks once"], patches={(work, "Run"): NewKeys}),
    _mutant("a failed run is done", [REST], worker=DoneIsDone),
)
