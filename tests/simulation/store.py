"""The part of a MongoDB client that the backbone uses, over documents in memory; each call may fail."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.errors import AutoReconnect

from persistence import BulkRefused, DatabaseError, DuplicateKey, ReplaceOne, UpdateOne
from simulation.documents import Document, Documents, Duplicate, Query, stored
from simulation.network import Network

DUPLICATE_KEY = 11000


class Store:
    """One service's database: what is in it survives every process."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._collections: dict[str, Collection] = {}

    def __getitem__(self, name: str) -> "Collection":
        if name not in self._collections:
            self._collections[name] = Collection(Documents(name, self._network.rng), self._network)
        return self._collections[name]


class Matched:
    def __init__(self, matched_count: int) -> None:
        self.matched_count = self.deleted_count = matched_count


class Cursor:
    """A query that is sent when it is read. Small results come in one answer, so they are of one moment."""

    def __init__(self, collection: "Collection", query: Query) -> None:
        self._collection, self._query = collection, query
        self._sort: Sequence[tuple[str, int]] = ()
        self._limit: int | None = None

    def sort(self, key: str | Sequence[tuple[str, int]], direction: int = 1) -> "Cursor":
        self._sort = [(key, direction)] if isinstance(key, str) else key
        return self

    def limit(self, number: int) -> "Cursor":
        self._limit = number
        return self

    async def to_list(self, _: int | None) -> list[Document]:
        found = await self._collection.send(
            "find", lambda: self._collection.documents.find(self._query, self._sort)
        )
        return found[: self._limit]

    async def __aiter__(self) -> AsyncIterator[Document]:
        for document in await self.to_list(None):
            yield document


class Collection:
    def __init__(self, documents: Documents, network: Network) -> None:
        self.documents, self._network = documents, network

    def with_options(self, **_: Any) -> "Collection":
        """One server: everything that is written is there to stay."""
        return self

    async def send(
        self, name: str, effect: Callable[[], Any], part: Callable[[], object] | None = None
    ) -> Any:
        """`part`: an operation on one document is done wholly or not at all, one on many may be cut off."""
        call = f"{self.documents.name}.{name}"
        return await self._network.call(call, effect, _away, part or (lambda: None))

    async def create_index(self, keys: Sequence[tuple[str, int]], unique: bool = False) -> None:
        if unique:
            self.documents.unique([name for name, _ in keys])

    def find(self, query: Query | None = None, _: Mapping[str, int] | None = None) -> Cursor:
        return Cursor(self, query or {})

    async def find_one(
        self, query: Query, _: Mapping[str, int] | None = None, sort: Sequence[tuple[str, int]] = ()
    ) -> Document | None:
        found = await self.send("find_one", lambda: self.documents.find(query, sort, 1))
        return found[0] if found else None

    async def distinct(self, name: str, query: Query | None = None) -> list[Any]:
        found = await self.send("distinct", lambda: self.documents.find(query or {}))
        return list(dict.fromkeys(document[name] for document in found))

    async def insert_one(self, document: Document) -> None:
        try:
            await self.send("insert_one", lambda: self.documents.insert(document))
        except Duplicate as error:
            raise DuplicateKey(str(error), DUPLICATE_KEY) from error

    async def insert_many(self, documents: Sequence[Document], *, ordered: bool) -> None:
        if ordered:
            raise NotImplementedError
        for document in documents:
            document.setdefault("_id", ObjectId())
        refused = await self.send(
            "insert_many", lambda: self._insert(documents), lambda: self._insert(self._some(documents))
        )
        if refused:
            raise BulkRefused({"writeErrors": [{"index": n, "code": DUPLICATE_KEY} for n in refused]})

    def _insert(self, documents: Sequence[Document]) -> list[int]:
        refused = []
        for position, document in enumerate(documents):
            try:
                self.documents.insert(document)
            except Duplicate:
                refused.append(position)
        return refused

    def _some(self, things: Sequence[Any], *, ordered: bool = False) -> list[Any]:
        if ordered:
            return list(things[: self._network.rng.randint(0, len(things))])
        return [thing for thing in things if self._network.rng.random() < 0.5]

    async def bulk_write(self, operations: Sequence[UpdateOne | ReplaceOne], *, ordered: bool) -> None:
        await self.send(
            "bulk_write",
            lambda: self._write(operations),
            lambda: self._write(self._some(operations, ordered=ordered)),
        )

    def _write(self, operations: Sequence[UpdateOne | ReplaceOne]) -> None:
        for operation in operations:
            query, body, upsert = operation._filter, operation._doc, bool(operation._upsert)
            if isinstance(operation, UpdateOne):
                self.documents.update(query, body, upsert=upsert)
            else:
                self.documents.replace(query, body, upsert=upsert)

    async def update_one(self, query: Query, update: Mapping[str, Any]) -> Matched:
        return Matched(await self.send("update_one", lambda: self.documents.update(query, update)))

    async def update_many(self, query: Query, update: Mapping[str, Any]) -> Matched:
        return Matched(
            await self.send("update_many", lambda: self.documents.update(query, update, many=True))
        )

    async def replace_one(self, query: Query, document: Document) -> Matched:
        return Matched(await self.send("replace_one", lambda: self.documents.replace(query, document)))

    async def delete_many(self, query: Query) -> Matched:
        return Matched(await self.send("delete_many", lambda: self.documents.delete(query)))

    async def find_one_and_update(
        self,
        query: Query,
        update: Mapping[str, Any],
        sort: Sequence[tuple[str, int]],
        return_document: bool,
    ) -> Document | None:
        def effect() -> Document | None:
            found = self.documents.find(query, sort, 1)
            for before in found:
                self.documents.update({"_id": before["_id"]}, update)
                return stored(self.documents.by_id[before["_id"]])
            return None

        if not return_document:
            raise NotImplementedError
        return await self.send("find_one_and_update", effect)


def _away() -> DatabaseError:
    return AutoReconnect("the simulated database is away")
