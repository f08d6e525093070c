"""The target's half of the proof: PostgreSQL renders and hashes every row itself."""

from psycopg import sql

from schemas.migration import ColumnMapping, TableMapping, TargetType


def digest_query(schema: str, table: TableMapping) -> sql.Composed:
    """SHA-256 per row of `length:text` per value in UTF-8 octets, `-` for NULL, one after the other."""
    row = sql.SQL(" || ").join(_field(column) for column in table.columns)
    name = sql.Identifier(schema, table.target)
    return sql.SQL("copy (select sha256(convert_to({}, 'UTF8')) from {}) to stdout (format binary)").format(
        row, name
    )


def _field(column: ColumnMapping) -> sql.Composed:
    text = _text(column.type).format(sql.Identifier(column.target))
    return sql.SQL("coalesce(octet_length({}) || ':' || {}, '-')").format(text, text)


def _text(kind: TargetType) -> sql.SQL:
    if kind is TargetType.NUMERIC:
        return sql.SQL("trim_scale({})::text")
    if kind is TargetType.DOUBLE:
        return sql.SQL("encode(float8send({}), 'hex')")
    if kind is TargetType.BYTEA:
        return sql.SQL("encode({}, 'hex')")
    return sql.SQL("{}::text")
