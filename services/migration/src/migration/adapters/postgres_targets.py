"""Targets that are PostgreSQL databases, with the ledger of what was moved beside the data."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from migration.adapters import postgres_tables
from migration.adapters.postgres_proof import digest_query
from migration.ports import Chunk, ChunkEntry, TargetError
from schemas.migration import AnomalyKind, Mapping, RejectCount, TableMapping
from schemas.provisioning import Endpoint

# Canonical text depends on both; a role's own defaults must not change it.
_OPTIONS = "-c timezone=UTC -c datestyle=ISO -c search_path=pg_catalog"

_LEDGER = """
create schema if not exists throughline_migration;
create table if not exists throughline_migration.runs (
    run integer primary key, schema_name text not null, tables text[] not null,
    finished boolean not null default false);
create table if not exists throughline_migration.ledger (
    position bigint generated always as identity, run integer not null, table_name text not null,
    chunk integer not null, last_address bigint not null, rows_read integer not null,
    rows_written integer not null, seconds double precision not null, rejects text not null,
    primary key (run, table_name, chunk));
create table if not exists throughline_migration.rejects (
    run integer not null, table_name text not null, address bigint not null, key text not null,
    column_name text not null, reason text not null, source_row text not null,
    primary key (run, table_name, address));
"""


class PostgresTargets:
    def __init__(self, secrets: Path) -> None:
        self._secrets = secrets

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator["PostgresDatabase"]:
        connection = psycopg.connect(
            host=endpoint.host,
            port=endpoint.port,
            dbname=endpoint.database,
            user=endpoint.user,
            password=(self._secrets / endpoint.secret).read_text(),
            connect_timeout=5,
            autocommit=True,
            options=_OPTIONS,
            client_encoding="utf8",
            application_name="throughline-migration",
        )
        with closing(connection):
            yield PostgresDatabase(connection)


class PostgresDatabase:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def prepare(self, run: int, mapping: Mapping) -> None:
        with self._connection.transaction():
            self._connection.execute(_LEDGER)
            for (earlier,) in self._rows("select run from throughline_migration.runs where run < %s", run):
                self._remove(earlier)
            if self._rows("select 1 from throughline_migration.runs where run = %s", run):
                return
            for table in mapping.tables:
                postgres_tables.create(self._connection, mapping.schema_name, table)
            self._connection.execute(
                "insert into throughline_migration.runs values (%s, %s, %s)",
                (run, mapping.schema_name, [table.target for table in mapping.tables]),
            )

    def _rows(self, query: str, *parameters: object) -> Sequence[tuple[object, ...]]:
        return self._connection.execute(query.encode(), parameters).fetchall()

    def ledger(self, run: int) -> Sequence[ChunkEntry]:
        query = """select table_name, chunk, last_address, rows_read, rows_written, seconds, rejects
                   from throughline_migration.ledger where run = %s order by position"""
        found = self._connection.execute(query, (run,)).fetchall()
        return [
            ChunkEntry(table, number, last, read, written, seconds, _counts(rejects))
            for table, number, last, read, written, seconds, rejects in found
        ]

    def rejected(self, run: int, table: str) -> frozenset[int]:
        query = "select address from throughline_migration.rejects where run = %s and table_name = %s"
        return frozenset(address for (address,) in self._connection.execute(query, (run, table)))

    def write(self, run: int, schema: str, table: TableMapping, chunk: Chunk) -> ChunkEntry:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            self._hold(cursor, run)
            if chunk.lines:
                with cursor.copy(postgres_tables.copy_statement(schema, table)) as copy:
                    copy.write("\n".join(chunk.lines).encode() + b"\n")
            if chunk.rejects:
                self._write_rejects(cursor, run, chunk)
            entry = _entry(chunk)
            cursor.execute(
                """insert into throughline_migration.ledger
                   (run, table_name, chunk, last_address, rows_read, rows_written, seconds, rejects)
                   values (%s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    *(run, entry.table, entry.number, entry.last_address),
                    *(entry.rows_read, entry.rows_written, entry.seconds),
                    json.dumps([count.model_dump(mode="json") for count in entry.rejects]),
                ),
            )
        return entry

    @staticmethod
    def _hold(cursor: psycopg.Cursor, run: int) -> None:
        """Keep the run from being rolled back under the chunk, and keep a worker that was given up for dead
        from writing into the tables of the next run. Raises TargetError."""
        query = "select 1 from throughline_migration.runs where run = %s for share"
        try:
            found = cursor.execute(query, (run,)).fetchone()
        except psycopg.errors.UndefinedTable:
            found = None
        if found is None:
            raise TargetError(f"run {run} was rolled back")

    @staticmethod
    def _write_rejects(cursor: psycopg.Cursor, run: int, chunk: Chunk) -> None:
        with cursor.copy("copy throughline_migration.rejects from stdin") as copy:
            for reject in chunk.rejects:
                copy.write_row(
                    (
                        *(run, chunk.table, reject.address, reject.key),
                        *(reject.column, reject.reason.value, reject.row),
                    )
                )

    def finish(self, mapping: Mapping) -> None:
        try:
            with self._connection.transaction():
                postgres_tables.constrain(self._connection, mapping)
        except psycopg.errors.IntegrityError as error:
            raise TargetError(f"the data break a rule of the source: {error.diag.message_primary}") from error

    def hashes(self, schema: str, table: TableMapping) -> Iterator[bytes]:
        with self._connection.cursor() as cursor, cursor.copy(digest_query(schema, table)) as copy:
            copy.set_types(["bytea"])
            for (value,) in copy.rows():
                yield value

    def roll_back(self, run: int) -> None:
        with self._connection.transaction():
            if self._rows("select to_regclass('throughline_migration.runs')") == [(None,)]:
                return
            self._remove(run)
            if not self._rows("select 1 from throughline_migration.runs"):
                self._connection.execute("drop schema throughline_migration cascade")

    def _remove(self, run: object) -> None:
        query = "delete from throughline_migration.runs where run = %s returning schema_name, tables"
        for schema, tables in self._connection.execute(query, (run,)).fetchall():
            for table in tables:
                name = sql.Identifier(schema, table)
                self._connection.execute(sql.SQL("drop table if exists {} cascade").format(name))
        self._connection.execute("delete from throughline_migration.ledger where run = %s", (run,))
        self._connection.execute("delete from throughline_migration.rejects where run = %s", (run,))


def _counts(stored: str) -> Sequence[RejectCount]:
    return tuple(RejectCount.model_validate(count) for count in json.loads(stored))


def _entry(chunk: Chunk) -> ChunkEntry:
    counts: Counter[tuple[str, AnomalyKind]] = Counter((r.column, r.reason) for r in chunk.rejects)
    return ChunkEntry(
        table=chunk.table,
        number=chunk.number,
        last_address=chunk.last_address,
        rows_read=chunk.rows_read,
        rows_written=len(chunk.lines),
        seconds=time.perf_counter() - chunk.started,
        rejects=tuple(
            RejectCount(table=chunk.table, column=column, reason=reason, rows=rows)
            for (column, reason), rows in sorted(counts.items())
        ),
    )
