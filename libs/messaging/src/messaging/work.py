"""Leased work items: activities and timers. One document each; `due` is when it may be claimed (again)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span

from messaging import tracing
from messaging.envelope import Message, command_message
from messaging.metrics import WORK_RUNS
from messaging.producer import Producer
from messaging.service import Activity, Again, LeaseLost, Service
from persistence import BulkRefused, Database, duplicates
from schemas import registry
from schemas.base import Command, Payload

logger = logging.getLogger("messaging.work")
AT_ONCE = 16
LONGEST_SLEEP = 1.0
LONGEST_PAUSE = 300.0
SUSPECT = 3
"""Cut off so often, a run may be what kills its process: it is run with nothing beside it to suffer."""


class CutOff(Exception):
    """The run has begun often, and never ended."""


class WorkItems:
    """The work collection: created from committed events, once each."""

    def __init__(self, service: Service, database: Database) -> None:
        self._activities = {activity.on.type: activity for activity in service.activities}
        if len(self._activities) != len(service.activities):
            raise ValueError(f"{service.name}: two activities start on one event")
        self._work = database["work"]
        self.created = asyncio.Event()

    async def prepare(self) -> None:
        await self._work.create_index([("due", 1)])
        await self._work.create_index([("error", 1)])

    def activity(self, event_type: str) -> Activity:
        return self._activities[event_type]

    async def create(self, messages: Sequence[Message]) -> None:
        """Make the work that these events start; an event whose work exists makes none."""
        documents = [
            self._document(activity, message)
            for message in messages
            if (activity := self._activities.get(message.payload.type))
        ]
        if not documents:
            return
        try:
            await self._work.insert_many(documents, ordered=False)
        except BulkRefused as error:
            duplicates(error)
        self.created.set()

    def _document(self, activity: Activity, message: Message) -> dict[str, Any]:
        envelope = message.envelope
        due = _due(activity, message.payload)
        return {
            "_id": envelope.id,
            "engagement": envelope.engagement,
            "tenant": envelope.tenant,
            "type": envelope.type,
            "event": message.payload.type,
            "data": message.payload.model_dump_json(),
            "actor": envelope.actor,
            "correlation": envelope.correlation,
            "traceparent": envelope.traceparent,
            "tracestate": envelope.tracestate,
            "due": due,
            "fence": 0,
            "failures": 0,
            "unended": 0,
            "rounds": 0,
            "checkpoint": {},
        }

    async def claim(self, lease: timedelta, *, suspects: bool = True) -> dict[str, Any] | None:
        """The item most due, leased to the caller; its fence shuts out whoever had it before.

        Counted in `unended` when it begins: a run that takes its process along never comes to say so.
        """
        now = datetime.now(UTC)
        query: dict[str, Any] = {"due": {"$lte": now}, "event": {"$in": list(self._activities)}}
        if not suspects:
            query["unended"] = {"$not": {"$gte": SUSPECT}}
        return await self._work.find_one_and_update(
            query,
            {"$set": {"due": now + lease}, "$inc": {"fence": 1, "unended": 1}},
            sort=[("due", 1)],
            return_document=True,
        )

    async def change(self, item: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        """Write to an item that is still ours. Raises LeaseLost when it is not."""
        mine = {"_id": item["_id"], "fence": item["fence"]}
        result = await self._work.update_one(mine, {"$set": dict(change)})
        if result.matched_count == 0:
            raise LeaseLost(item["_id"])

    async def end(self, item: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        """The last write of a claim; raises its fence, so that a renewal still under way is refused."""
        mine = {"_id": item["_id"], "fence": item["fence"]}
        ended = {"$set": dict(change), "$inc": {"fence": 1}}
        if (await self._work.update_one(mine, ended)).matched_count == 0:
            raise LeaseLost(item["_id"])

    async def check(self, item: Mapping[str, Any]) -> None:
        """Raises LeaseLost when another worker has the item."""
        if await self._work.find_one({"_id": item["_id"], "fence": item["fence"]}, {"_id": 1}) is None:
            raise LeaseLost(item["_id"])

    async def next_due(self) -> datetime | None:
        # The range keeps finished items (due None) out of the scan.
        found = await self._work.find_one(
            {"due": {"$gt": datetime(2000, 1, 1, tzinfo=UTC)}}, {"due": 1}, sort=[("due", 1)]
        )
        return found["due"] if found else None

    async def census(self) -> dict[str, int]:
        """How many are open, and how many were given up for good."""
        is_open = {"due": {"$gt": datetime(2000, 1, 1, tzinfo=UTC)}}
        # In this order, an item that is given up in between is never counted as both.
        failed = await self._work.count_documents({"error": {"$gt": ""}})
        return {"open": await self._work.count_documents(is_open), "failed": failed}


def _due(activity: Activity, event: Payload) -> datetime:
    try:
        return activity.due(event) if activity.due else datetime.now(UTC)
    except Exception:  # a bug here must not hold up what is already committed: the run itself may say more
        logger.exception("%s: no due time, so it is due now", activity.name)
        return datetime.now(UTC)


def _is_last(run: "Run", activity: Activity, error: Exception) -> bool:
    return run.attempt >= activity.max_attempts or isinstance(error, CutOff)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@dataclass
class Run:
    """One run of a work item: what an activity is handed as `Work`."""

    item: dict[str, Any]
    service: Service
    items: WorkItems
    producer: Producer
    read_state: Callable[[str], Awaitable[Any]]
    checkpoint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engagement(self) -> str:
        return str(self.item["engagement"])

    @property
    def tenant(self) -> str:
        return str(self.item["tenant"])

    @property
    def attempt(self) -> int:
        return int(self.item["failures"]) + 1

    async def save(self, checkpoint: Mapping[str, Any]) -> None:
        change: dict[str, Any] = {"checkpoint": dict(checkpoint)}
        if change["checkpoint"] != self.checkpoint:
            change["unended"] = 1
        await self.items.change(self.item, change)
        self.checkpoint = dict(checkpoint)

    async def send(self, command: Command, *, key: str) -> None:
        await self.items.check(self.item)
        message = command_message(
            command,
            engagement=self.engagement,
            tenant=self.tenant,
            actor=self.item["actor"],
            source=f"/throughline/{self.service.name}/work",
            id=f"{self.item['_id']}:{key}",
            correlation=self.item["correlation"],
            causation=self.item["_id"],
            causation_type=self.item["type"],
        )
        with self._traced():
            await self.producer.publish([message])

    def _traced(self) -> AbstractContextManager[object]:
        # A later round has something to show only when it has something to say.
        if trace.get_current_span().get_span_context().is_valid:
            return nullcontext()
        activity = self.items.activity(self.item["event"])
        headers = (self.item["traceparent"], self.item["tracestate"])
        span = tracing.start_later_round(activity.name, self.engagement, headers)
        return trace.use_span(span, end_on_exit=True)

    async def state(self) -> Any:
        return await self.read_state(self.engagement)


class Worker:
    """Claims and runs work until told to stop; a killed one's items are taken over when their lease ends."""

    def __init__(
        self,
        service: Service,
        items: WorkItems,
        producer: Producer,
        read_state: Callable[[str], Awaitable[Any]],
    ) -> None:
        self._service, self._items, self._producer = service, items, producer
        self._read_state = read_state
        self._running: set[asyncio.Task[None]] = set()
        self._alone = False

    async def run_for_ever(self) -> None:
        """Never returns; when cancelled, what it cuts off resumes from its checkpoint elsewhere."""
        try:
            while True:
                await self._round_or_wait()
        finally:
            await self._cut_off()

    async def _round_or_wait(self) -> None:
        try:
            await self._round()
        except Exception as error:  # the database or broker is away: work waits, nothing is lost
            logger.warning("work waits: %s", error)
            await asyncio.sleep(1)

    async def _round(self) -> None:
        self._items.created.clear()
        while self._has_room():
            item = await self._items.claim(timedelta(seconds=self._lease()), suspects=not self._running)
            if item is None:
                break
            self._alone = item["unended"] > SUSPECT
            task = asyncio.create_task(self._run(item))
            self._running.add(task)
            task.add_done_callback(self._finished)
        pause = await self._pause()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._items.created.wait(), pause)

    def _has_room(self) -> bool:
        return len(self._running) < AT_ONCE and not (self._alone and self._running)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._items.created.set()

    def _lease(self) -> float:
        return max(activity.lease_seconds for activity in self._service.activities)

    async def _pause(self) -> float:
        due = await self._items.next_due()
        if due is None or not self._has_room():
            return LONGEST_SLEEP
        return min(LONGEST_SLEEP, max(0.01, (due - datetime.now(UTC)).total_seconds()))

    async def _cut_off(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, item: dict[str, Any]) -> None:
        activity = self._items.activity(item["event"])
        headers = (item["traceparent"], item["tracestate"])
        span: Span = trace.INVALID_SPAN
        if item["rounds"] == 0:
            span = tracing.start_work(activity.name, item["engagement"], headers)
        run = Run(item, self._service, self._items, self._producer, self._read_state, item["checkpoint"])
        keeper = asyncio.create_task(self._keep_lease(item, asyncio.current_task()))
        outcome = "done"
        try:
            if item["unended"] > activity.max_cut_off:
                raise CutOff(
                    f"its run was cut off {activity.max_cut_off} times, each time without getting on"
                )
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                again = await activity.run(registry.parse(item["type"], item["data"]), run)
            await _ended(keeper)
            await self._settle(item, again)
        except LeaseLost:
            outcome = "lost"
        except asyncio.CancelledError:
            outcome = "cancelled"
            await asyncio.shield(self._give_back(item))
        except Exception as error:  # an activity may fail in any way: it is retried, then given up
            outcome = "gave_up" if _is_last(run, activity, error) else "failed"
            tracing.fail(span, error)
            with trace.use_span(span):
                await self._failed(run, activity, error)
        finally:
            keeper.cancel()
            span.end()
            WORK_RUNS.labels(self._service.name, activity.name, outcome).inc()

    async def _settle(self, item: dict[str, Any], again: Again | None) -> None:
        if again is None:
            await self._items.end(item, {"due": None, "done_at": datetime.now(UTC)})
            return
        due = datetime.now(UTC) + timedelta(seconds=again.after_seconds)
        await self._items.end(item, {"due": due, "failures": 0, "unended": 0, "rounds": item["rounds"] + 1})

    async def _give_back(self, item: dict[str, Any]) -> None:
        with suppress(Exception):
            await self._items.end(item, {"due": datetime.now(UTC), "unended": item["unended"] - 1})

    async def _failed(self, run: Run, activity: Activity, error: Exception) -> None:
        failures = run.item["failures"] + 1
        name = activity.name
        logger.warning("%s of %s failed (%d): %s", name, run.engagement, failures, error, exc_info=error)
        with suppress(LeaseLost):
            if not _is_last(run, activity, error):
                pause = min(activity.backoff_seconds * 2 ** min(failures - 1, 20), LONGEST_PAUSE)
                due = datetime.now(UTC) + timedelta(seconds=pause)
                await self._items.end(run.item, {"due": due, "failures": failures, "unended": 0})
                return
            await self._give_up(run, activity, error)
            await self._items.end(
                run.item,
                {"due": None, "failures": failures, "error": str(error)[:1000], "done_at": datetime.now(UTC)},
            )

    async def _give_up(self, run: Run, activity: Activity, error: Exception) -> None:
        event = registry.parse(run.item["type"], run.item["data"])
        command = activity.give_up(event, str(error)) if activity.give_up else None
        if command is not None:
            await run.send(command, key="gave-up")

    async def _keep_lease(self, item: dict[str, Any], running: "asyncio.Task[None] | None") -> None:
        lease = timedelta(seconds=self._lease())
        while True:
            await asyncio.sleep(lease.total_seconds() / 3)
            try:
                await self._items.change(item, {"due": datetime.now(UTC) + lease})
            except LeaseLost:
                if running is not None:
                    running.cancel()
                return
            except Exception as error:  # the database is away: the lease may run out, fencing covers that
                logger.warning("lease of %s not kept: %s", item["_id"], error)
