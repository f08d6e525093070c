"""Legacy values to PostgreSQL's COPY text, strictly: a value arrives as it was or is refused with a kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from math import isfinite

from schemas.migration import AnomalyKind, ColumnMapping, TargetType

NULL = r"\N"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_BOOLEANS = {"true": "t", "t": "t", "yes": "t", "y": "t", "false": "f", "f": "f", "no": "f", "n": "f"}
_EXACT_INTEGERS = 2**53
_EXACT_DIGITS = 15

Converter = Callable[[object], str]


class Undecodable(bytes):
    """What the source stores as text although it is no UTF-8."""


class BadValue(ValueError):
    def __init__(self, kind: AnomalyKind) -> None:
        super().__init__(kind)
        self.kind = kind


class BadRow(ValueError):
    """The first value of a row that cannot be taken over."""

    def __init__(self, column: str, kind: AnomalyKind) -> None:
        super().__init__(f"{column}: {kind}")
        self.column, self.kind = column, kind


def text(value: object) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise BadValue(AnomalyKind.NUL_CHARACTER)
        return _escaped(value)
    if isinstance(value, bytes):
        raise BadValue(AnomalyKind.BAD_ENCODING)
    return repr(value)


def _escaped(value: str) -> str:
    # Four scans in C are faster than one `translate`, and most values hold none of the four.
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value:
        value = value.replace("\n", "\\n")
    if "\t" in value:
        value = value.replace("\t", "\\t")
    return value.replace("\r", "\\r") if "\r" in value else value


def bigint(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    raise BadValue(AnomalyKind.BAD_NUMBER)


def numeric(value: object, precision: int | None, scale: int | None) -> str:
    """Exact decimal digits. A double stands for the decimal of at most 15 digits that reads back as the same
    double; where it needs more, the decimal that was meant is lost and the value is refused."""
    if isinstance(value, int):
        digits = str(value)
    elif isinstance(value, float) and isfinite(value) and _significant(repr(value)) <= _EXACT_DIGITS:
        digits = repr(value) if "e" not in repr(value) else format(Decimal(repr(value)), "f")
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        digits = value
    else:
        raise BadValue(AnomalyKind.BAD_NUMBER)
    if precision is not None and not _fits(digits, precision, scale or 0):
        raise BadValue(AnomalyKind.BAD_NUMBER)
    return digits


def _significant(shown: str) -> int:
    mantissa = shown.partition("e")[0].lstrip("-0.")
    return len(mantissa.replace(".", "").rstrip("0"))


def _fits(digits: str, precision: int, scale: int) -> bool:
    whole, _, fraction = digits.lstrip("+-").partition(".")
    return len(whole.lstrip("0")) <= precision - scale and len(fraction.rstrip("0")) <= scale


def double(value: object) -> str:
    if isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_INTEGERS):
        return repr(value)
    raise BadValue(AnomalyKind.BAD_NUMBER)


def boolean(value: object) -> str:
    if value in (0, 1) and isinstance(value, int):
        return "t" if value else "f"
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise BadValue(AnomalyKind.BAD_BOOLEAN)


def day(value: object) -> str:
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise BadValue(AnomalyKind.BAD_DATE)


def timestamp(value: object) -> str:
    """Without an offset it counts as UTC; more than microseconds would be cut, so it is refused."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        raise BadValue(AnomalyKind.BAD_DATE)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValue(AnomalyKind.BAD_DATE) from None
    if match[1] is None:
        return f"{value} 00:00:00+00"
    return value if match[4] else f"{value}+00"


def binary(value: object) -> str:
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    raise BadValue(AnomalyKind.BAD_ENCODING)


_CONVERTERS: Mapping[TargetType, Converter] = {
    TargetType.TEXT: text,
    TargetType.BIGINT: bigint,
    TargetType.DOUBLE: double,
    TargetType.BOOLEAN: boolean,
    TargetType.DATE: day,
    TargetType.TIMESTAMP: timestamp,
    TargetType.BYTEA: binary,
}


class RowConverter:
    """Turns a row's values, in the order of the mapping's columns, into one line of COPY text."""

    def __init__(self, columns: Sequence[ColumnMapping]) -> None:
        self._columns = columns
        self._converters = [converter(column) for column in columns]
        self._required = [n for n, column in enumerate(columns) if column.required]

    def line(self, values: Sequence[object]) -> str:
        """Raises BadRow naming the first column that is missing or bad."""
        for n in self._required:
            if values[n] is None:
                raise BadRow(self._columns[n].source, AnomalyKind.MISSING_VALUE)
        try:
            return "\t".join(
                [
                    NULL if value is None else convert(value)
                    for convert, value in zip(self._converters, values, strict=True)
                ]
            )
        except BadValue:
            raise self.complaints(values)[0] from None

    def complaints(self, values: Sequence[object]) -> list[BadRow]:
        """Everything wrong with a row, column by column."""
        found: list[BadRow] = []
        for column, convert, value in zip(self._columns, self._converters, values, strict=True):
            try:
                if value is not None:
                    convert(value)
                elif column.required:
                    raise BadValue(AnomalyKind.MISSING_VALUE)
            except BadValue as error:
                found.append(BadRow(column.source, error.kind))
        return found


def converter(column: ColumnMapping) -> Converter:
    if column.type is TargetType.NUMERIC:
        return partial(numeric, precision=column.precision, scale=column.scale)
    return _CONVERTERS[column.type]
