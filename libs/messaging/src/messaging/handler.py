"""From a batch of messages to commits, publications and work: the shell around a service's rules."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic

from opentelemetry.trace import Span

from messaging import tracing
from messaging.commits import SNAPSHOT_EVERY, CommitStore, Loaded, commit_document
from messaging.dead_letters import DeadLetters
from messaging.envelope import Message, Unreadable
from messaging.metrics import COMMITS, CONFLICTS, EVENTS, Owed
from messaging.overruling import ORDERS, Ruling, overruled, rule
from messaging.producer import Producer
from messaging.service import Service
from messaging.stream import Outcome, Received, Stream, handle, missing_before
from messaging.waiting import FAILED, GAP, UNREAD, WaitingRoom, record_of
from messaging.work import WorkItems

logger = logging.getLogger("messaging.handler")
CACHED_STREAMS = 20_000
QUIET_SECONDS = 2.0
MARKED_AT_ONCE = 500
Work = Mapping[str, Sequence[Received]]


class Handler:
    """Handles batches one at a time; everything it keeps in memory can be thrown away at any moment."""

    def __init__(
        self,
        service: Service,
        store: CommitStore,
        waiting: WaitingRoom,
        work: WorkItems,
        producer: Producer,
        dead_letters: DeadLetters,
        limit: int,
    ) -> None:
        self._service, self._store, self._waiting, self._work = service, store, waiting, work
        self._producer, self._dead_letters, self._limit = producer, dead_letters, limit
        self._cache: OrderedDict[str, Stream] = OrderedDict()
        self._unmarked: OrderedDict[str, _Published] = OrderedDict()
        self._long: dict[str, Stream] = {}
        self._owed = Owed(service.name)
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Drop what is in memory: the store knows better."""
        self._cache.clear()
        self._owed.forget()

    async def handle(self, batch: Sequence[Received]) -> None:
        """Make a batch's effects durable and published. Raises for trouble that passes."""
        async with self._lock:
            operators, ours = _split(batch, self._service.name)
            try:
                await self._handle(_by_engagement(ours))
                for message in operators:
                    await self._operate(message)
            except BaseException:
                # What was written is not known any more for these.
                for message in batch:
                    self._cache.pop(message.envelope.engagement, None)
                raise

    async def _handle(self, work: Work, *, waited: bool = False) -> list[Outcome]:
        done: list[Outcome] = []
        while work:
            settled = await self._round(work, waited)
            done.extend(settled)
            work = {outcome.stream.engagement: outcome.rest for outcome in settled if outcome.rest}
        return done

    async def _round(self, work: Work, waited: bool) -> list[Outcome]:
        await self._load(work, waited)
        spans = _Spans(self._service.name)
        try:
            outcomes = []
            for engagement, messages in work.items():
                outcome = await self._decide(engagement, messages, spans)
                outcomes.append((outcome, messages))
            # Before the commit: afterwards a repeated delivery would find these seen, and say nothing.
            for outcome, _ in outcomes:
                await self._give_up(outcome)
            settled = await self._commit(outcomes, spans, waited)
            await self._put_aside(settled, waited)
            await self._wake_gaps(settled)
            await self._publish(settled)
        except BaseException as error:
            spans.fail(error)
            raise
        finally:
            spans.end()
        self._keep(settled)
        return settled

    async def _decide(self, engagement: str, messages: Sequence[Received], spans: "_Spans") -> Outcome:
        stream = self._cache[engagement]
        outcome = handle(self._service, stream, messages, spans.open, self._limit)
        if outcome.failed is not None and len(fresh := await self._fresh(messages)) < len(messages):
            # A rule may not survive being asked twice: what was handled before cannot fail any more.
            outcome = handle(self._service, stream, fresh, spans.open, self._limit)
        if outcome.failed is not None:
            message, error = outcome.failed
            logger.error(
                "%s cannot handle %s of %s",
                self._service.name,
                message.envelope.type,
                engagement,
                exc_info=error,
            )
            spans.fail(error)
        if outcome.causes:
            outcome.stream = replace(outcome.stream, version=stream.version + 1)
        return outcome

    async def _commit(
        self, outcomes: Sequence[tuple[Outcome, Sequence[Received]]], spans: "_Spans", waited: bool
    ) -> list[Outcome]:
        now = _now()
        writing = [(outcome, messages) for outcome, messages in outcomes if outcome.causes]
        settled = [outcome for outcome, _ in outcomes if not outcome.causes]
        for outcome, _ in writing:
            outcome.document = commit_document(outcome, now)
        documents = [outcome.document for outcome, _ in writing if outcome.document]
        refused = await self._store.insert(documents) if documents else set()
        COMMITS.labels(self._service.name).inc(len(documents) - len(refused))
        for position, (outcome, messages) in enumerate(writing):
            if position in refused:
                settled.append(await self._again(outcome.stream.engagement, messages, spans, waited))
            else:
                settled.append(outcome)
        return settled

    async def _again(
        self, engagement: str, messages: Sequence[Received], spans: "_Spans", waited: bool
    ) -> Outcome:
        """A refused document: someone else wrote, or these were handled before. Reload and decide alone."""
        while True:
            CONFLICTS.labels(self._service.name).inc()
            self._cache.pop(engagement, None)
            await self._load([engagement], waited)
            outcome = await self._decide(engagement, await self._fresh(messages), spans)
            await self._give_up(outcome)
            if not outcome.causes:
                return outcome
            outcome.document = commit_document(outcome, _now())
            if not await self._store.insert([outcome.document]):
                return outcome

    async def _fresh(self, messages: Sequence[Received]) -> list[Received]:
        """Those that have no commit yet."""
        known = await self._store.known_causes([m.envelope.cause for m in messages])
        return [m for m in messages if m.envelope.cause not in known]

    async def _give_up(self, outcome: Outcome) -> None:
        for message, field, reason in outcome.undeliverable:
            await self._dead_letters.give_up(message.record, field, reason, "wrong-tenant")

    async def _put_aside(self, settled: Sequence[Outcome], waited: bool) -> None:
        held: list[tuple[Received, str, str]] = []
        seen, tenants = {}, {}
        for outcome in settled:
            if not waited:
                held.extend(_to_wait(outcome))
            if not outcome.causes and outcome.stream.seen:
                seen[outcome.stream.engagement] = outcome.stream.seen
                if outcome.stream.tenant is not None:
                    tenants[outcome.stream.engagement] = outcome.stream.tenant
        await self._waiting.hold(held)
        if seen:
            await self._store.mark({}, seen, tenants)

    async def _wake_gaps(self, settled: Sequence[Outcome]) -> None:
        moved = [
            outcome.stream.engagement
            for outcome in settled
            if outcome.stream.gapped and outcome.stream.seen != self._cache[outcome.stream.engagement].seen
        ]
        if moved:
            await self._waiting.wake_gaps(moved)

    async def _publish(self, settled: Sequence[Outcome]) -> None:
        messages = [message for outcome in settled for message in self._messages(outcome)]
        await self._send(messages)
        EVENTS.labels(self._service.name).inc(len(messages))
        for outcome in settled:
            if outcome.causes:
                self._note_published(outcome.stream.engagement, outcome.stream.version)

    def _note_published(self, engagement: str, version: int) -> None:
        self._unmarked[engagement] = _Published(version, monotonic())
        self._unmarked.move_to_end(engagement)

    async def _send(self, messages: Sequence[Message]) -> None:
        self._owed.owe(messages)
        await self._work.create(messages)
        await self._producer.publish(messages)
        self._owed.paid(messages)

    def _messages(self, outcome: Outcome) -> list[Message]:
        if outcome.document is None:
            return []
        return self._store.messages(outcome.document, [event.payload for event in outcome.events])

    def _keep(self, settled: Sequence[Outcome]) -> None:
        for outcome in settled:
            stream = outcome.stream
            if stream.blocked or outcome.failed is not None:
                # Another replica may clear what blocks it: look again every time.
                self._cache.pop(stream.engagement, None)
                continue
            self._cache[stream.engagement] = replace(stream, gapped=stream.gapped or bool(outcome.gaps))
            self._cache.move_to_end(stream.engagement)
            if stream.version - stream.snapshot >= SNAPSHOT_EVERY:
                self._long[stream.engagement] = stream
        while len(self._cache) > CACHED_STREAMS:
            self._cache.popitem(last=False)

    async def _load(self, engagements: Iterable[str], waited: bool) -> None:
        """Into the cache. What waited may pass the failure it waited behind; nothing else may."""
        missing = [e for e in engagements if e not in self._cache]
        if not missing:
            return
        loaded = await self._store.load(missing)
        blocked = set() if waited else await self._waiting.blocked(missing)
        gapped = await self._waiting.gapped(missing)
        await self._pay(loaded)
        for engagement, item in loaded.items():
            self._cache[engagement] = replace(
                item.stream, blocked=engagement in blocked, gapped=engagement in gapped
            )

    async def _pay(self, loaded: Mapping[str, Loaded]) -> None:
        """Publish what a crash may have left unpublished, before anything newer of the same stream."""
        due = [item for item in loaded.values() if item.owed and not self._is_published(item.stream)]
        await self._send([message for item in due for message in item.owed])
        for item in due:
            self._note_published(item.stream.engagement, item.stream.version)

    def _is_published(self, stream: Stream) -> bool:
        known = self._unmarked.get(stream.engagement)
        return known is not None and known.version >= stream.version

    async def flush(self, *, everything: bool = False) -> None:
        """Write down how far streams that have come to rest are published; make snapshots of long ones.

        A busy stream needs no mark: its next commit says that the one before it is published.
        """
        long, self._long = self._long, {}
        await self._store.snapshot(list(long.values()))
        for engagement, stream in long.items():
            if engagement in self._cache:
                self._cache[engagement] = replace(self._cache[engagement], snapshot=stream.version)
        await self._mark(self._at_rest(everything))

    def _at_rest(self, everything: bool) -> dict[str, int]:
        """The longest quiet ones first, so many that a round is short."""
        before = monotonic() - QUIET_SECONDS
        found: dict[str, int] = {}
        for engagement, published in self._unmarked.items():
            if not everything and (published.at > before or len(found) == MARKED_AT_ONCE):
                break
            found[engagement] = published.version
        return found

    async def _mark(self, published: Mapping[str, int]) -> None:
        if not published:
            return
        await self._store.mark(published, {})
        for engagement, version in published.items():
            if self._unmarked[engagement].version == version:
                del self._unmarked[engagement]

    async def handle_waiting(self, received: Received) -> Outcome:
        """Handle one message that waited; a failure or gap is handed back and not put aside again."""
        engagement = received.envelope.engagement
        async with self._lock:
            try:
                self._cache.pop(engagement, None)
                settled = await self._handle({engagement: [received]}, waited=True)
                return settled[0]
            finally:
                self._cache.pop(engagement, None)

    async def _operate(self, message: Received) -> None:
        """Do what an operator asks, and record it; each step may be repeated after a crash."""
        engagement = message.envelope.engagement
        try:
            ruling = await self._overrule(engagement, message)
            if ruling.given_up is not None:
                await self._waiting.release([ruling.given_up["_id"]])
            await self._waiting.wake(engagement)
        finally:
            self._cache.pop(engagement, None)

    async def _overrule(self, engagement: str, message: Received) -> Ruling:
        while True:
            self._cache.pop(engagement, None)
            await self._load([engagement], waited=True)
            stream = self._cache[engagement]
            queue = await self._waiting.queue(engagement)
            ruling = rule(self._service.name, message, stream, queue)
            if ruling.given_up is not None:
                command = message.payload
                reason = f"skipped by {command.requested_by}: {command.reason}"
                await self._dead_letters.give_up(record_of(ruling.given_up["record"]), "", reason, "skipped")
            if not await self._fresh([message]):
                return ruling
            outcome = overruled(self._service, stream, message, ruling)
            outcome.document = commit_document(outcome, _now())
            if not await self._store.insert([outcome.document]):
                await self._publish([outcome])
                return ruling
            CONFLICTS.labels(self._service.name).inc()


