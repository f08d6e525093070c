"""A legacy SQLite file moved into a real PostgreSQL: strictly, resumably, provably."""

import json
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migration.adapters.postgres_targets import PostgresDatabase, PostgresTargets
from migration.ports import Chunk, TargetError
from schemas.migration import (
    ChunkMigrated,
    MigrationAborted,
    MigrationCompleted,
    MigrationStarted,
    ProfilingFailed,
    RestartMigration,
    SourceProfiled,
    TableReconciled,
    TargetType,
)
from schemas.provisioning import Endpoint

SCHEMA = """
create table customer (id integer primary key, name text not null, credit decimal(12,2), born date,
                       created timestamp, active boolean, photo blob, score real);
create table ticket (id integer, customer_id integer references customer(id), title text);
create table staff (id integer primary key, name text, boss integer references staff(id));
"""
DEFECTS = """
update customer set name = x'636166e9ff' where id = 11;
update customer set credit = 'N/A' where id = 12;
update customer set born = '0000-00-00' where id = 13;
update customer set born = '31/12/1979' where id = 14;
update customer set active = 2 where id = 15;
update customer set name = 'a' || char(0) || 'b' where id = 16;
update customer set created = '2024-02-30 10:00:00' where id = 17;
update customer set score = 'high' where id = 18;
insert into ticket values (1, 1, 'the second with this key');
insert into ticket values (null, 1, 'without a key');
insert into ticket values (9001, 999999, 'whose customer is not there');
insert into ticket values (9002, 11, 'whose customer is turned away');
insert into staff values (1, 'top', null), (2, 'below', 1), (3, 'below nobody', 77), (4, 'below 3', 3),
                         (5, 'below 6', 6), (6, cast(x'ff' as text), 1);
"""


def plain(journey: Any, rows: int = 450) -> None:
    """Rows without a defect, with everything in them that other tools change silently."""
    rng = random.Random(7)
    texts = [
        "",
        "\\N",
        "NULL",
        "  ",
        "tab\tnew\nline\rback\\slash",
        "東京 Łódź 😀",
        'O\'Brien "x"',
        "x" * 9000,
    ]
    moments = [None, "2024-05-06 07:08:09", "2024-05-06T07:08:09.000120", "2024-05-06 23:30:00-02:00"]
    with journey.sqlite(SCHEMA) as connection:
        for n in range(1, rows + 1):
            connection.execute(
                "insert into customer values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    n, rng.choice(texts),
                    rng.choice([None, "12.50", f"{rng.randint(-(9**9), 9**9)}.{n % 100:02d}"]),
                    rng.choice([None, "1987-12-31", "0001-01-01", "9999-12-31"]), rng.choice(moments),
                    rng.choice([None, 0, 1, "true"]), rng.choice([None, b"", bytes(range(256))]),
                    rng.choice([None, 0.1 + 0.2, 1e22, 5e-324, -0.5, 1e300, float("inf"), rng.random()]),
                ),
            )  # fmt: skip
            connection.execute(
                "insert into ticket values (?, ?, ?)", (n, rng.randint(20, rows), f"ticket {n}")
            )
    connection.close()


def dirty(journey: Any) -> None:
    plain(journey)
    journey.sqlite(DEFECTS).close()


async def approved(journey: Any, make: Callable[[Any], None], **limits: int) -> None:
    make(journey)
    await journey.profile(**limits)
    journey.approve()


def content(journey: Any) -> dict[str, Any]:
    """Everything in the target: rows, rejects and constraints."""
    tables = {name: sorted(map(repr, journey.read(f"select * from legacy.{name}"))) for name in TABLES}
    rejects = journey.read(
        "select table_name, address, column_name, reason from throughline_migration.rejects"
    )
    return {**tables, "rejects": sorted(rejects)}


TABLES = ("customer", "ticket", "staff")


async def test_clean_data_arrive_unchanged_and_are_proved(journey: Any) -> None:
    await approved(journey, plain)

    await journey.run()

    completed = journey.last(MigrationCompleted)
    assert (completed.rows_written, completed.rows_rejected) == (900, 0)
    assert [table.equal for table in journey.all(TableReconciled)] == [True] * 3
    with journey.sqlite() as legacy:
        there = legacy.execute("select id, name, score, photo from customer order by id").fetchall()
    arrived = journey.read("select id, name, score, photo from legacy.customer order by id")
    assert [_bits(row) for row in arrived] == [_bits(row) for row in there]


