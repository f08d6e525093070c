"""Messages that wait: behind a failure, for a missing one, or for a release that reads them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from messaging.ordering import upstream
from messaging.stream import Received, Record
from persistence import Database, UpdateOne, slices

GAP: Final = "gap"
FAILED: Final = "failed"
UNREAD: Final = "unread"
KINDS: Final = (FAILED, GAP, UNREAD)
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = {
    FAILED: timedelta(minutes=10),
    GAP: timedelta(minutes=1),
    UNREAD: timedelta(seconds=10),
}
"""A gap that closes is tried at once, and so is what was asked for; the pause is for what nobody tells."""


class WaitingRoom:
    """One document per waiting message, in the order in which they have to be handled."""

    def __init__(self, database: Database) -> None:
        self._waiting = database["waiting"]

    async def prepare(self) -> None:
        await self._waiting.create_index([("engagement", 1), ("position", 1)])
        await self._waiting.create_index([("next_try", 1)])

    async def blocked(self, engagements: Sequence[str]) -> set[str]:
        """Those engagements that wait behind a failure."""
        found: set[str] = set()
        for part in slices(list(engagements)):
            query = {"engagement": {"$in": part}, "kind": FAILED}
            found.update(await self._waiting.distinct("engagement", query))
        return found

    async def gapped(self, engagements: Sequence[str]) -> set[str]:
        """Those engagements of which a message waits for an earlier one."""
        found: set[str] = set()
        for part in slices(list(engagements)):
            query = {"engagement": {"$in": part}, "kind": GAP}
            found.update(await self._waiting.distinct("engagement", query))
        return found

    async def hold(self, messages: Sequence[tuple[Received, str, str]]) -> None:
        """Keep (message, kind, reason) behind what waits already; holding one again changes nothing."""
        if not messages:
            return
        last: dict[str, int] = {}
        writes = []
        for message, kind, reason in messages:
            engagement = message.envelope.engagement
            if engagement not in last:
                last[engagement] = await self._last_position(engagement)
            last[engagement] += 1
            document = {
                "engagement": engagement,
                "kind": kind,
                "position": last[engagement],
                "reason": reason[:1000],
                "attempts": 0,
                "told": False,
                "message_id": message.envelope.id,
                "upstream": upstream(message.envelope),
                "sequence": message.envelope.sequence,
                "next_try": datetime.now(UTC) + FIRST_PAUSE,
                "record": record_document(message.record),
            }
            # A message delivered again keeps its place in the queue.
            found = {"_id": message.envelope.cause}
            writes.append(UpdateOne(found, {"$setOnInsert": document}, upsert=True))
        await self._waiting.bulk_write(writes, ordered=True)

    async def _last_position(self, engagement: str) -> int:
        last = await self._waiting.find_one({"engagement": engagement}, sort=[("position", -1)])
        return int(last["position"]) if last else 0

    async def queue(self, engagement: str) -> list[dict[str, Any]]:
        """An engagement's waiting messages, first one first."""
        return await self._waiting.find({"engagement": engagement}).sort("position", 1).to_list(None)

    async def due(self, now: datetime) -> list[str]:
        """Engagements whose head is to be tried again."""
        found = self._waiting.find({"next_try": {"$lte": now}}, {"engagement": 1})
        return sorted({document["engagement"] async for document in found})

    async def not_yet(self, document: dict[str, Any], kind: str, reason: str) -> int:
        """Push the next try back, twice as long after each failure; returns the attempts so far.

        `kind` is what it waits for now: once its gap is closed, a message may fail, and then it blocks.
        """
        attempts = attempts_of(document, kind) + 1
        pause = min(timedelta(seconds=2 ** min(attempts, 20)), LONGEST_PAUSE[kind])
        change = {
            "attempts": attempts,
            "told": document.get("told", False),
            "kind": kind,
            "reason": reason[:1000],
            "next_try": datetime.now(UTC) + pause,
        }
        await self._waiting.update_one({"_id": document["_id"]}, {"$set": change})
        return attempts

    async def wake_gaps(self, engagements: Sequence[str]) -> None:
        """Let those that wait for an earlier one be tried now: one has come."""
        change = {"$set": {"next_try": datetime.now(UTC)}}
        for part in slices(list(engagements)):
            await self._waiting.update_many({"engagement": {"$in": part}, "kind": GAP}, change)

    async def wake(self, engagement: str) -> None:
        """Let the engagement's head be tried now."""
        await self._waiting.update_many({"engagement": engagement}, {"$set": {"next_try": datetime.now(UTC)}})

    async def failing_head(self, engagement: str) -> dict[str, Any] | None:
        """The message that blocks an engagement; None where nothing does."""
        query = {"engagement": engagement, "kind": FAILED}
        return await self._waiting.find_one(query, sort=[("position", 1)])

    async def any_due(self, engagement: str, now: datetime) -> bool:
        """Whether anything is due that does not wait behind a failure."""
        kinds = {"$in": [GAP, UNREAD]}
        query = {"engagement": engagement, "kind": kinds, "next_try": {"$lte": now}}
        return await self._waiting.find_one(query, {"_id": 1}) is not None

    async def release(self, ids: Sequence[str]) -> None:
        for part in slices(list(ids)):
            await self._waiting.delete_many({"_id": {"$in": part}})

    async def blocked_engagements(self) -> int:
        return len(await self._waiting.distinct("engagement", {"kind": FAILED}))

    async def count(self, kind: str) -> int:
        return int(await self._waiting.count_documents({"kind": kind}))


def attempts_of(document: Mapping[str, Any], kind: str) -> int:
    """How often it was tried in vain for this reason: once its gap is closed, a failure is news."""
    return int(document["attempts"]) if document["kind"] == kind else 0


def record_document(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": [list(pair) for pair in record.headers],
    }


def record_of(document: dict[str, Any]) -> Record:
    return Record(
        document["topic"],
        document["partition"],
        document["offset"],
        document["key"],
        document["value"],
        tuple((name, value) for name, value in document["headers"]),
    )
