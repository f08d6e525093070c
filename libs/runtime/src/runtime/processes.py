"""Starting and stopping one child so that it cannot outlive us."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Probe = Callable[[], Awaitable[str]]
"""Empty when ready, otherwise what is still being waited for."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """What to run and when it counts as ready. Higher tiers start later and stop earlier.

    `what` says to a person what it is.
    """

    name: str
    what: str = ""
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    port: int
    tier: int
    ready: Probe
    ready_seconds: float = 60.0
    stop_seconds: float = 10.0


@dataclass(slots=True)
class Child:
    spec: ProcessSpec
    process: asyncio.subprocess.Process
    started: float

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def stop(self) -> None:
        """SIGTERM to its group, SIGKILL after the deadline of its spec."""
        if self.alive:
            self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), self.spec.stop_seconds)
        # Its group may hold children of its own that ignored the first signal.
        self.signal(signal.SIGKILL)
        await self.process.wait()


def _tied_to(parent: int) -> Callable[[], None]:
    """For the moment between fork and exec: end when the parent does (only Linux has that)."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def tie() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return tie


async def start(spec: ProcessSpec) -> Child:
    """Output of both kinds goes to the log file; the child leads a group of its own, deaf to our Ctrl-C."""
    with spec.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *spec.argv,
            env=dict(spec.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_tied_to(os.getpid()),
        )
    return Child(spec, process, time.monotonic())


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log; [] where there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 64_000))
            return handle.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def exit_phrase(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"exited with {code}"
