"""What an operator asks of a service's database: what waits behind what, and its work. Nothing is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from messaging.waiting import FAILED, GAP, UNREAD
from persistence import Database

URGENCY = (FAILED, UNREAD, GAP)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """An engagement that waits: `kind` is `failed`, `unread` or `gap`; `behind` counts what is after it."""

    service: str
    engagement: str
    kind: str
    message_id: str
    type: str
    attempts: int
    next_try: datetime
    behind: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """`state` is `failed` (given up), `overdue`, `retrying` or `scheduled` (leased or not due yet)."""

    service: str
    engagement: str
    event: str
    id: str
    state: str
    failures: int
    due: datetime | None
    error: str


async def blocked(service: str, database: Database) -> list[Blocked]:
    """Every engagement with a message that waits, by its first of the most urgent kind."""
    first: dict[str, dict[str, Any]] = {}
    count: dict[str, int] = {}
    async for document in database["waiting"].find().sort([("engagement", 1), ("position", 1)]):
        engagement = document["engagement"]
        count[engagement] = count.get(engagement, 0) + 1
        known = first.get(engagement)
        if known is None or _urgency(document["kind"]) < _urgency(known["kind"]):
            first[engagement] = document
    found = [_blocked(service, document, count[key] - 1) for key, document in first.items()]
    return sorted(found, key=lambda one: (_urgency(one.kind), one.engagement))


def _urgency(kind: str) -> int:
    return URGENCY.index(kind)


def _blocked(service: str, document: Mapping[str, Any], behind: int) -> Blocked:
    headers = dict(document["record"]["headers"])
    return Blocked(
        service=service,
        engagement=document["engagement"],
        kind=document["kind"],
        message_id=document["message_id"],
        type=bytes(headers.get("ce_type", b"")).decode("utf-8", "replace"),
        attempts=int(document["attempts"]),
        next_try=document["next_try"],
        behind=behind,
        reason=document["reason"],
    )


async def work_items(service: str, database: Database, *, limit: int = 200) -> list[WorkItem]:
    """What was given up, newest first, then what is open, most overdue first; `limit` of each."""
    work = database["work"]
    failed = work.find({"error": {"$gt": ""}}).sort("done_at", -1).limit(limit)
    open_ = work.find({"due": {"$gt": NEVER}}).sort("due", 1).limit(limit)
    now = datetime.now(UTC)
    return [_work(service, document, now) for found in (failed, open_) async for document in found]


def _work(service: str, document: Mapping[str, Any], now: datetime) -> WorkItem:
    return WorkItem(
        service=service,
        engagement=document["engagement"],
        event=document["event"],
        id=document["_id"],
        state=_state(document, now),
        failures=int(document["failures"]),
        due=document["due"],
        error=document.get("error", ""),
    )


def _state(document: Mapping[str, Any], now: datetime) -> str:
    if document.get("error"):
        return "failed"
    if document["due"] < now:
        return "overdue"
    return "retrying" if document["failures"] else "scheduled"
