"""Moving rows in chunks: what is good goes to the target, what is not is kept with its reason."""

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from migration.engine.conversion import BadRow, RowConverter
from migration.engine.planning import circular
from migration.ports import Chunk, ChunkEntry, LegacyDatabase, Reject, Row, TargetDatabase
from migration.profiling import key_of
from schemas.migration import AnomalyKind, MigrationStarted, TableMapping

FIRST_ADDRESS = -(2**63)


class TooManyRejects(Exception):
    """More rows were turned away than the run may lose; the message says which and why."""


class Loader:
    """One run. What is durable in the target is never read again: the ledger there says where to go on."""

    def __init__(self, event: MigrationStarted, source: LegacyDatabase, target: TargetDatabase) -> None:
        self._event, self._source, self._target = event, source, target
        self._rejected: dict[tuple[str, str, AnomalyKind], int] = {}

    def resume(self) -> Sequence[ChunkEntry]:
        """Make the target ready and return the chunks that are in it. Raises TargetError, TooManyRejects."""
        self._target.prepare(self._event.run, self._event.mapping)
        entries = self._target.ledger(self._event.run)
        for entry in entries:
            self._count(entry)
        for table in self._event.mapping.tables:
            self._source.turn_away(table.source, self._target.rejected(self._event.run, table.source))
        self._settle_circles()
        return entries

    def _count(self, entry: ChunkEntry) -> None:
        for count in entry.rejects:
            place = count.table, count.column, count.reason
            self._rejected[place] = self._rejected.get(place, 0) + count.rows

    def _settle_circles(self) -> None:
        """Where a row may refer to one that is loaded after it, all that will be turned away has to be known
        before: a row without its parent is itself no parent."""
        tables = [t for t in self._event.mapping.tables if t.source in circular(self._event.mapping)]
        for table in tables:
            bad = [reject.address for chunk in self._read(table, None) for reject in chunk.rejects]
            self._source.turn_away(table.source, bad)
        while any(
            self._source.turn_away(table.source, [address for address, _ in self._orphans(table)])
            for table in tables
        ):
            pass

    def _orphans(self, table: TableMapping) -> Sequence[tuple[int, str]]:
        return self._source.orphans(table, self._event.reject_limit + 1)

    def load(self, entries: Sequence[ChunkEntry]) -> Generator[ChunkEntry, None, None]:
        """Write the chunks that are not in the target yet. Raises TooManyRejects before the chunk that
        would exceed the limit is written."""
        done = {entry.table: entry for entry in entries}
        with ThreadPoolExecutor(1) as writer:
            for table in self._event.mapping.tables:
                yield from self._load_table(table, done.get(table.source), writer)

    def _load_table(
        self, table: TableMapping, last: ChunkEntry | None, writer: ThreadPoolExecutor
    ) -> Iterator[ChunkEntry]:
        """The next chunk is read and converted while PostgreSQL takes in the one before."""
        writing: Future[ChunkEntry] | None = None
        for chunk in self._read(table, last):
            if writing is not None:
                yield self._written(writing)
            self._check_limit(chunk)
            self._source.turn_away(table.source, [reject.address for reject in chunk.rejects])
            schema = self._event.mapping.schema_name
            writing = writer.submit(self._target.write, self._event.run, schema, table, chunk)
        if writing is not None:
            yield self._written(writing)

    def _written(self, writing: "Future[ChunkEntry]") -> ChunkEntry:
        entry = writing.result()
        self._count(entry)
        return entry

    def _check_limit(self, chunk: Chunk) -> None:
        total = sum(self._rejected.values()) + len(chunk.rejects)
        if total > self._event.reject_limit:
            raise TooManyRejects(
                f"{total} rows turned away, {self._event.reject_limit} are allowed; {self._summary(chunk)}"
            )

    def _summary(self, chunk: Chunk) -> str:
        counts = dict(self._rejected)
        for reject in chunk.rejects:
            place = chunk.table, reject.column, reject.reason
            counts[place] = counts.get(place, 0) + 1
        worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
        return ", ".join(f"{t}.{column} {reason}: {rows}" for (t, column, reason), rows in worst)

    def _read(self, table: TableMapping, last: ChunkEntry | None) -> Iterator[Chunk]:
        names = [column.source for column in table.columns]
        judge = _Judge(self._source, table, names, self._event.reject_limit + 1)
        address, number = (last.last_address, last.number) if last else (FIRST_ADDRESS, 0)
        while True:
            started = time.perf_counter()
            rows = self._source.rows(table.source, names, address, self._event.chunk_rows)
            if not rows:
                return
            address, number = int(str(rows[-1][0])), number + 1
            lines, rejects = judge.sorted_out(rows)
            yield Chunk(table.source, number, address, len(rows), lines, rejects, started)


class _Judge:
    """Decides row by row: over to the target, or turned away and why."""

    def __init__(self, source: LegacyDatabase, table: TableMapping, names: Sequence[str], limit: int) -> None:
        self._table, self._names = table, names
        self._converter = RowConverter(table.columns)
        self._doomed = _doomed(source, table, limit)

    def sorted_out(self, rows: Sequence[Row]) -> tuple[list[str], list[Reject]]:
        lines: list[str] = []
        rejects: list[Reject] = []
        for row in rows:
            address = row[0]
            try:
                if address in self._doomed:
                    raise self._doomed[address]
                lines.append(self._converter.line(row[1:]))
            except BadRow as bad:
                rejects.append(self._reject(row, bad))
        return lines, rejects

    def _reject(self, row: Row, bad: BadRow) -> Reject:
        values = {name: _readable(value) for name, value in zip(self._names, row[1:], strict=True)}
        key = key_of(self._table, self._names, row)
        return Reject(int(str(row[0])), key, bad.column, bad.kind, json.dumps(values))


def _doomed(source: LegacyDatabase, table: TableMapping, limit: int) -> Mapping[object, BadRow]:
    found: dict[object, BadRow] = {
        address: BadRow(column, AnomalyKind.ORPHANED_KEY) for address, column in source.orphans(table, limit)
    }
    for address in source.duplicates(table, limit):
        found[address] = BadRow(table.key[0], AnomalyKind.DUPLICATE_KEY)
    return found


def _readable(value: object) -> object:
    return {"hex": value.hex()} if isinstance(value, bytes) else value
