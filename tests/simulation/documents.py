"""Documents in memory, with the queries, updates and indexes that the backbone uses, and nothing else."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

Document = dict[str, Any]
Query = Mapping[str, Any]


class Duplicate(Exception):
    """A unique index has it already."""


_AS_THEY_ARE = frozenset({type(None), bool, int, float, str, bytes, ObjectId})


def stored(value: Any) -> Any:
    """A value as the store gives it back: a copy, lists for tuples, milliseconds for time."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, dict):
        return {name: stored(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [stored(part) for part in value]
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    raise TypeError(f"a {type(value).__name__} cannot be stored")


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$in": lambda value, wanted: value in wanted,
    "$not": lambda value, wanted: not all(_COMPARE[name](value, other) for name, other in wanted.items()),
    "$gte": lambda value, wanted: value is not None and value >= wanted,
    "$gt": lambda value, wanted: value is not None and value > wanted,
    "$lte": lambda value, wanted: value is not None and value <= wanted,
}


def matches(document: Document, query: Query) -> bool:
    for name, wanted in query.items():
        value = document.get(name)
        values = value if isinstance(value, list) else (value,)
        tests = wanted.items() if isinstance(wanted, dict) else (("$in", (wanted,)),)
        for operator, limit in tests:
            compare = _COMPARE[operator]
            if not any(compare(one, limit) for one in values):
                return False
    return True


def change(document: Document, update: Mapping[str, Any], *, inserted: bool) -> None:
    """Apply an update in place. Raises LookupError for an operator that is not simulated."""
    for operator, fields in update.items():
        if operator == "$setOnInsert" and not inserted:
            continue
        for path, value in fields.items():
            place, name = _place(document, path)
            place[name] = _changed(operator, place.get(name), stored(value))


def _place(document: Document, path: str) -> tuple[Document, str]:
    *outer, name = path.split(".")
    for part in outer:
        document = document.setdefault(part, {})
    return document, name


def _changed(operator: str, before: Any, value: Any) -> Any:
    match operator:
        case "$set" | "$setOnInsert":
            return value
        case "$max":
            return value if before is None else max(before, value)
        case "$inc":
            return (before or 0) + value
    raise LookupError(f"{operator} is not simulated")


class Documents:
    """One collection. An order that was not asked for is any order, and another one each time."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name, self._rng = name, rng
        self.by_id: dict[Any, Document] = {}
        self._unique: list[tuple[str, ...]] = []
        self.observers: list[Callable[[Document | None, Document], None]] = []

    def unique(self, fields: Iterable[str]) -> None:
        if tuple(fields) not in self._unique:
            self._unique.append(tuple(fields))

    def find(
        self, query: Query, sort: Sequence[tuple[str, int]] = (), limit: int | None = None
    ) -> list[Document]:
        return [stored(document) for document in self._matching(query, sort)[:limit]]

    def _matching(self, query: Query, sort: Sequence[tuple[str, int]] = ()) -> list[Document]:
        if isinstance(known := query.get("_id"), str):
            candidates = [self.by_id[known]] if known in self.by_id else []
        else:
            candidates = list(self.by_id.values())
        found = [document for document in candidates if matches(document, query)]
        if len(found) > 1:
            self._rng.shuffle(found)
        for name, direction in reversed(sort):
            found.sort(key=lambda d, name=name: _sortable(d.get(name)), reverse=direction < 0)
        return found

    def insert(self, document: Document) -> None:
        """Raises Duplicate."""
        document = stored(document)
        if document["_id"] in self.by_id:
            raise Duplicate("_id")
        keys = {fields: set(_keys(document, fields)) for fields in self._unique}
        for other in self.by_id.values():
            for fields, mine in keys.items():
                if mine.intersection(_keys(other, fields)):
                    raise Duplicate(", ".join(fields))
        self.write(None, document)

    def update(
        self, query: Query, update: Mapping[str, Any], *, upsert: bool = False, many: bool = False
    ) -> int:
        """The number of documents that matched."""
        found = self._matching(query)[: None if many else 1]
        for document in found:
            before = stored(document)
            change(document, update, inserted=False)
            self.write(before, document)
        if not found and upsert:
            document = {name: value for name, value in query.items() if not isinstance(value, Mapping)}
            change(document, update, inserted=True)
            self.insert(document)
        return len(found)

    def replace(self, query: Query, document: Document, *, upsert: bool = False) -> int:
        found = self._matching(query)[:1]
        for before in found:
            self.write(before, {**stored(document), "_id": before["_id"]})
        if not found and upsert:
            self.insert({**document, "_id": query["_id"]})
        return len(found)

    def delete(self, query: Query) -> int:
        found = self._matching(query)
        for document in found:
            del self.by_id[document["_id"]]
        return len(found)

    def write(self, before: Document | None, after: Document) -> None:
        self.by_id[after["_id"]] = after
        for observe in self.observers:
            observe(before, after)


def _sortable(value: Any) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value)


def _keys(document: Document, fields: Sequence[str]) -> list[Any]:
    """What a document puts into a unique index: one entry for each element of a list."""
    if len(fields) == 1 and isinstance(value := document.get(fields[0]), list):
        return value or [None]
    return [tuple(document.get(name) for name in fields)]