def _bits(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(struct.pack("d", value) if isinstance(value, float) else value for value in row)


async def test_decimals_keep_their_digits_and_timestamps_become_utc(journey: Any) -> None:
    def make(journey: Any) -> None:
        with journey.sqlite(
            "create table t (id integer primary key, d decimal(20,4), n numeric, w timestamp)"
        ) as db:
            db.execute("insert into t values (1, '12345678901.7800', '12.', '2024-05-06 23:30:00-02:00')")
            db.execute("insert into t values (2, '-0.00', '0.000000000000000000000000123456', '2024-05-06')")

    await approved(journey, make)
    await journey.run()

    query = "select d::text, n::text, (w at time zone 'UTC')::text from legacy.t order by id"
    assert journey.read(query) == [
        ("12345678901.7800", "12", "2024-05-07 01:30:00"),
        ("0.0000", "0.000000000000000000000000123456", "2024-05-06 00:00:00"),
    ]
    assert journey.last(MigrationCompleted).rows_written == 2


async def test_profile_finds_every_planted_defect(journey: Any) -> None:
    dirty(journey)

    await journey.profile()

    found = journey.last(SourceProfiled)
    assert {(a.table, a.column, a.kind.value): (a.rows, a.sample_keys) for a in found.anomalies} == {
        ("customer", "name", "bad_encoding"): (1, ("11",)),
        ("customer", "credit", "bad_number"): (1, ("12",)),
        ("customer", "born", "bad_date"): (2, ("13", "14")),
        ("customer", "active", "bad_boolean"): (1, ("15",)),
        ("customer", "name", "nul_character"): (1, ("16",)),
        ("customer", "created", "bad_date"): (1, ("17",)),
        ("customer", "score", "bad_number"): (1, ("18",)),
        ("ticket", "id", "duplicate_key"): (1, ("1",)),
        ("ticket", "id", "missing_value"): (1, ("row 452",)),
        ("ticket", "customer_id", "orphaned_key"): (1, ("9001",)),
        ("staff", "boss", "orphaned_key"): (1, ("3",)),
        ("staff", "name", "bad_encoding"): (1, ("6",)),
    }
    assert [(t.name, t.rows) for t in found.tables] == [("customer", 450), ("staff", 6), ("ticket", 454)]
    customer = {column.source: column for column in found.mapping.tables[0].columns}
    assert (customer["credit"].type, customer["credit"].precision, customer["credit"].scale) == (
        TargetType.NUMERIC, 12, 2,
    )  # fmt: skip
    born = next(column for column in found.tables[0].columns if column.name == "born")
    assert (born.minimum, born.maximum) == ("0000-00-00", "9999-12-31")


async def test_every_planted_defect_is_kept_with_its_reason(journey: Any) -> None:
    await approved(journey, dirty)

    await journey.run()

    query = (
        "select table_name, key, column_name, reason from throughline_migration.rejects order by 1, address"
    )
    assert journey.read(query) == [
        ("customer", "11", "name", "bad_encoding"),
        ("customer", "12", "credit", "bad_number"),
        ("customer", "13", "born", "bad_date"),
        ("customer", "14", "born", "bad_date"),
        ("customer", "15", "active", "bad_boolean"),
        ("customer", "16", "name", "nul_character"),
        ("customer", "17", "created", "bad_date"),
        ("customer", "18", "score", "bad_number"),
        ("staff", "3", "boss", "orphaned_key"),
        ("staff", "4", "boss", "orphaned_key"),
        ("staff", "5", "boss", "orphaned_key"),
        ("staff", "6", "name", "bad_encoding"),
        ("ticket", "1", "id", "duplicate_key"),
        ("ticket", "row 452", "id", "missing_value"),
        ("ticket", "9001", "customer_id", "orphaned_key"),
        ("ticket", "9002", "customer_id", "orphaned_key"),
    ]
    completed = journey.last(MigrationCompleted)
    assert (completed.rows_written, completed.rows_rejected) == (450 + 454 + 6 - 16, 16)
    told = Counter[str]()
    for chunk in journey.all(ChunkMigrated):
        told.update({f"{c.table}.{c.column} {c.reason}": c.rows for c in chunk.rejects})
    assert sum(told.values()) == 16
    assert told["customer.born bad_date"] == 2


async def test_rejected_row_is_kept_whole(journey: Any) -> None:
    await approved(journey, dirty)

    await journey.run()

    query = (
        "select source_row from throughline_migration.rejects where table_name = 'ticket' and key = '9001'"
    )
    ((row,),) = journey.read(query)
    assert json.loads(row) == {"id": 9001, "customer_id": 999999, "title": "whose customer is not there"}
    query = "select source_row from throughline_migration.rejects where column_name = 'name' and key = '11'"
    ((row,),) = journey.read(query)
    assert json.loads(row)["name"] == {"hex": "636166e9ff"}


async def test_keys_and_references_hold_in_the_target(journey: Any) -> None:
    await approved(journey, dirty)

    await journey.run()

    query = (
        "select conrelid::regclass::text, contype::text from pg_constraint"
        " where contype in ('p', 'f') and connamespace = 'legacy'::regnamespace order by 1, 2"
    )
    assert journey.read(query) == [
        ("legacy.customer", "p"),
        ("legacy.staff", "f"), ("legacy.staff", "p"),
        ("legacy.ticket", "f"), ("legacy.ticket", "p"),
    ]  # fmt: skip


KEYS = ["chunk-customer-1", "chunk-customer-5", "chunk-staff-1", "chunk-ticket-3", "reconciled-staff"]


@pytest.mark.parametrize("key", KEYS)
async def test_killed_run_goes_on_and_ends_like_one_that_was_not(journey: Any, key: str) -> None:
    await approved(journey, dirty)
    journey.killed_at = key

    with pytest.raises(KeyboardInterrupt):
        await journey.run()
    await journey.run()

    assert _by_table(journey) == {"customer": 450, "staff": 6, "ticket": 454}
    assert journey.last(ChunkMigrated).rows_done == 910
    assert journey.last(MigrationCompleted).certificate == await _certificate_of_one_clean_run(journey)


def _by_table(journey: Any) -> dict[str, int]:
    rows = Counter[str]()
    for chunk in journey.all(ChunkMigrated):
        rows[chunk.table] += chunk.rows_read
    return dict(rows)


async def _certificate_of_one_clean_run(journey: Any) -> str:
    other = type(journey)(journey.directory, journey.server, journey.endpoint)
    with journey.postgres() as connection:
        connection.execute(
            "drop schema legacy cascade; drop schema throughline_migration cascade; create schema legacy"
        )
    await other.profile()
    other.approve()
    await other.run()
    return str(other.last(MigrationCompleted).certificate)


class _DiesAfterCommit(PostgresTargets):
    """The chunk is durable, the service is gone before it could say so."""

    def __init__(self, secrets: Path, writes: int) -> None:
        super().__init__(secrets)
        self._left = writes

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator[PostgresDatabase]:
        with super().open(endpoint) as database:
            write = database.write

            def dying(*arguments: Any) -> Any:
                entry = write(*arguments)
                self._left -= 1
                if self._left == 0:
                    raise ConnectionResetError("killed")
                return entry

            database.write = dying  # type: ignore[method-assign]
            yield database


async def test_chunk_that_was_durable_but_not_told_is_told_and_not_repeated(journey: Any) -> None:
    await approved(journey, dirty)

    with pytest.raises(ConnectionResetError):
        await journey.run(_DiesAfterCommit(journey.server.secrets, 3))
    told = len(journey.all(ChunkMigrated))
    await journey.run()

    assert told == 2
    assert _by_table(journey) == {"customer": 450, "staff": 6, "ticket": 454}
    assert journey.last(MigrationCompleted).rows_written == 894


async def test_limit_exceeded_leaves_the_target_as_it_was(journey: Any) -> None:
    await approved(journey, dirty, reject_limit=15)
    before = _inventory(journey)

    await journey.run()

    assert _inventory(journey) == before
    assert "16 rows turned away, 15 are allowed" in journey.last(MigrationAborted).reason


async def test_limit_that_is_just_reached_is_no_reason_to_stop(journey: Any) -> None:
    await approved(journey, dirty, reject_limit=16)

    await journey.run()

    assert journey.last(MigrationCompleted).rows_rejected == 16


def _inventory(journey: Any) -> Any:
    return journey.read(
        "select nspname, relname from pg_namespace left join pg_class on relnamespace = pg_namespace.oid"
        " where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1, 2"
    )


async def test_run_after_an_abort_starts_clean_and_succeeds(journey: Any) -> None:
    await approved(journey, dirty, reject_limit=15)
    await journey.run()

    journey.next_run(RestartMigration(requested_by="anna", reject_limit=20))
    await journey.run()

    completed = journey.last(MigrationCompleted)
    assert (completed.run, completed.rows_written, completed.rows_rejected) == (2, 894, 16)


async def test_killed_while_rolling_back_it_goes_on_rolling_back(journey: Any) -> None:
    await approved(journey, dirty, reject_limit=15)
    journey.killed_at = "abort"

    with pytest.raises(KeyboardInterrupt):
        await journey.run()
    await journey.run()

    assert len(journey.all(MigrationAborted)) == 1
    assert journey.read("select count(*) from pg_tables where schemaname = 'legacy'") == [(0,)]


@pytest.mark.parametrize("restarted", [False, True])
async def test_worker_given_up_for_dead_cannot_write_any_more(journey: Any, restarted: bool) -> None:
    await approved(journey, dirty, reject_limit=15)
    started = journey.last(MigrationStarted)
    await journey.run()
    if restarted:
        journey.next_run(RestartMigration(requested_by="anna", reject_limit=20))
        await journey.run()

    table = started.mapping.tables[0]
    late = Chunk(table.source, 9, 999, 1, ["1\tlate" + "\t\\N" * 6], [], 0.0)
    with PostgresTargets(journey.server.secrets).open(journey.endpoint) as database:
        with pytest.raises(TargetError, match="run 1 was rolled back"):
            database.write(1, "legacy", table, late)


class _Meddler(PostgresTargets):
    """Somebody changes the target between loading and proving."""

    def __init__(self, secrets: Path, statement: bytes) -> None:
        super().__init__(secrets)
        self._statement = statement

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator[PostgresDatabase]:
        with super().open(endpoint) as database:
            finish = database.finish

            def meddling(*arguments: Any) -> None:
                finish(*arguments)
                database._connection.execute(self._statement)

            database.finish = meddling  # type: ignore[method-assign]
            yield database


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (b"update legacy.customer set score = 0.3000000000000001 where score = 0.1::float8 + 0.2",
         "customer"),
        (b"update legacy.customer set name = 'NULl' where name = 'NULL'", "customer"),
        (b"update legacy.customer set photo = null where photo = '' and id > 100", "customer"),
        (b"update legacy.ticket set title = 'ticket 22' where id = 21", "ticket"),
        (b"delete from legacy.ticket where id = 21", "ticket"),
        (b"insert into legacy.staff values (70, 'new', null)", "staff"),
    ],
)  # fmt: skip
async def test_change_in_the_target_is_found_and_the_run_rolled_back(
    journey: Any, statement: bytes, table: str
) -> None:
    await approved(journey, dirty)
    before = _inventory(journey)

    await journey.run(_Meddler(journey.server.secrets, statement))

    assert {t.table: t.equal for t in journey.all(TableReconciled)} == {
        name: name != table for name in TABLES
    }
    assert journey.last(MigrationAborted).reason.startswith(f"{table}: ")
    assert _inventory(journey) == before


