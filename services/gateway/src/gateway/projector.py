"""From batches of events to log and view: in order, once, with nothing lost between the two writes."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opentelemetry.trace import Span

from gateway.entry import Entry
from gateway.hub import Hub
from gateway.metrics import VIEW_DELAY
from gateway.ports import Log, Stored
from gateway.view import VIEW_VERSION, View, fold_all, new_view, seen
from messaging import tracing
from messaging.envelope import Envelope
from messaging.ordering import Verdict, admit
from messaging.stream import Received, Unread

GROUP = "gateway"
DOCUMENT_ENTRIES = 200
# A document of the database holds 16 MB; an entry's own limit is 1 MB of data.
DOCUMENT_BYTES = 4_000_000
AT_ONCE = 8
KNOWN = 200


@dataclass(frozen=True, kw_only=True)
class Projection:
    """A view in hand; `saved` is the cursor of the one that is stored, 0 where there is none."""

    tenant: str
    created_at: datetime
    view: View
    saved: int
    edition: int = 0

    @property
    def cursor(self) -> int:
        return int(self.view["cursor"])


class Projector:
    """Handles the batches of `messaging.Consumer`.

    The log is the truth: a document of it takes the next cursors or is refused. The view follows, under a
    condition on its cursor; one that fell behind in a crash is caught up from the log.
    """

    def __init__(self, log: Log, hub: Hub) -> None:
        self._log, self._hub = log, hub
        self._places = asyncio.Semaphore(AT_ONCE)
        self._known: OrderedDict[str, Projection] = OrderedDict()

    def forget(self) -> None:
        """Drop what is in memory: partitions were taken away, and somebody else folds on."""
        self._known.clear()

    async def handle(self, batch: Sequence[Received]) -> None:
        """Make a batch durable. Raises for trouble that passes; handling a batch again changes nothing."""
        groups: dict[str, list[Received]] = {}
        for one in batch:
            if one.envelope.sequence is not None:
                groups.setdefault(one.envelope.engagement, []).append(one)
        async with asyncio.TaskGroup() as tasks:
            for engagement, received in groups.items():
                tasks.create_task(self._project_traced(engagement, received))

    async def _project_traced(self, engagement: str, received: Sequence[Received]) -> None:
        spans = [_span(one) for one in received]
        try:
            async with self._places:
                await self._project(engagement, received)
        except BaseException as error:
            for span in spans:
                tracing.fail(span, error)
            raise
        finally:
            for span in spans:
                span.end()

    async def _project(self, engagement: str, received: Sequence[Received]) -> None:
        while True:
            waiting = await self._log.held(engagement)
            known = await self._load(engagement)
            admitted, gaps = sort_out(seen(known.view) if known else {}, [*received, *waiting])
            if gaps and self._known.pop(engagement, None) is not None:
                # What is missing may only be missing here: another replica may have folded it.
                continue
            await self._log.hold(gaps)
            before = known or (_begun(engagement, admitted[0].envelope) if admitted else None)
            if before is None:
                return
            entries = [entry(one, before.cursor + n) for n, one in enumerate(admitted, 1)]
            if not await self._append(before.tenant, entries):
                self._known.pop(engagement, None)
                continue
            await self._save(engagement, before, entries)
            await self._log.release([one for one in waiting if one not in gaps])
            return

    async def _load(self, engagement: str) -> Projection | None:
        if engagement in self._known:
            return self._known[engagement]
        stored = await self._log.load(engagement)
        if stored is None:
            logged = await self._log.tail(engagement, 0, limit=1)
            if not logged:
                return None
            start = _start(engagement, logged[0].tenant, logged[0].at)
        else:
            start = Projection(
                tenant=stored.tenant,
                created_at=stored.created_at,
                view=_view_of(stored),
                saved=stored.cursor,
                edition=stored.edition,
            )
        return replace(start, view=await catch_up(self._log, start.view))

    async def _append(self, tenant: str, entries: Sequence[Entry]) -> bool:
        for document in documents(entries):
            if not await self._log.append(tenant, document):
                return False
        return True

    async def _save(self, engagement: str, before: Projection, entries: Sequence[Entry]) -> None:
        view = fold_all(before.view, entries)
        now = datetime.now(UTC)
        for one in entries:
            VIEW_DELAY.observe(max(0.0, (now - one.at).total_seconds()))
        if view["cursor"] == before.saved:
            self._known[engagement] = before
            return
        stored = Stored(
            engagement=engagement,
            tenant=before.tenant,
            cursor=view["cursor"],
            created_at=before.created_at,
            view_version=VIEW_VERSION,
            view=view,
            edition=before.edition,
        )
        if await self._save_or_go_on(stored, before.saved):
            self._known[engagement] = replace(before, view=view, saved=stored.cursor)
            self._known.move_to_end(engagement)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
        else:
            self._known.pop(engagement, None)
        self._hub.notify(engagement)

    async def _save_or_go_on(self, stored: Stored, expected: int) -> bool:
        """False when the view was moved or replaced meanwhile, by another replica or a rebuild."""
        if await self._log.save(stored, expected):
            return True
        # Whoever moved it may have read the log before the last of our documents was in it.
        while True:
            known = await self._log.load(stored.engagement)
            if known and known.cursor >= stored.cursor:
                return False
            view = await catch_up(
                self._log, _view_of(known) if known else new_view(stored.engagement, stored.tenant)
            )
            edition = known.edition if known else 0
            newer = replace(stored, view=view, cursor=view["cursor"], edition=edition)
            if await self._log.save(newer, known.cursor if known else 0):
                return False


def _view_of(stored: Stored) -> View:
    return stored.view if stored.view_version == VIEW_VERSION else new_view(stored.engagement, stored.tenant)


def _start(engagement: str, tenant: str, created_at: datetime) -> Projection:
    return Projection(tenant=tenant, created_at=created_at, view=new_view(engagement, tenant), saved=0)


def _begun(engagement: str, first: Envelope) -> Projection:
    """It belongs to whose event is the first of its log, so that the log alone tells (a rebuild asks it)."""
    return _start(engagement, first.tenant, first.time)


async def catch_up(log: Log, view: View) -> View:
    """Fold what the log has and the view has not."""
    while missing := await log.tail(view["key"], view["cursor"]):
        view = fold_all(view, missing)
    return view


def sort_out(last: dict[str, int], received: Sequence[Received]) -> tuple[list[Received], list[Received]]:
    """Those that come next, in order, and those an earlier one is missing for; repeated ones are dropped."""
    last, admitted, later = dict(last), [], list(received)
    progress = True
    while progress:
        progress, rest = False, []
        for one in later:
            verdict = admit(last, one.envelope)
            if verdict is Verdict.NEXT and one.envelope.sequence is not None:
                last[service_of(one.envelope)] = one.envelope.sequence
                admitted.append(one)
                progress = True
            elif verdict is Verdict.GAP:
                rest.append(one)
        later = rest
    return admitted, later


def service_of(envelope: Envelope) -> str:
    return envelope.type.partition(".")[0]


def entry(one: Received, cursor: int) -> Entry:
    envelope = one.envelope
    if envelope.sequence is None:
        raise ValueError("an entry needs its sequence")
    return Entry(
        cursor=cursor,
        id=envelope.id,
        wire_type=envelope.type if isinstance(one.payload, Unread) else one.payload.wire_type(),
        at=envelope.time,
        engagement=envelope.engagement,
        tenant=envelope.tenant,
        sequence=envelope.sequence,
        actor=envelope.actor,
        correlation=envelope.correlation,
        causation=envelope.causation,
        traceparent=envelope.traceparent,
        data=(one.record.value or b"").decode()
        if isinstance(one.payload, Unread)
        else one.payload.model_dump_json(),
    )


def documents(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Parts that fit into one document each."""
    parts: list[list[Entry]] = []
    size = 0
    for one in entries:
        if not parts or len(parts[-1]) == DOCUMENT_ENTRIES or size + len(one.data) > DOCUMENT_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(one)
        size += len(one.data)
    return parts


def _span(one: Received) -> Span:
    record = one.record
    return tracing.start_process(record.topic, record.partition, record.offset, GROUP, one.envelope)