@dataclass(frozen=True, slots=True)
class _Published:
    version: int
    at: float


class _Spans:
    """The open process spans of a batch."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._open: list[Span] = []

    def open(self, message: Received) -> tuple[str | None, str | None]:
        record = message.record
        span = tracing.start_process(
            record.topic, record.partition, record.offset, self._group, message.envelope
        )
        self._open.append(span)
        return tracing.headers_of(span)

    def fail(self, error: BaseException) -> None:
        for span in self._open:
            tracing.fail(span, error)

    def end(self) -> None:
        for span in self._open:
            span.end()
        self._open.clear()


def _now() -> datetime:
    # The store keeps milliseconds: an event read back must have the very time it was published with.
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _split(batch: Sequence[Received], service: str) -> tuple[list[Received], list[Received]]:
    operators, ours = [], []
    for message in batch:
        if not isinstance(message.payload, ORDERS):
            ours.append(message)
        elif message.payload.service_name == service:
            operators.append(message)
    return operators, ours


def _by_engagement(messages: Sequence[Received]) -> dict[str, list[Received]]:
    grouped: dict[str, list[Received]] = {}
    for message in messages:
        grouped.setdefault(message.envelope.engagement, []).append(message)
    return grouped


def unread_reason(fault: Unreadable) -> str:
    return f"{fault} [{fault.code}]; it waits for a release that reads it"


def _to_wait(outcome: Outcome) -> list[tuple[Received, str, str]]:
    held = [(message, GAP, missing_before(outcome, message)) for message in outcome.gaps]
    held += [(message, UNREAD, unread_reason(message.payload.fault)) for message in outcome.unread]
    if outcome.failed is not None:
        message, error = outcome.failed
        held.append((message, FAILED, f"{type(error).__name__}: {error}"))
    return held + [(message, FAILED, "waits behind a failure") for message in outcome.behind]
