"""What migration needs from outside: a legacy database to read and a target to write."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from migration.engine.planning import SourceTable
from schemas.migration import (
    AnomalyKind,
    ColumnProfile,
    Mapping,
    RejectCount,
    Source,
    TableMapping,
)
from schemas.provisioning import Endpoint

Row = tuple[object, ...]
"""First the row's address (SQLite's rowid), then its values in the order that was asked for."""


class SourceError(Exception):
    """The source cannot be read; the message is for a person."""


class LegacyDatabase(Protocol):
    """Read-only, synchronous; calls come from one thread at a time. Raises SourceError."""

    def tables(self) -> Sequence[SourceTable]: ...

    def count(self, table: str) -> int: ...

    def column_profiles(self, table: SourceTable) -> Sequence[ColumnProfile]: ...

    def rows(self, table: str, columns: Sequence[str], after: int, limit: int) -> Sequence[Row]:
        """The next rows by address, at most `limit`."""

    def duplicates(self, table: TableMapping, limit: int) -> Sequence[int]:
        """Addresses of rows whose key an earlier row has; at most `limit`."""

    def orphans(self, table: TableMapping, limit: int) -> Sequence[tuple[int, str]]:
        """(address, column) of rows that refer to a row which is absent or was turned away; at most `limit`
        per reference."""

    def turn_away(self, table: str, addresses: Iterable[int]) -> int:
        """Remember rows as rejected, for `orphans`. Returns how many of them are new."""

    def hashes(self, table: TableMapping, rejected: frozenset[int]) -> Iterator[bytes]:
        """A hash of each row that should have arrived; coded apart from the way rows are moved."""


class Sources(Protocol):
    def open(self, source: Source) -> AbstractContextManager[LegacyDatabase]:
        """Raises SourceError."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was turned away: where it was, why, and all of it as JSON."""

    address: int
    key: str
    column: str
    reason: AnomalyKind
    row: str


@dataclass(frozen=True, slots=True)
class Chunk:
    table: str
    number: int
    last_address: int
    rows_read: int
    lines: Sequence[str]
    rejects: Sequence[Reject]
    started: float
    """time.perf_counter() when reading it began."""


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """What the target's ledger says about one chunk that is durable in it."""

    table: str
    number: int
    last_address: int
    rows_read: int
    rows_written: int
    seconds: float
    rejects: Sequence[RejectCount] = field(default=())


class TargetError(Exception):
    """The target cannot take a run as it is; the message is for a person."""


class TargetDatabase(Protocol):
    """Synchronous; calls come from one thread at a time. Each call is one transaction."""

    def prepare(self, run: int, mapping: Mapping) -> None:
        """Make tables and ledger unless this run has made them; clear what an earlier run left.

        Raises TargetError where a table of that name is there that no run has made.
        """

    def ledger(self, run: int) -> Sequence[ChunkEntry]:
        """In the order in which the chunks were written."""

    def rejected(self, run: int, table: str) -> frozenset[int]: ...

    def write(self, run: int, schema: str, table: TableMapping, chunk: Chunk) -> ChunkEntry:
        """Rows, rejects and ledger entry, all or nothing."""

    def finish(self, mapping: Mapping) -> None:
        """Keys and references become constraints. Raises TargetError where the data break one."""

    def hashes(self, schema: str, table: TableMapping) -> Iterator[bytes]: ...

    def roll_back(self, run: int) -> None:
        """Everything the run made is gone, its ledger too. Nothing happens where nothing is there."""


class Targets(Protocol):
    def open(self, endpoint: Endpoint) -> AbstractContextManager[TargetDatabase]: ...
