"""The store in memory: what tests run on, held to the same behaviour suite as the real one."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
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
from gateway.view import encode
from messaging.stream import Received
from schemas.intake import EngagementOpened


class InMemoryStore:
    """Implements ports.Store; `reads` counts what would be round trips."""

    def __init__(self) -> None:
        self.documents: dict[str, list[tuple[str, list[Entry]]]] = {}
        self.views: dict[str, Stored] = {}
        self.waiting: dict[str, Received] = {}
        self.submitted: dict[str, Submitted] = {}
        self.dead: dict[str, DeadLetter] = {}
        self.rebuild: Mark | None = None
        self.reads = 0

    async def prepare(self) -> None:
        return None

    async def census(self, view_version: int) -> Census:
        return Census(
            views=len(self.views),
            outdated=sum(stored.view_version < view_version for stored in self.views.values()),
            held=len(self.waiting),
            letters=dict(Counter(one.service for one in self.dead.values() if one.status == "OPEN")),
        )

    async def view(self, engagement: str, tenant: str) -> Stored | None:
        found = await self.load(engagement)
        return found if found and found.tenant == tenant else None

    async def load(self, engagement: str) -> Stored | None:
        self.reads += 1
        found = self.views.get(engagement)
        return _copy(found) if found else None

    async def opened(self, engagement: str, tenant: str) -> bool:
        found = await self.view(engagement, tenant)
        if found is not None and found.view["opened_at"] is not None:
            return True
        mine = (log for owner, log in self.documents.get(engagement, []) if owner == tenant)
        return any(entry.type == EngagementOpened.type for log in mine for entry in log)

    async def tail(self, engagement: str, after: int, limit: int = 500) -> list[Entry]:
        logs = [entries for _, entries in self.documents.get(engagement, [])]
        found = sorted((entry for log in logs for entry in log), key=lambda entry: entry.cursor)
        return [entry for entry in found if entry.cursor > after][:limit]

    async def walk(self, after: str, upto: str | None) -> AsyncIterator[Logged]:
        for key in sorted(self.documents):
            if key > after and (upto is None or key <= upto):
                for tenant, log in sorted(self.documents[key], key=lambda one: one[1][0].cursor):
                    yield Logged(tenant, log)

    async def log_documents(self) -> int:
        return sum(len(log) for log in self.documents.values())

    async def standings(self, folded: Sequence[Stored]) -> list[Standing]:
        return [_standing(self.views.get(one.engagement), one) for one in folded]

    async def replace(self, changes: Sequence[tuple[Stored, Standing]]) -> bool:
        done = [await self._replace(stored, found) for stored, found in changes]
        return all(done)

    async def _replace(self, stored: Stored, found: Standing) -> bool:
        if not await self.save(replace(stored, edition=found.edition), found.cursor):
            return False
        edition = found.edition + 1 if found.cursor else 0
        self.views[stored.engagement] = replace(self.views[stored.engagement], edition=edition)
        return True

    async def mark(self, mark: Mark | None) -> None:
        self.rebuild = mark

    async def marked(self) -> Mark | None:
        return self.rebuild

    async def page(self, tenant: str, wanted: Filter, limit: int, after: Place | None) -> list[Stored]:
        self.reads += 1
        mine = [s for s in self.views.values() if s.tenant == tenant and _matches(s, wanted)]
        mine.sort(key=_newest_first)
        if after:
            behind = (-after.created_at.timestamp(), after.engagement)
            mine = [stored for stored in mine if _newest_first(stored) > behind]
        return [_copy(stored) for stored in mine[:limit]]

    async def save(self, stored: Stored, expected: int) -> bool:
        known = self.views.get(stored.engagement)
        if (known.cursor if known else 0) != expected or (known and known.edition != stored.edition):
            return False
        self.views[stored.engagement] = _copy(stored)
        return True

    async def append(self, tenant: str, entries: Sequence[Entry]) -> bool:
        log = self.documents.setdefault(entries[0].engagement, [])
        if any(document[0].cursor == entries[0].cursor for _, document in log):
            return False
        log.append((tenant, list(entries)))
        return True

    async def entries(
        self, engagement: str, tenant: str, *, after: int = 0, limit: int = 500, types: Sequence[str] = ()
    ) -> list[Entry]:
        found = [
            e for e in self._of(engagement, tenant) if e.cursor > after and (not types or e.type in types)
        ]
        return found[:limit]

    async def find(self, engagement: str, tenant: str, ids: Sequence[str]) -> list[Entry]:
        return [entry for entry in self._of(engagement, tenant) if entry.id in ids]

    async def answers(self, command: str) -> list[Entry]:
        self.reads += 1
        logs = [entries for log in self.documents.values() for _, entries in log]
        return sorted((e for log in logs for e in log if e.causation == command), key=lambda e: e.cursor)

    def _of(self, engagement: str, tenant: str) -> list[Entry]:
        self.reads += 1
        mine = [entries for owner, entries in self.documents.get(engagement, []) if owner == tenant]
        return sorted((e for log in mine for e in log if e.tenant == tenant), key=lambda entry: entry.cursor)

    async def hold(self, received: Sequence[Received]) -> None:
        self.waiting |= {one.envelope.cause: one for one in received}

    async def held(self, engagement: str) -> list[Received]:
        return [one for one in self.waiting.values() if one.envelope.engagement == engagement]

    async def release(self, received: Sequence[Received]) -> None:
        for one in received:
            self.waiting.pop(one.envelope.cause, None)

    async def remember(self, command: Submitted) -> Submitted | None:
        earlier = self.submitted.get(command.id)
        self.submitted.setdefault(command.id, command)
        return earlier

    async def command(self, id: str, tenant: str) -> Submitted | None:
        self.reads += 1
        found = self.submitted.get(id)
        return found if found and found.tenant == tenant else None

    async def bury(self, letter: DeadLetter) -> None:
        known = self.dead.get(letter.id)
        if known is None or (known.status == "BLOCKED" and letter.status == "OPEN"):
            self.dead[letter.id] = letter

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
        self.reads += 1
        mine = [one for one in self.dead.values() if _owned(one, tenant, orphans)]
        mine = [one for one in mine if status in (None, one.status) and service in (None, one.service)]
        mine.sort(key=lambda one: (-one.at.timestamp(), one.id))
        ids = [one.id for one in mine]
        start = ids.index(after) + 1 if after in ids else 0
        return mine[start : start + limit]

    async def letter(self, id: str, tenant: str, *, orphans: bool) -> DeadLetter | None:
        found = self.dead.get(id)
        return found if found and _owned(found, tenant, orphans) else None

    async def decide(self, id: str, expected: str, changes: dict[str, Any]) -> bool:
        found = self.dead.get(id)
        if found is None or found.status != expected:
            return False
        self.dead[id] = replace(found, **changes)
        return True


def _owned(letter: DeadLetter, tenant: str, orphans: bool) -> bool:
    return letter.tenant == tenant or (orphans and letter.tenant is None)


def _standing(found: Stored | None, folded: Stored) -> Standing:
    if found is None:
        return Standing(0, 0, 0, False)
    same = replace(folded, created_at=found.created_at, edition=found.edition)
    equal = found == same and encode(found.view) == encode(folded.view)
    return Standing(found.cursor, found.view_version, found.edition, equal)


def _copy(stored: Stored) -> Stored:
    return replace(stored, view=orjson.loads(encode(stored.view)))


def _newest_first(stored: Stored) -> tuple[float, str]:
    return -stored.created_at.timestamp(), stored.engagement


def _matches(stored: Stored, wanted: Filter) -> bool:
    view = stored.view
    client = view["client"]["name"] if view["client"] else ""
    text = f"{stored.engagement} {view['title']} {client}".casefold()
    return (
        view["opened_at"] is not None
        and wanted.stage in (None, view["stage"])
        and wanted.health in (None, view["health"]["state"])
        and (wanted.text or "").casefold() in text
    )