async def test_table_that_is_there_already_is_not_touched(journey: Any) -> None:
    await approved(journey, plain)
    with journey.postgres() as connection:
        connection.execute("create table legacy.ticket (kept int); insert into legacy.ticket values (1)")

    await journey.run()

    assert journey.last(MigrationAborted).reason == "legacy.ticket is there already and no run has made it"
    assert journey.read("select kept from legacy.ticket") == [(1,)]
    assert journey.read("select count(*) from pg_tables where schemaname = 'legacy'") == [(1,)]


async def test_table_without_rowids_and_column_named_rowid_are_moved(journey: Any) -> None:
    def make(journey: Any) -> None:
        script = (
            "create table pair (a text, b integer, primary key (a, b)) without rowid;"
            "create table odd (rowid text, v integer)"
        )
        with journey.sqlite(script) as legacy:
            legacy.executemany("insert into pair values (?, ?)", [(f"k{n % 7}", n) for n in range(250)])
            legacy.executemany("insert into odd values (?, ?)", [(f"r{n}", n) for n in range(250)])

    await approved(journey, make)
    await journey.run()

    assert journey.last(MigrationCompleted).rows_written == 500
    assert journey.read("select count(distinct b) from legacy.pair") == [(250,)]
    assert journey.read("select min(v), max(v) from legacy.odd where rowid ~ '^r'") == [(0, 249)]


