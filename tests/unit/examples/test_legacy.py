"""The legacy databases: deterministic, of the promised size, and wrong exactly as their manifests say."""

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from migration.adapters.sqlite_sources import SqliteSources
from migration.profiling import profile
from schemas.migration import Source, SourceKind

EXAMPLES = Path(__file__).parents[3] / "examples"
SIZES = {"rheintal-order-system": (200_000, 10), "harbour-clinic-identity": (5_000, 3)}


@dataclass(frozen=True)
class Made:
    """One generated database. Texts are read as bytes: some of them are no text."""

    name: str
    script: ModuleType
    file: Path
    manifest: dict[str, Any]
    seconds: float

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as database:
            database.text_factory = bytes
            return database.execute(query).fetchall()

    def values(self, table: str, column: str) -> Iterator[Any]:
        return (row[0] for row in self.rows(f"SELECT {column} FROM {table}"))

    def tables(self) -> list[str]:
        return [row[0].decode() for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def declared(self, table: str) -> dict[str, str]:
        return {row[1].decode(): row[2].decode() for row in self.rows(f"PRAGMA table_info({table})")}

    def references(self) -> Iterator[tuple[str, str, str, str]]:
        """(table, column, referenced table, referenced column)"""
        for table in self.tables():
            for row in self.rows(f"PRAGMA foreign_key_list({table})"):
                yield table, row[3].decode(), row[2].decode(), row[4].decode()


@pytest.fixture(scope="module", params=sorted(SIZES))
def made(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    load_script: Callable[[Path], ModuleType],
) -> Made:
    name = str(request.param)
    module, file = load_script(EXAMPLES / name / "make_legacy.py"), tmp_path_factory.mktemp(name) / "l.sqlite"
    started = time.process_time()
    module.make(file)
    seconds = time.process_time() - started
    manifest = json.loads(file.with_name("l.sqlite.manifest.json").read_text(encoding="utf-8"))
    return Made(name, module, file, manifest, seconds)


def test_holds_as_many_rows_and_tables_as_promised(made: Made) -> None:
    counts = {table: made.rows(f"SELECT count(*) FROM {table}")[0][0] for table in made.tables()}

    assert (sum(counts.values()), len(counts)) == SIZES[made.name]
    assert counts == made.manifest["tables"]


def test_is_made_within_three_seconds_of_processor_time(made: Made) -> None:
    assert made.seconds < 3


def test_equal_arguments_give_an_equal_file(made: Made, tmp_path: Path) -> None:
    made.script.make(tmp_path / "again.sqlite")

    again = (tmp_path / "again.sqlite").read_bytes()
    assert hashlib.sha256(again).hexdigest() == hashlib.sha256(made.file.read_bytes()).hexdigest()


def test_another_seed_gives_another_file(made: Made, tmp_path: Path) -> None:
    made.script.make(tmp_path / "other.sqlite", seed=20)

    assert (tmp_path / "other.sqlite").read_bytes() != made.file.read_bytes()


def test_fewer_rows_still_carry_every_kind_of_defect(made: Made, tmp_path: Path) -> None:
    small = made.script.make(tmp_path / "small.sqlite", rows=2_000)

    assert sum(small["tables"].values()) == 2_000
    assert {d["kind"] for d in small["defects"]} == {d["kind"] for d in made.manifest["defects"]}


def test_manifest_counts_what_is_wrong_and_nothing_else_is(made: Made) -> None:
    planted = {(d["table"], d["column"], d["kind"]): d["rows"] for d in made.manifest["defects"]}

    assert dict(found(made)) == planted
    assert made.manifest["defective_rows"] == sum(planted.values())


def test_sound_rows_refer_to_sound_rows_only(made: Made) -> None:
    bad = defective(made)
    for table, column, other, key in made.references():
        bad_keys = {row[1] for row in made.rows(f"SELECT rowid, {key} FROM {other}") if row[0] in bad[other]}
        unique = {row[0] for row in made.rows(f"SELECT {key} FROM {other} GROUP BY 1 HAVING count(*) = 1")}
        sound = (row for row in made.rows(f"SELECT rowid, {column} FROM {table}") if row[0] not in bad[table])

        assert not [value for _, value in sound if value in bad_keys & unique]


def test_migrations_own_profile_finds_what_was_planted(made: Made) -> None:
    with SqliteSources(made.file.parent).open(
        Source(kind=SourceKind.SQLITE, location=made.file.name)
    ) as source:
        profiled = profile(source, schema_name="core", version=1)

    anomalies = {(a.table, a.column, a.kind.value): a.rows for a in profiled.anomalies}
    assert anomalies == {(d["table"], d["column"], d["kind"]): d["rows"] for d in made.manifest["defects"]}
    assert {t.name: t.rows for t in profiled.tables} == made.manifest["tables"]


def found(made: Made) -> Counter[tuple[str, str, str]]:
    """Every defect, counted by rules written apart from the generator's."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for table in made.tables():
        for column, declared in made.declared(table).items():
            kinds = (wrong(value, declared) for value in made.values(table, column))
            counted.update((table, column, kind) for kind in kinds if kind)
    for table, column, other, key in made.references():
        known = set(made.values(other, key))
        orphans = sum(v is not None and v not in known for v in made.values(table, column))
        counted.update({(table, column, "orphaned_key"): orphans} if orphans else {})
    for table, key in keys(made):
        values = list(made.values(table, key))
        repeated = len([v for v in values if v is not None]) - len(set(values) - {None})
        counted.update({(table, key, "duplicate_key"): repeated} if repeated else {})
        missing = sum(v is None for v in values)
        counted.update({(table, key, "missing_value"): missing} if missing else {})
    return counted


def keys(made: Made) -> set[tuple[str, str]]:
    referenced = {(other, key) for _, _, other, key in made.references()}
    declared = {
        (table, row[1].decode())
        for table in made.tables()
        for row in made.rows(f"PRAGMA table_info({table})")
        if row[5] == 1 and not any(r[5] > 1 for r in made.rows(f"PRAGMA table_info({table})"))
    }
    return referenced | declared


def defective(made: Made) -> dict[str, set[int]]:
    rows: dict[str, set[int]] = {table: set() for table in made.tables()}
    for table in rows:
        for column, declared in made.declared(table).items():
            pairs = made.rows(f"SELECT rowid, {column} FROM {table}")
            rows[table] |= {rowid for rowid, value in pairs if wrong(value, declared)}
    for table, column, other, key in made.references():
        known = set(made.values(other, key))
        pairs = made.rows(f"SELECT rowid, {column} FROM {table}")
        rows[table] |= {rowid for rowid, value in pairs if value is not None and value not in known}
    return rows


def wrong(value: Any, declared: str) -> str | None:
    """The kind of defect of one value, judged by its column's declared type alone."""
    if value is None:
        return None
    kind = declared.partition("(")[0]
    if kind in ("VARCHAR", "CHAR", "TEXT"):
        return wrong_text(value)
    if kind in ("DECIMAL", "REAL", "INTEGER"):
        return None if isinstance(value, int | float) else "bad_number"
    if kind in ("DATE", "TIMESTAMP"):
        return None if is_moment(value, "%Y-%m-%d" + " %H:%M:%S" * (kind == "TIMESTAMP")) else "bad_date"
    if kind == "BOOLEAN":
        return None if value in (0, 1) else "bad_boolean"
    assert kind == "BLOB"
    return None


def wrong_text(value: bytes) -> str | None:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "bad_encoding"
    return "nul_character" if "\x00" in text else None


def is_moment(value: Any, form: str) -> bool:
    try:
        return bool(datetime.strptime(value.decode(), form))
    except (ValueError, AttributeError):
        return False
