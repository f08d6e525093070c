"""From a legacy column's declared type to the type it gets in the target."""

import re
from collections.abc import Collection

from schemas.migration import TargetType

_DECLARED = re.compile(r"^\s*(?P<name>[A-Za-z ]+?)\s*(\(\s*(?P<p>\d+)\s*(,\s*(?P<s>\d+)\s*)?\))?\s*$")
# In this order: POINT contains INT, DATETIME contains DATE, DOUBLE PRECISION is no DECIMAL.
_WORDS: tuple[tuple[str, TargetType], ...] = (
    ("BOOL", TargetType.BOOLEAN),
    ("DATETIME", TargetType.TIMESTAMP),
    ("TIMESTAMP", TargetType.TIMESTAMP),
    ("DATE", TargetType.DATE),
    ("CHAR", TargetType.TEXT),
    ("CLOB", TargetType.TEXT),
    ("TEXT", TargetType.TEXT),
    ("BLOB", TargetType.BYTEA),
    ("BINARY", TargetType.BYTEA),
    ("BYTEA", TargetType.BYTEA),
    ("DEC", TargetType.NUMERIC),
    ("NUMERIC", TargetType.NUMERIC),
    ("MONEY", TargetType.NUMERIC),
    ("REAL", TargetType.DOUBLE),
    ("FLOA", TargetType.DOUBLE),
    ("DOUB", TargetType.DOUBLE),
    ("INT", TargetType.BIGINT),
)


def target_type(declared: str, stored: Collection[str]) -> tuple[TargetType, int | None, int | None]:
    """(type, precision, scale). `stored` are SQLite's storage classes found in the column; they decide
    where the declaration says nothing."""
    match = _DECLARED.match(declared)
    name = match["name"].upper() if match else declared.upper()
    found = next((kind for word, kind in _WORDS if word in name), None)
    if found is TargetType.NUMERIC and match and match["p"]:
        return found, int(match["p"]), int(match["s"] or 0)
    if found is not None:
        return found, None, None
    return _by_content(set(stored) - {"null"}) if not declared.strip() else TargetType.TEXT, None, None


def _by_content(stored: set[str]) -> TargetType:
    if stored == {"integer"}:
        return TargetType.BIGINT
    if stored and stored <= {"integer", "real"}:
        return TargetType.DOUBLE
    return TargetType.BYTEA if stored == {"blob"} else TargetType.TEXT
