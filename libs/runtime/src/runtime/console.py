"""Lines for a person: aligned, coloured only on a terminal, never redrawn."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

WIDTH = 120
_STYLES = {"good": "32", "bad": "31", "dim": "2", "bold": "1", "warn": "33"}


class Console:
    """Writes to one stream; `plain` where it is no terminal or NO_COLOR is set."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.plain = bool(os.environ.get("NO_COLOR")) or not self.stream.isatty()

    @property
    def width(self) -> int:
        """Columns of the reader's terminal; 120 where there is none."""
        return shutil.get_terminal_size((WIDTH, 24)).columns if self.stream.isatty() else WIDTH

    def line(self, text: str = "") -> None:
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def lines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.line(text)

    def styled(self, text: str, style: str) -> str:
        return text if self.plain else f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def stage(self, name: str, what: str, where: str = "", seconds: float | None = None) -> None:
        """One finished step of starting or stopping: `kafka  tansu, in memory  127.0.0.1:8401  0.2 s`."""
        took = "" if seconds is None else f"{seconds:.1f} s"
        place = f"{what:<54} {where:<18}" if where else f"{what:<73}"
        self.line(f"  {name:<13}{place} {took:>7}".rstrip())


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> list[str]:
    """Left-aligned columns, two blanks between them."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def counted(number: int, noun: str) -> str:
    """`1 letter`, `2 letters`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock(at: datetime) -> str:
    """A moment's time of day to the second, in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def instant(nanoseconds: int) -> str:
    """A moment since the epoch, to the second, in UTC."""
    return f"{datetime.fromtimestamp(nanoseconds / 1e9, UTC):%Y-%m-%d %H:%M:%S}"


def length(nanoseconds: int) -> str:
    """A duration in the unit that a person would say it in."""
    seconds = nanoseconds / 1e9
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def moment(text: str | None) -> str:
    """An ISO timestamp as people read it, to the second, in UTC."""
    return text[:19].replace("T", " ") if text else ""
