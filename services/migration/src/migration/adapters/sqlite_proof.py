"""The source's half of the proof: a second reading, coded apart from conversion, that says what each row
must look like when it has arrived. Nothing of `engine.conversion` may be used here."""

# ruff: noqa: S608 - names cannot be parameters; they come from the catalogue of the file and are quoted

import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from migration.adapters.sqlite_names import quoted
from migration.engine.digest import row_hash
from schemas.migration import ColumnMapping, TableMapping, TargetType

Renderer = Callable[[object], str]
_ROWS_AT_ONCE = 5_000


def hashes(
    connection: sqlite3.Connection, relation: str, table: TableMapping, rejected: frozenset[int]
) -> Iterator[bytes]:
    """SHA-256 of `length:text` per value in UTF-8 octets, `-` for NULL, one after the other."""
    expressions, renderers = _pieces(table.columns)
    cursor = connection.execute(f"select address, {', '.join(expressions)} from {relation}")
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for address, *pieces in rows:
            if address not in rejected:
                yield row_hash(_canonical(renderers, pieces))


def _pieces(columns: Sequence[ColumnMapping]) -> tuple[list[str], list[Renderer | None]]:
    """What SQLite is asked for, and what is still to be done with each piece. Neighbouring columns that
    SQLite renders itself are one finished piece; the others come as they are, with their renderer."""
    expressions: list[str] = []
    renderers: list[Renderer | None] = []
    for column in columns:
        render = _RENDERERS.get(column.type)
        if render is not None:
            expressions.append(quoted(column.source))
        elif renderers and renderers[-1] is None:
            expressions[-1] += f" || {_field(column)}"
            continue
        else:
            expressions.append(_field(column))
        renderers.append(render)
    return expressions, renderers


def _field(column: ColumnMapping) -> str:
    text = _text(column)
    return f"coalesce(length(cast({text} as blob)) || ':' || {text}, '-')"


def _text(column: ColumnMapping) -> str:
    name = quoted(column.source)
    if column.type is TargetType.BYTEA:
        return f"case when {name} is not null then lower(hex({name})) end"
    if column.type is TargetType.BOOLEAN:
        positive = f"lower(cast({name} as text)) in ('1', 'true', 't', 'yes', 'y')"
        return f"case when {name} is null then null when {positive} then 'true' else 'false' end"
    return f"cast({name} as text)"


def _canonical(renderers: Sequence[Renderer | None], pieces: Sequence[object]) -> bytes:
    parts: list[str] = []
    for render, piece in zip(renderers, pieces, strict=True):
        if render is None:
            parts.append(str(piece))
        elif piece is None:
            parts.append("-")
        else:
            shown = render(piece)
            parts.append(f"{len(shown)}:{shown}")
    return "".join(parts).encode()


def shortest_decimal(value: object) -> str:
    """Plain digits without superfluous zeros: 12.50 and 1250E-2 are both 12.5."""
    digits = repr(value) if isinstance(value, float) else str(value)
    sign = "-" if digits.startswith("-") else ""
    mantissa, _, exponent = digits.lstrip("+-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    if shift := int(exponent or 0):
        whole, fraction = _shifted(whole, fraction, shift)
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if whole == "0" and not fraction:
        return "0"
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _shifted(whole: str, fraction: str, shift: int) -> tuple[str, str]:
    if shift > 0:
        padded = fraction.ljust(shift, "0")
        return whole + padded[:shift], padded[shift:]
    padded = whole.rjust(-shift + 1, "0")
    return padded[:shift], padded[shift:] + fraction


def double_bits(value: object) -> str:
    return struct.pack(">d", value).hex()


def utc_timestamp(value: object) -> str:
    """As PostgreSQL writes it in UTC: `2024-05-06 07:08:09.5+00`."""
    shown = str(value)
    if len(shown) == 19 and shown[10] == " ":
        return f"{shown}+00"
    date_part, time_part, zone = shown[:10], shown[11:], ""
    for sign in ("Z", "+", "-"):
        if sign in time_part:
            time_part, _, zone = time_part.partition(sign)
            zone = sign + zone
            break
    if zone not in ("", "Z"):
        moment = datetime.fromisoformat(f"{date_part} {time_part}{zone}").astimezone(UTC)
        date_part, time_part = moment.strftime("%Y-%m-%d").rjust(10, "0"), moment.strftime("%H:%M:%S.%f")
    time_part = f"{time_part}{'00:00:00'[len(time_part) :]}" if len(time_part) < 8 else time_part
    whole, _, fraction = time_part.partition(".")
    fraction = fraction.rstrip("0")
    return f"{date_part} {whole}{'.' if fraction else ''}{fraction}+00"


# In Python, because SQLite prints only 15 digits of a double; all of them give ASCII.
_RENDERERS: Mapping[TargetType, Renderer] = {
    TargetType.NUMERIC: shortest_decimal,
    TargetType.DOUBLE: double_bits,
    TargetType.TIMESTAMP: utc_timestamp,
}