async def test_tables_that_refer_to_each_other_are_moved(journey: Any) -> None:
    def make(journey: Any) -> None:
        journey.sqlite(
            """create table a (id integer primary key, b_id integer references b(id), n date);
               create table b (id integer primary key, a_id integer references a(id));
               insert into a values (1, 1, null), (2, 2, 'never'), (3, 3, null), (4, 4, null);
               insert into b values (1, 1), (2, 1), (3, 2), (4, 3);"""
        ).close()

    await approved(journey, make)
    await journey.run()

    # a2 is bad, so b3 has no parent, so a3 has none, so b4 has none, so a4 has none.
    assert journey.read("select id from legacy.a order by 1") == [(1,)]
    assert journey.read("select id from legacy.b order by 1") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("script", "reason"),
    [('create table t ("order date" text)', "order date"), ("create view v as select 1", "no tables")],
)
async def test_source_that_cannot_be_mapped_is_said(journey: Any, script: str, reason: str) -> None:
    journey.sqlite(script).close()

    await journey.profile()

    assert reason in journey.last(ProfilingFailed).reason


async def test_file_that_is_no_database_is_said(journey: Any) -> None:
    (journey.directory / "legacy.sqlite").write_text("id;name\n1;x\n")

    await journey.profile()

    assert journey.last(ProfilingFailed).reason == "legacy.sqlite is not a SQLite database"


