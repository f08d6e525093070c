"""What a SQLite file says about its tables, and what its columns hold."""

# ruff: noqa: S608 - names cannot be parameters; they come from the catalogue of the file and are quoted

import sqlite3
from collections.abc import Sequence

from migration.adapters.sqlite_names import listed, quoted
from migration.engine.planning import SourceColumn, SourceTable
from migration.engine.types import target_type
from schemas.migration import ColumnProfile, Reference, TargetType

LIKELY_KEY = "id"
MAX_SHOWN = 120
_NUMBERS = (TargetType.BIGINT, TargetType.NUMERIC, TargetType.DOUBLE, TargetType.BOOLEAN)


def tables(connection: sqlite3.Connection) -> Sequence[SourceTable]:
    query = "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
    names = [name for (name,) in connection.execute(f"{query} order by rowid")]
    return [_table(connection, name, names) for name in names]


def _table(connection: sqlite3.Connection, name: str, names: Sequence[str]) -> SourceTable:
    # Hidden columns are those of virtual tables; generated ones (2, 3) hold values like any other.
    info = [row for row in connection.execute(f"pragma table_xinfo({quoted(name)})") if row[6] != 1]
    declared = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
    columns = tuple(
        SourceColumn(row[1], row[2] or "", bool(row[3]), _stored(connection, name, row[1], row[2]))
        for row in info
    )
    return SourceTable(
        name=name,
        columns=columns,
        key=declared or _likely_key(connection, name, names),
        references=_references(connection, name, names),
    )


def _stored(connection: sqlite3.Connection, table: str, column: str, declared: str) -> frozenset[str]:
    if declared:
        return frozenset()
    query = f"select distinct typeof({quoted(column)}) from {quoted(table)}"
    return frozenset(kind for (kind,) in connection.execute(query))


def _likely_key(connection: sqlite3.Connection, table: str, names: Sequence[str]) -> tuple[str, ...]:
    """Where no key is declared: what other tables refer to, else a column called `id`; neither counts when
    more than a tenth of its values are there twice."""
    candidates = [
        reference.target_columns
        for name in names
        for reference in _references(connection, name, names)
        if reference.table == table
    ]
    columns = [row[1] for row in connection.execute(f"pragma table_xinfo({quoted(table)})")]
    candidates += [(column,) for column in columns if column.lower() == LIKELY_KEY]
    return next((key for key in candidates if _is_nearly_unique(connection, table, key)), ())


def _is_nearly_unique(connection: sqlite3.Connection, table: str, key: Sequence[str]) -> bool:
    there = " and ".join(f"{quoted(name)} is not null" for name in key)
    inner = f"select count(*) as times from {quoted(table)} where {there} group by {listed(key)}"
    values, distinct = connection.execute(f"select sum(times), count(*) from ({inner})").fetchone()
    return bool(distinct * 10 >= (values or 0) * 9)


def _references(connection: sqlite3.Connection, table: str, names: Sequence[str]) -> tuple[Reference, ...]:
    actual = {name.lower(): name for name in names}
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for row in connection.execute(f"pragma foreign_key_list({quoted(table)})"):
        if row[2].lower() in actual:
            found.setdefault(row[0], []).append((actual[row[2].lower()], row[3], row[4]))
    references: list[Reference] = []
    for number in sorted(found):
        parts = found[number]
        parent = parts[0][0]
        targets = tuple(target for *_, target in parts if target) or _primary_key(connection, parent)
        columns = tuple(_spelled(connection, table, column) for _, column, _ in parts)
        if len(targets) == len(columns):
            spelled = tuple(_spelled(connection, parent, target) for target in targets)
            references.append(Reference(columns=columns, table=parent, target_columns=spelled))
    return tuple(references)


def _spelled(connection: sqlite3.Connection, table: str, column: str) -> str:
    """A declaration may write a name in other letters than the table does."""
    names = [row[1] for row in connection.execute(f"pragma table_xinfo({quoted(table)})")]
    return next((name for name in names if name.lower() == column.lower()), column)


def _primary_key(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    info = connection.execute(f"pragma table_info({quoted(table)})").fetchall()
    return tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])


def keeps_unique(connection: sqlite3.Connection, table: str, key: Sequence[str]) -> bool:
    """True where a primary key or a unique index over exactly these columns is declared."""
    if _primary_key(connection, table) == tuple(key):
        return True
    for index in connection.execute(f"pragma index_list({quoted(table)})").fetchall():
        if index[2] and not index[4]:
            columns = connection.execute(f"pragma index_info({quoted(index[1])})").fetchall()
            if {row[2] for row in columns} == set(key):
                return True
    return False


def addressed(connection: sqlite3.Connection, table: str) -> str:
    """The table as a relation with the column `address`: its rowid, under whichever of the three names
    no column has taken; without rowids, the number in the order of the primary key."""
    taken = {row[1].lower() for row in connection.execute(f"pragma table_xinfo({quoted(table)})")}
    (without_rowid,) = connection.execute(
        "select wr from pragma_table_list where schema = 'main' and name = ?", (table,)
    ).fetchone()
    free = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
    if without_rowid or not free:
        order = listed(_primary_key(connection, table)) or "1"
        return f"(select row_number() over (order by {order}) as address, * from {quoted(table)})"
    return f"(select {free[0]} as address, * from {quoted(table)})"


def column_profiles(connection: sqlite3.Connection, table: SourceTable) -> Sequence[ColumnProfile]:
    """One pass over the table. Minimum and maximum leave out what is not of the column's kind."""
    parts: list[str] = []
    for column in table.columns:
        name = quoted(column.name)
        comparable = f"case when {_is_comparable(column, name)} then {name} end"
        parts += [f"count({name})", f"count(distinct {name})", f"min({comparable})", f"max({comparable})"]
    values = connection.execute(f"select count(*), {', '.join(parts)} from {quoted(table.name)}").fetchone()
    rows, figures = values[0], values[1:]
    return [
        ColumnProfile(
            name=column.name,
            declared_type=column.declared_type,
            nulls=rows - figures[4 * n],
            distinct=figures[4 * n + 1],
            minimum=_shown(figures[4 * n + 2]),
            maximum=_shown(figures[4 * n + 3]),
        )
        for n, column in enumerate(table.columns)
    ]


def _is_comparable(column: SourceColumn, name: str) -> str:
    kind = target_type(column.declared_type, column.stored)[0]
    if kind in _NUMBERS:
        return f"typeof({name}) in ('integer', 'real')"
    return "0" if kind is TargetType.BYTEA else f"typeof({name}) = 'text'"


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, bytes):
        return None
    return str(value).replace("\0", "\N{SYMBOL FOR NULL}")[:MAX_SHOWN]
