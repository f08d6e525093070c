"""What commands print: JSON or lines on stdout."""

import asyncio
import json
import select
import sys
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from runtime.console import table
from runtime.errors import ReaderGone

READER_SECONDS = 0.3


def data(text: str) -> None:
    """Raises ReaderGone."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


async def while_read(following: Coroutine[Any, Any, None]) -> None:
    """Follow until the reader leaves: a quiet stream would never find out by writing."""
    task = asyncio.create_task(following)
    while not task.done() and not _reader_is_gone():
        await asyncio.wait([task], timeout=READER_SECONDS)
    if task.done():
        await task
    else:
        task.cancel()
        await asyncio.wait([task])


def _reader_is_gone() -> bool:
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)
    return any(happened & select.POLLERR for _, happened in watched.poll(0))


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
