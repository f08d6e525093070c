"""From what a legacy schema says to a mapping: types, keys, names and the order of loading."""

from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from migration.engine.types import target_type
from schemas.base import Ref
from schemas.migration import ColumnMapping, Mapping, Reference, TableMapping

MAX_NAME_BYTES = 63
_NAME: TypeAdapter[str] = TypeAdapter(Ref)


class Unsupported(ValueError):
    """The legacy schema holds something a mapping cannot express; the message says what, for a person."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    name: str
    declared_type: str
    required: bool = False
    stored: frozenset[str] = frozenset()
    """Storage classes found; only looked for where there is no declared type."""


@dataclass(frozen=True, slots=True)
class SourceTable:
    name: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


def derive(tables: Sequence[SourceTable], *, schema_name: str, version: int) -> Mapping:
    """Raises Unsupported."""
    if not tables:
        raise Unsupported("the source holds no tables")
    names = _targets([table.name for table in tables])
    ordered = load_order({table.name: [r.table for r in table.references] for table in tables})
    by_name = {table.name: table for table in tables}
    return Mapping(
        version=version,
        schema_name=schema_name,
        tables=tuple(_table(by_name[name], names[name]) for name in ordered),
    )


def _table(table: SourceTable, target: str) -> TableMapping:
    names = _targets([column.name for column in table.columns])
    return TableMapping(
        source=table.name,
        target=target,
        key=table.key,
        columns=tuple(_column(column, names[column.name], table.key) for column in table.columns),
        references=table.references,
    )


def _column(column: SourceColumn, target: str, key: Sequence[str]) -> ColumnMapping:
    kind, precision, scale = target_type(column.declared_type, column.stored)
    return ColumnMapping(
        source=column.name,
        target=target,
        type=kind,
        required=column.required or column.name in key,
        precision=precision,
        scale=scale,
    )


def _targets(names: Sequence[str]) -> Lookup[str, str]:
    """Lower case, which needs no quotes in PostgreSQL, unless two names would become one."""
    lowered = {name.lower() for name in names}
    targets = {name: name.lower() if len(lowered) == len(names) else name for name in names}
    for name in names:
        try:
            _NAME.validate_python(name)
        except ValidationError:
            raise Unsupported(f"the name {name!r} cannot be mapped: letters, digits, . _ - only") from None
        if len(name) > MAX_NAME_BYTES:
            raise Unsupported(f"the name {name} is longer than {MAX_NAME_BYTES} characters")
    return targets


def load_order(references: Lookup[str, Sequence[str]]) -> list[str]:
    """Referenced tables first. A circle is entered at the table that was named first."""
    ordered: list[str] = []
    waiting = list(references)
    while waiting:
        ready = [
            name
            for name in waiting
            if all(other in ordered or other == name or other not in references for other in references[name])
        ]
        placed = ready or waiting[:1]
        ordered += placed
        waiting = [name for name in waiting if name not in placed]
    return ordered


def circular(mapping: Mapping) -> set[str]:
    """Tables whose rejects cannot be known while loading in order: those that refer to themselves or to a
    table loaded later, and every table these depend on."""
    position = {table.source: n for n, table in enumerate(mapping.tables)}
    wanted = {
        table.source
        for table in mapping.tables
        if any(position[reference.table] >= position[table.source] for reference in table.references)
    }
    references = {table.source: {r.table for r in table.references} for table in mapping.tables}
    while more := set().union(*(references[name] for name in wanted)) - wanted if wanted else set():
        wanted |= more
    return wanted
