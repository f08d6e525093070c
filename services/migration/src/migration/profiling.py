"""Looking a legacy database over: what is there, what is wrong with it, how it would be moved."""

from collections.abc import Iterator, Sequence

from migration.engine.conversion import RowConverter
from migration.engine.planning import SourceTable, derive
from migration.ports import LegacyDatabase
from schemas.migration import (
    Anomaly,
    AnomalyKind,
    RecordProfile,
    TableMapping,
    TableProfile,
)

ROWS_AT_ONCE = 10_000
MAX_SAMPLES = 5
MAX_KEY_LENGTH = 200
# Duplicates and orphans are collected as addresses; more of them than this are counted as this many.
MAX_COLLECTED = 1_000_000


def profile(source: LegacyDatabase, *, schema_name: str, version: int) -> RecordProfile:
    """Reads every row once. Raises SourceError, or Unsupported for a schema that cannot be mapped."""
    tables = {table.name: table for table in source.tables()}
    mapping = derive(list(tables.values()), schema_name=schema_name, version=version)
    anomalies = [anomaly for table in mapping.tables for anomaly in _anomalies(source, table)]
    profiles = [_table(source, tables[table.source]) for table in mapping.tables]
    return RecordProfile(tables=tuple(profiles), anomalies=tuple(anomalies), mapping=mapping)


def _table(source: LegacyDatabase, table: SourceTable) -> TableProfile:
    columns = tuple(source.column_profiles(table))
    return TableProfile(name=table.name, rows=source.count(table.name), columns=columns)


class _Findings:
    """Anomalies of one table, counted, with the first few keys of each."""

    def __init__(self, table: TableMapping) -> None:
        self._table = table
        self._found: dict[tuple[str, AnomalyKind], tuple[int, list[str]]] = {}

    def add(self, column: str, kind: AnomalyKind, key: str) -> None:
        rows, samples = self._found.get((column, kind), (0, []))
        if len(samples) < MAX_SAMPLES:
            samples.append(key)
        self._found[column, kind] = rows + 1, samples

    def __iter__(self) -> Iterator[Anomaly]:
        for (column, kind), (rows, samples) in sorted(self._found.items()):
            yield Anomaly(
                table=self._table.source, column=column, kind=kind, rows=rows, sample_keys=tuple(samples)
            )


def _anomalies(source: LegacyDatabase, table: TableMapping) -> Iterator[Anomaly]:
    findings = _Findings(table)
    names = [column.source for column in table.columns]
    converter = RowConverter(table.columns)
    last, rows = -(2**63), source.rows(table.source, names, -(2**63), ROWS_AT_ONCE)
    while rows:
        for row in rows:
            for bad in converter.complaints(row[1:]):
                findings.add(bad.column, bad.kind, key_of(table, names, row))
        last = int(str(rows[-1][0]))
        rows = source.rows(table.source, names, last, ROWS_AT_ONCE)
    for address in source.duplicates(table, MAX_COLLECTED):
        findings.add(table.key[0], AnomalyKind.DUPLICATE_KEY, _key_at(source, table, names, address))
    for address, column in source.orphans(table, MAX_COLLECTED):
        findings.add(column, AnomalyKind.ORPHANED_KEY, _key_at(source, table, names, address))
    yield from findings


def _key_at(source: LegacyDatabase, table: TableMapping, names: Sequence[str], address: int) -> str:
    return key_of(table, names, source.rows(table.source, names, address - 1, 1)[0])


def key_of(table: TableMapping, names: Sequence[str], row: Sequence[object]) -> str:
    """What a person finds the row by: its key, or its address where it has none."""
    parts = [row[1 + names.index(name)] for name in table.key]
    if not parts or None in parts:
        return f"row {row[0]}"
    return ", ".join(str(part) for part in parts).replace("\0", "\N{SYMBOL FOR NULL}")[:MAX_KEY_LENGTH]
