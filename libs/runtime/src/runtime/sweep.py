"""Ends whatever a run has left behind, found in /proc by the mark that its processes inherit."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "THROUGHLINE_RUN_ID"


def leftovers(run_id: str, data: Path) -> set[int]:
    """Live processes of the run. PostgreSQL overwrites its environment, so it is known by its folder."""
    mark = f"{MARK}={run_id}".encode()
    own = {os.getpid()}
    return {pid for pid in _pids() if pid not in own and (_is_marked(pid, mark) or _is_postgres(pid, data))}


def _pids() -> Iterator[int]:
    if Path("/proc").is_dir():
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        marked = mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return marked and not _is_zombie(pid)
    except OSError:
        return False


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _is_postgres(pid: int, data: Path) -> bool:
    try:
        folder = Path(os.readlink(f"/proc/{pid}/cwd"))
        return Path(os.readlink(f"/proc/{pid}/exe")).name == "postgres" and folder.is_relative_to(data)
    except OSError:
        return False


def sweep(run_id: str, data: Path, *, grace_seconds: float) -> int:
    """Ask them all to end, kill those that have not after the grace, and return how many there were."""
    found = leftovers(run_id, data)
    for pid in found:
        # PostgreSQL waits for its clients on SIGTERM, and drops them on SIGINT.
        _signal(pid, signal.SIGINT if _is_postgres(pid, data) else signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while (left := leftovers(run_id, data)) and time.monotonic() < deadline + 5:
        if time.monotonic() > deadline:
            for pid in left:
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(found)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
