"""`logs`: the log files of a run, one or all, with the name of their process before each line."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout, base_port
from runtime.processes import tail

POLL_SECONDS = 0.2


def show(service: str, *, follow: bool, lines: int) -> int:
    """Raises CommandFailed (2) for a name that has no log, (69) where there are none."""
    layout = Layout.for_port(base_port())
    files = _files(layout, service)
    width = max(len(file.stem) for file in files)
    sizes = {file: file.stat().st_size for file in files}
    for file in files:
        _write(file, tail(file, lines), width, alone=len(files) == 1)
    while follow:
        for file, text in _news(sizes):
            _write(file, text, width, alone=len(files) == 1)
        time.sleep(POLL_SECONDS)
    return Exit.OK


def _files(layout: Layout, service: str) -> list[Path]:
    every = sorted(layout.logs.glob("*.log")) if layout.logs.is_dir() else []
    if not every:
        raise CommandFailed(Exit.UNREACHABLE, "no logs yet; start a stack with: throughline up")
    wanted = [file for file in every if service in ("", file.stem)]
    if not wanted:
        names = ", ".join(file.stem for file in every)
        raise CommandFailed(Exit.USAGE, f"no log of {service!r}; there are: {names}")
    return wanted


def _news(sizes: dict[Path, int]) -> Iterator[tuple[Path, list[str]]]:
    for file, seen in sizes.items():
        size = file.stat().st_size if file.exists() else 0
        # A new run starts its files anew.
        start = seen if size >= seen else 0
        if size == start:
            continue
        with file.open("rb") as handle:
            handle.seek(start)
            fresh = handle.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        sizes[file] = start + len(whole)
        if whole:
            yield file, whole.decode(errors="replace").splitlines()


def _write(file: Path, lines: list[str], width: int, *, alone: bool) -> None:
    prefix = "" if alone else f"{file.stem:<{width}} | "
    for line in lines:
        sys.stdout.write(f"{prefix}{line}\n")
    sys.stdout.flush()