async def test_link_that_leads_out_of_the_data_directory_is_not_followed(
    journey: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.sqlite"
    outside.write_bytes(b"SQLite format 3\0")
    (journey.directory / "legacy.sqlite").symlink_to(outside)

    await journey.profile()

    assert journey.last(ProfilingFailed).reason == "legacy.sqlite leads out of the data directory"


LEGACY = Path(__file__).parents[4] / "shared" / "data" / "legacy-db"


@pytest.mark.skipif(not LEGACY.is_dir(), reason=f"needs the shared legacy database at {LEGACY}")
async def test_shared_legacy_database_is_moved_with_exactly_the_planted_rows_left_out(journey: Any) -> None:
    (journey.directory / "legacy.sqlite").write_bytes((LEGACY / "legacy.sqlite").read_bytes())
    planted = json.loads((LEGACY / "manifest.json").read_text())["ids"]
    await journey.profile(chunk_rows=20_000)
    journey.approve()

    await journey.run()

    assert [table.equal for table in journey.all(TableReconciled)] == [True] * 3
    rejected: dict[str, set[str]] = {"customer": set(), "ticket": set(), "event": set()}
    for table, key in journey.read("select table_name, key from throughline_migration.rejects"):
        rejected[table].add(key)
    assert rejected["customer"] == _keys(planted, "customer", leave_out=("empty string",))
    assert rejected["event"] == _keys(planted, "event", leave_out=("json",))
    bad = _keys(planted, "ticket", leave_out=("elapsed", "[mysql]"))
    turned_away = ", ".join(sorted(rejected["customer"]))
    with journey.sqlite() as legacy:
        children = legacy.execute(f"select id from ticket where customer_id in ({turned_away})").fetchall()
    assert rejected["ticket"] == bad | {str(key) for (key,) in children}


def _keys(planted: dict[str, list[int]], table: str, leave_out: tuple[str, ...]) -> set[str]:
    return {
        str(key)
        for kind, keys in planted.items()
        if f"{table}." in kind and not any(words in kind for words in leave_out)
        for key in keys
    }
