"""The tables a run makes: created bare, constrained once they are full."""

import psycopg
from psycopg import sql

from migration.ports import TargetError
from schemas.migration import ColumnMapping, Mapping, TableMapping, TargetType


def create(connection: psycopg.Connection, schema: str, table: TableMapping) -> None:
    """Raises TargetError where something of that name is there already."""
    name = sql.Identifier(schema, table.target)
    columns = sql.SQL(", ").join(_column(column) for column in table.columns)
    try:
        connection.execute(sql.SQL("create table {} ({})").format(name, columns))
    except psycopg.errors.DuplicateTable:
        raise TargetError(f"{schema}.{table.target} is there already and no run has made it") from None
    except psycopg.errors.InvalidSchemaName:
        raise TargetError(f"the target has no schema {schema}") from None


def _column(column: ColumnMapping) -> sql.Composed:
    kind = column.type.value
    if column.type is TargetType.NUMERIC and column.precision is not None:
        kind = f"numeric({column.precision}, {column.scale or 0})"
    rule = sql.SQL(" not null" if column.required else "")
    return sql.SQL("{} {}{}").format(sql.Identifier(column.target), sql.SQL(kind), rule)


def copy_statement(schema: str, table: TableMapping) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier(column.target) for column in table.columns)
    return sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(schema, table.target), columns)


def constrain(connection: psycopg.Connection, mapping: Mapping) -> None:
    """Keys first, then references to them. A reference to other columns than a key stays unconstrained.
    Adding them to full tables is faster than loading against them; done twice, nothing changes."""
    by_source = {table.source: table for table in mapping.tables}
    for table in mapping.tables:
        if table.key and not _has(connection, mapping.schema_name, table, "p"):
            connection.execute(
                sql.SQL("alter table {} add primary key ({})").format(
                    sql.Identifier(mapping.schema_name, table.target), _names(table, table.key)
                )
            )
    for table in mapping.tables:
        if not _has(connection, mapping.schema_name, table, "f"):
            for reference in table.references:
                parent = by_source[reference.table]
                if set(reference.target_columns) == set(parent.key):
                    connection.execute(
                        sql.SQL("alter table {} add foreign key ({}) references {} ({})").format(
                            sql.Identifier(mapping.schema_name, table.target),
                            _names(table, reference.columns),
                            sql.Identifier(mapping.schema_name, parent.target),
                            _names(parent, reference.target_columns),
                        )
                    )


def _names(table: TableMapping, columns: tuple[str, ...]) -> sql.Composed:
    targets = {column.source: column.target for column in table.columns}
    return sql.SQL(", ").join(sql.Identifier(targets[name]) for name in columns)


def _has(connection: psycopg.Connection, schema: str, table: TableMapping, kind: str) -> bool:
    query = "select 1 from pg_constraint where conrelid = to_regclass(%s) and contype = %s"
    name = sql.Identifier(schema, table.target).as_string(connection)
    return connection.execute(query, (name, kind)).fetchone() is not None
