"""What commands print: JSON or lines on stdout."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from runtime.console import table


def data(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def as_json(value: Any) -> None:
    data(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def as_json_line(value: Any) -> None:
    data(json.dumps(value, ensure_ascii=False, default=str))


def as_table(rows: Iterable[Sequence[object]], header: Sequence[str], empty: str) -> None:
    """The header goes with the data; an empty list is said on stderr, so that stdout stays data."""
    texts = [["-" if cell in (None, "") else str(cell) for cell in row] for row in rows]
    if not texts:
        note(empty)
        return
    for line in table(texts, header):
        data(line)


def note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
