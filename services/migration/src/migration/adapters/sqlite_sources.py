"""Legacy databases that are SQLite files below one directory."""

# ruff: noqa: S608 - names cannot be parameters; they come from the catalogue of the file and are quoted

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from migration.adapters import sqlite_catalogue, sqlite_proof
from migration.adapters.sqlite_names import listed, quoted
from migration.engine.conversion import Undecodable
from migration.engine.planning import SourceTable
from migration.ports import Row, SourceError
from schemas.migration import ColumnProfile, Source, TableMapping

_SQLITE_MAGIC = b"SQLite format 3\0"


class SqliteSources:
    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    @contextmanager
    def open(self, source: Source) -> Iterator["SqliteDatabase"]:
        path = self._path(source.location)
        # Calls come from a pool of threads, one at a time.
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        ) as connection:
            yield SqliteDatabase(connection)

    def _path(self, location: str) -> Path:
        path = (self._directory / location).resolve()
        if not path.is_relative_to(self._directory):
            raise SourceError(f"{location} leads out of the data directory")
        if not path.is_file():
            raise SourceError(f"{location} is not there")
        with path.open("rb") as file:
            if file.read(len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
                raise SourceError(f"{location} is not a SQLite database")
        return path


def _decoded(raw: bytes) -> str | Undecodable:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Undecodable(raw)


class SqliteDatabase:
    """A row's address is its rowid; for a table without rowids, its number in the order of the key."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.text_factory = _decoded
        connection.execute(
            "create temporary table turned_away"
            " (tbl text, address integer, primary key (tbl, address)) without rowid"
        )
        self._relations: dict[str, str] = {}

    def tables(self) -> Sequence[SourceTable]:
        try:
            return sqlite_catalogue.tables(self._connection)
        except sqlite3.DatabaseError as error:
            raise SourceError(f"the source cannot be read: {error}") from error

    def column_profiles(self, table: SourceTable) -> Sequence[ColumnProfile]:
        return sqlite_catalogue.column_profiles(self._connection, table)

    def count(self, table: str) -> int:
        return int(self._connection.execute(f"select count(*) from {quoted(table)}").fetchone()[0])

    def _relation(self, table: str) -> str:
        """The table with its addresses as a column `address`, to be used after `from`."""
        if table not in self._relations:
            self._relations[table] = sqlite_catalogue.addressed(self._connection, table)
        return self._relations[table]

    def rows(self, table: str, columns: Sequence[str], after: int, limit: int) -> Sequence[Row]:
        query = (
            f"select address, {listed(columns)} from {self._relation(table)}"
            " where address > ? order by address limit ?"
        )
        return self._connection.execute(query, (after, limit)).fetchall()

    def duplicates(self, table: TableMapping, limit: int) -> Sequence[int]:
        if not table.key or sqlite_catalogue.keeps_unique(self._connection, table.source, table.key):
            return []
        relation, key = self._relation(table.source), listed(table.key)
        there = " and ".join(f"{quoted(name)} is not null" for name in table.key)
        query = (
            f"select address from {relation} where {there}"
            f" and address not in (select min(address) from {relation} group by {key}) limit ?"
        )
        return [address for (address,) in self._connection.execute(query, (limit,))]

    def orphans(self, table: TableMapping, limit: int) -> Sequence[tuple[int, str]]:
        found: dict[int, str] = {}
        for reference in table.references:
            there = " and ".join(f"{quoted(name)} is not null" for name in reference.columns)
            # `not in` builds the set of parents once; a correlated `exists` would scan them for each row.
            query = (
                f"select address from {self._relation(table.source)} where {there}"
                f" and ({listed(reference.columns)}) not in"
                f" (select {listed(reference.target_columns)} from {self._relation(reference.table)} where"
                f" {' and '.join(f'{quoted(name)} is not null' for name in reference.target_columns)}"
                " and address not in (select address from turned_away where tbl = ?)) limit ?"
            )
            for (address,) in self._connection.execute(query, (reference.table, limit)):
                found.setdefault(address, reference.columns[0])
        return sorted(found.items())

    def turn_away(self, table: str, addresses: Iterable[int]) -> int:
        before = self._connection.total_changes
        insert = "insert or ignore into turned_away values (?, ?)"
        self._connection.executemany(insert, ((table, address) for address in addresses))
        return self._connection.total_changes - before

    def hashes(self, table: TableMapping, rejected: frozenset[int]) -> Iterator[bytes]:
        return sqlite_proof.hashes(self._connection, self._relation(table.source), table, rejected)
