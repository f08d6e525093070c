"""Every access to the gateway's collections: log, views, held, commands, dead letters."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.entry import Entry
from gateway.ports import (
    Census,
    DeadLetter,
    Filter,
    Logged,
    Mark,
    Place,
    Standing,
    Stored,
    Submitted,
)
from gateway.together import Together
from gateway.view import View, encode
from gateway.view.kept import KeptViews
from messaging.batches import receive
from messaging.stream import Received
from messaging.waiting import record_document, record_of
from persistence import BulkRefused, Database, DuplicateKey, InsertOne, ReplaceOne, majority, slices
from schemas.intake import EngagementOpened

_LIMIT_OF_HELD = 10**8
_MARK = "views"
WALK_DOCUMENTS = 50


class MongoStore:
    """Implements ports.Store. Views are kept as JSON bytes: decoding them as BSON costs ten times as much."""

    def __init__(self, database: Database) -> None:
        # What is shown or folded on must not be taken back; what is held must not be overlooked.
        self._log, self._views, self._letters, self._rebuilds = (
            majority(database[name]) for name in ("log", "views", "dead_letters", "rebuilds")
        )
        self._held, self._commands = database["held"], database["commands"]
        self._reads = Together(self._read_views)
        self._kept = KeptViews()

    async def prepare(self) -> None:
        await self._log.create_index([("engagement", 1), ("first_cursor", 1)], unique=True)
        await self._log.create_index([("engagement", 1), ("last_cursor", 1)])
        await self._log.create_index([("ids", 1)])
        await self._log.create_index([("answers", 1)])
        await self._views.create_index([("tenant", 1), ("created_at", -1)])
        await self._held.create_index([("engagement", 1)])
        await self._letters.create_index([("tenant", 1), ("at", -1)])
        await self._letters.create_index([("status", 1), ("service", 1)])
        await self._views.create_index([("view_version", 1)])

    async def census(self, view_version: int) -> Census:
        services = await self._letters.distinct("service", {"status": "OPEN"})
        is_open = {name: {"status": "OPEN", "service": name} for name in services}
        return Census(
            views=await self._views.estimated_document_count(),
            outdated=await self._views.count_documents({"view_version": {"$lt": view_version}}),
            # Counted: an estimate may be wrong for good after a crash, and this one is nearly always zero.
            held=await self._held.count_documents({}),
            letters={name: await self._letters.count_documents(query) for name, query in is_open.items()},
        )

    async def view(self, engagement: str, tenant: str) -> Stored | None:
        found = await self._reads.get((tenant, engagement))
        return _stored(found, self._kept.parsed(engagement, found["view"])) if found else None

    async def _read_views(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        wanted: dict[str, list[str]] = {}
        for tenant, engagement in keys:
            wanted.setdefault(tenant, []).append(engagement)
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for tenant, ids in wanted.items():
            query = {"_id": {"$in": ids} if len(ids) > 1 else ids[0], "tenant": tenant}
            for document in await self._views.find(query).to_list(None):
                found[(tenant, document["_id"])] = document
        return found

    async def load(self, engagement: str) -> Stored | None:
        found = await self._views.find_one({"_id": engagement})
        return _stored(found) if found else None

    async def opened(self, engagement: str, tenant: str) -> bool:
        viewed = {"_id": engagement, "tenant": tenant, "opened": True}
        if await self._views.find_one(viewed, {"_id": 1}):
            return True
        # An answer shows as soon as it is in the log, a moment before the view: who has it may go on at once.
        logged = {"engagement": engagement, "tenant": tenant, "types": EngagementOpened.type}
        return await self._log.find_one(logged, {"_id": 1}) is not None

    async def tail(self, engagement: str, after: int, limit: int = 500) -> list[Entry]:
        query = {"engagement": engagement, "last_cursor": {"$gt": after}}
        found: list[Entry] = []
        async for document in self._log.find(query).sort("last_cursor", 1):
            found.extend(entry for entry in _entries(document) if entry.cursor > after)
            if len(found) >= limit:
                break
        return found[:limit]

    async def walk(self, after: str, upto: str | None) -> AsyncIterator[Logged]:
        keys = {"$gt": after} if upto is None else {"$gt": after, "$lte": upto}
        found = self._log.find({"engagement": keys}).sort([("engagement", 1), ("first_cursor", 1)])
        async for document in found.batch_size(WALK_DOCUMENTS):
            yield Logged(document["tenant"], _entries(document))

    async def log_documents(self) -> int:
        return int(await self._log.estimated_document_count())

    async def standings(self, folded: Sequence[Stored]) -> list[Standing]:
        found: dict[str, dict[str, Any]] = {}
        for part in slices([one.engagement for one in folded]):
            async for document in self._views.find({"_id": {"$in": part}}):
                found[document["_id"]] = document
        return [_standing(found.get(one.engagement), one) for one in folded]

    async def replace(self, changes: Sequence[tuple[Stored, Standing]]) -> bool:
        writes: list[InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]] = []
        for stored, found in changes:
            if found.cursor:
                document = _view_document(replace(stored, edition=found.edition + 1))
                where = _unmoved(stored.engagement, found.cursor, found.edition)
                writes.append(ReplaceOne(where, document))
            else:
                writes.append(InsertOne(_view_document(stored)))
        try:
            done = await self._views.bulk_write(writes, ordered=False)
        except BulkRefused:
            return False
        return bool(done.inserted_count + done.matched_count == len(writes))

    async def mark(self, mark: Mark | None) -> None:
        if mark is None:
            await self._rebuilds.delete_one({"_id": _MARK})
        else:
            await self._rebuilds.replace_one({"_id": _MARK}, asdict(mark), upsert=True)

    async def marked(self) -> Mark | None:
        found = await self._rebuilds.find_one({"_id": _MARK}, {"_id": 0})
        return Mark(**found) if found else None

    async def page(self, tenant: str, wanted: Filter, limit: int, after: Place | None) -> list[Stored]:
        query: dict[str, Any] = {"tenant": tenant, "opened": True}
        if wanted.stage:
            query["stage"] = wanted.stage
        if wanted.health:
            query["health"] = wanted.health
        if wanted.text:
            query["text"] = {"$regex": re.escape(wanted.text.casefold())}
        if after:
            older: list[dict[str, Any]] = [
                {"created_at": {"$lt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.engagement}},
            ]
            query["$or"] = older
        found = self._views.find(query).sort([("created_at", -1), ("_id", 1)]).limit(limit)
        return [_stored(document) async for document in found]

    async def save(self, stored: Stored, expected: int) -> bool:
        document = _view_document(stored)
        if expected == 0:
            try:
                await self._views.insert_one(document)
            except DuplicateKey:
                return False
            return True
        where = _unmoved(stored.engagement, expected, stored.edition)
        return bool((await self._views.replace_one(where, document)).matched_count)

    async def append(self, tenant: str, entries: Sequence[Entry]) -> bool:
        document = {
            "engagement": entries[0].engagement,
            "tenant": tenant,
            "first_cursor": entries[0].cursor,
            "last_cursor": entries[-1].cursor,
            "entries": [entry.to_document() for entry in entries],
            "ids": [entry.id for entry in entries],
            "types": sorted({entry.type for entry in entries}),
            "answers": sorted({entry.causation for entry in entries if entry.causation}),
        }
        try:
            await self._log.insert_one(document)
        except DuplicateKey:
            return False
        return True

    async def entries(
        self, engagement: str, tenant: str, *, after: int = 0, limit: int = 500, types: Sequence[str] = ()
    ) -> list[Entry]:
        query: dict[str, Any] = {"engagement": engagement, "tenant": tenant, "last_cursor": {"$gt": after}}
        if types:
            query["types"] = {"$in": list(types)[:50]}
        found: list[Entry] = []
        async for document in self._log.find(query).sort("last_cursor", 1):
            found.extend(
                entry
                for entry in _entries(document)
                if entry.cursor > after and entry.tenant == tenant and (not types or entry.type in types)
            )
            if len(found) >= limit:
                break
        return found[:limit]

    async def find(self, engagement: str, tenant: str, ids: Sequence[str]) -> list[Entry]:
        found: dict[str, Entry] = {}
        for part in slices(list(ids)):
            query = {"engagement": engagement, "tenant": tenant, "ids": {"$in": part}}
            async for document in self._log.find(query):
                found |= {e.id: e for e in _entries(document) if e.id in part and e.tenant == tenant}
        return sorted(found.values(), key=lambda entry: entry.cursor)

    async def answers(self, command: str) -> list[Entry]:
        found = [e async for d in self._log.find({"answers": command}) for e in _entries(d)]
        return sorted((e for e in found if e.causation == command), key=lambda entry: entry.cursor)

    async def hold(self, received: Sequence[Received]) -> None:
        writes = []
        for one in received:
            document = {"engagement": one.envelope.engagement, "record": record_document(one.record)}
            writes.append(ReplaceOne({"_id": one.envelope.cause}, document, upsert=True))
        if writes:
            await self._held.bulk_write(writes, ordered=False)

    async def held(self, engagement: str) -> list[Received]:
        return [_received(document) async for document in self._held.find({"engagement": engagement})]

    async def release(self, received: Sequence[Received]) -> None:
        for part in slices([one.envelope.cause for one in received]):
            await self._held.delete_many({"_id": {"$in": part}})

    async def remember(self, command: Submitted) -> Submitted | None:
        document = asdict(command)
        document["_id"] = document.pop("id")
        try:
            await self._commands.insert_one(document)
        except DuplicateKey:
            found = await self._commands.find_one({"_id": command.id})
            return _submitted(found) if found else None
        return None

    async def command(self, id: str, tenant: str) -> Submitted | None:
        found = await self._commands.find_one({"_id": id, "tenant": tenant})
        return _submitted(found) if found else None

    async def bury(self, letter: DeadLetter) -> None:
        document = _letter_document(letter)
        try:
            await self._letters.insert_one(document)
        except DuplicateKey:
            if letter.status == "OPEN":
                await self._letters.replace_one({"_id": letter.id, "status": "BLOCKED"}, document)

    async def letters(
        self,
        tenant: str,
        *,
        orphans: bool,
        status: str | None = None,
        service: str | None = None,
        limit: int = 20,
        after: str | None = None,
    ) -> list[DeadLetter]:
        query: dict[str, Any] = {"tenant": {"$in": _owners(tenant, orphans)}}
        query |= {key: value for key, value in (("status", status), ("service", service)) if value}
        if after:
            last = await self._letters.find_one({"_id": after}, {"at": 1})
            moment = last["at"] if last else datetime.min.replace(tzinfo=UTC)
            query["$or"] = [{"at": {"$lt": moment}}, {"at": moment, "_id": {"$gt": after}}]
        found = self._letters.find(query).sort([("at", -1), ("_id", 1)]).limit(limit)
        return [_letter(document) async for document in found]

    async def letter(self, id: str, tenant: str, *, orphans: bool) -> DeadLetter | None:
        found = await self._letters.find_one({"_id": id, "tenant": {"$in": _owners(tenant, orphans)}})
        return _letter(found) if found else None

    async def decide(self, id: str, expected: str, changes: dict[str, Any]) -> bool:
        done = await self._letters.update_one({"_id": id, "status": expected}, {"$set": changes})
        return bool(done.modified_count)


def _owners(tenant: str, orphans: bool) -> list[str | None]:
    return [tenant, None] if orphans else [tenant]


def _view_document(stored: Stored) -> dict[str, Any]:
    view = stored.view
    client = view["client"]["name"] if view["client"] else ""
    return {
        "_id": stored.engagement,
        "tenant": stored.tenant,
        "cursor": stored.cursor,
        "created_at": stored.created_at,
        "view_version": stored.view_version,
        "edition": stored.edition or None,
        "opened": view["opened_at"] is not None,
        "stage": view["stage"],
        "health": view["health"]["state"],
        "text": f"{stored.engagement} {view['title']} {client}".casefold(),
        "view": encode(view),
    }


def _standing(found: dict[str, Any] | None, folded: Stored) -> Standing:
    if found is None:
        return Standing(0, 0, 0, False)
    # These two are no part of the fold; everything else is, what lists look for included.
    other = {"created_at": found["created_at"], "edition": found.get("edition")}
    equal = {**found, **other} == {**_view_document(folded), **other}
    return Standing(found["cursor"], found["view_version"], found.get("edition") or 0, equal)


def _unmoved(engagement: str, cursor: int, edition: int) -> dict[str, Any]:
    # None finds views of the time before there were editions too.
    return {"_id": engagement, "cursor": cursor, "edition": edition or None}


def _stored(document: dict[str, Any], view: View | None = None) -> Stored:
    return Stored(
        engagement=document["_id"],
        tenant=document["tenant"],
        cursor=document["cursor"],
        created_at=document["created_at"],
        view_version=document["view_version"],
        view=orjson.loads(document["view"]) if view is None else view,
        edition=document.get("edition") or 0,
    )


def _entries(document: dict[str, Any]) -> list[Entry]:
    return [Entry.from_document(document["engagement"], entry) for entry in document["entries"]]


def _received(document: dict[str, Any]) -> Received:
    record = record_of(document["record"])
    return receive(record, _LIMIT_OF_HELD)


def _submitted(document: dict[str, Any]) -> Submitted:
    rest = {key: value for key, value in document.items() if key != "_id"}
    return Submitted(id=document["_id"], **rest)


def _letter_document(letter: DeadLetter) -> dict[str, Any]:
    document = asdict(letter)
    document["_id"] = document.pop("id")
    document["headers"] = [list(pair) for pair in letter.headers]
    return document


def _letter(document: dict[str, Any]) -> DeadLetter:
    rest = {key: value for key, value in document.items() if key not in ("_id", "headers")}
    return DeadLetter(id=document["_id"], headers=[(n, v) for n, v in document["headers"]], **rest)
