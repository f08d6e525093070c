"""What the gateway needs from a database and a broker; `store.py` and `memory.py` are the two stores."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.entry import Entry
from gateway.view import View
from messaging.envelope import Headers, Message
from messaging.stream import Received


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A view as it is kept. `view_version` tells whether today's fold made it.

    `edition` counts how often a rebuild replaced it: who folded on from an earlier one may not save.
    """

    engagement: str
    tenant: str
    cursor: int
    created_at: datetime
    view_version: int
    view: View
    edition: int = 0


@dataclass(frozen=True)
class Logged:
    """One document of the log: consecutive entries of an engagement, and the tenant it belongs to."""

    tenant: str
    entries: Sequence[Entry]


@dataclass(frozen=True)
class Standing:
    """How a stored view stands to one that was folded; `cursor` is 0 where none is stored."""

    cursor: int
    view_version: int
    edition: int
    equal: bool


@dataclass(frozen=True)
class Mark:
    """How far a rebuild has come: every engagement up to `after`, in the order of their keys."""

    view_version: int
    after: str
    documents: int
    entries: int
    engagements: int
    begun_at: datetime


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which engagements of a tenant to list; None lets everything through."""

    stage: str | None = None
    health: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Place:
    """A position in the list of engagements, newest first: stable, whatever is added before it."""

    created_at: datetime
    engagement: str


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A command that was taken in, so that a repeated one gets the same answer."""

    id: str
    tenant: str
    engagement: str
    type: str
    actor: str
    digest: str
    at: datetime
    data: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that was given up, or one that its engagement waits behind (`BLOCKED`)."""

    id: str
    status: str
    service: str
    topic: str
    partition: int
    offset: int
    field: str
    reason: str
    code: str
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers = dataclasses.field(default_factory=list)
    engagement: str | None = None
    tenant: str | None = None
    message_id: str | None = None
    trace_id: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None


class Log(Protocol):
    """Views and the log they are folded from. Reads for a client take the client's tenant."""

    async def view(self, engagement: str, tenant: str) -> Stored | None: ...
    async def page(self, tenant: str, wanted: Filter, limit: int, after: Place | None) -> list[Stored]: ...
    async def entries(
        self, engagement: str, tenant: str, *, after: int = 0, limit: int = 500, types: Sequence[str] = ()
    ) -> list[Entry]:
        """In order of cursor, those behind `after`."""

    async def find(self, engagement: str, tenant: str, ids: Sequence[str]) -> list[Entry]: ...
    async def answers(self, command: str) -> list[Entry]:
        """What a command led to, directly. Only for a command that is known to be the caller's."""

    async def opened(self, engagement: str, tenant: str) -> bool:
        """Whether the tenant has such an engagement: without reading its view."""

    async def load(self, engagement: str) -> Stored | None:
        """For the projector alone, which serves every tenant."""

    async def tail(self, engagement: str, after: int, limit: int = 500) -> list[Entry]:
        """For the projector alone: every entry behind `after`, whoever caused it."""

    async def append(self, tenant: str, entries: Sequence[Entry]) -> bool:
        """False when another writer has already taken the first cursor."""

    async def save(self, stored: Stored, expected: int) -> bool:
        """False when the view is not at the expected cursor and edition any more; 0 expects none."""

    async def hold(self, received: Sequence[Received]) -> None: ...
    async def held(self, engagement: str) -> list[Received]: ...
    async def release(self, received: Sequence[Received]) -> None: ...


class Rebuildable(Log, Protocol):
    """What a rebuild needs besides: all engagements at once, whoever they belong to."""

    def walk(self, after: str, upto: str | None) -> AsyncIterator[Logged]:
        """The log of every engagement with `after` < key <= `upto`, by key and then by cursor."""

    async def log_documents(self) -> int:
        """About how many documents the whole log has."""

    async def standings(self, folded: Sequence[Stored]) -> list[Standing]:
        """For each, what is stored in its place; equal when every byte of the view is."""

    async def replace(self, changes: Sequence[tuple[Stored, Standing]]) -> bool:
        """Put these where the standings were found, each as the next edition.

        False when at least one has moved; the others are replaced.
        """

    async def mark(self, mark: Mark | None) -> None:
        """Remember how far a rebuild has come; None when it is through."""

    async def marked(self) -> Mark | None: ...


class Commands(Protocol):
    async def remember(self, command: Submitted) -> Submitted | None:
        """None when it is new and kept, else the one that had its id first."""

    async def command(self, id: str, tenant: str) -> Submitted | None: ...


class Morgue(Protocol):
    """Dead letters. `orphans` are those whose own tenant nobody could read."""

    async def bury(self, letter: DeadLetter) -> None:
        """Keep it; one that was decided on already keeps its decision."""

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
        """The tenant's own and, where asked for, the orphans; newest first, behind the letter `after`."""

    async def letter(self, id: str, tenant: str, *, orphans: bool) -> DeadLetter | None: ...
    async def decide(self, id: str, expected: str, changes: dict[str, Any]) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Census:
    """What a store holds, counted: `letters` are the open ones by who gave them up."""

    views: int
    outdated: int
    held: int
    letters: dict[str, int]


class Store(Rebuildable, Commands, Morgue, Protocol):
    async def prepare(self) -> None:
        """Make the indexes; harmless when they exist."""

    async def census(self, view_version: int) -> Census:
        """Over all tenants, for metrics alone; views of another version are outdated."""


class Publisher(Protocol):
    """`messaging.Producer`, as far as it is needed here. Both raise NotPublished."""

    async def publish(self, messages: Sequence[Message]) -> None: ...
    async def publish_raw(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None: ...
