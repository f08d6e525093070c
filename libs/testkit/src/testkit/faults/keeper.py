"""Processes that are started, killed, stopped and started again; who died by itself is written down."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from runtime.processes import Child, ProcessSpec, exit_phrase, start

RESTART_SECONDS = 0.3


@dataclass
class Memory:
    """Megabytes resident: when first looked at, when last, and at most."""

    first: int = 0
    last: int = 0
    most: int = 0

    def note(self, megabytes: int) -> None:
        self.first, self.last = self.first or megabytes, megabytes or self.last
        self.most = max(self.most, megabytes)


@dataclass
class Kept:
    spec: ProcessSpec
    child: Child
    is_wanted: bool = True
    may_end: bool = False
    restarts: int = 0
    memory: Memory = field(default_factory=Memory)


@dataclass
class Keeper:
    """`deaths` are ends that nobody here asked for: name and how it ended."""

    kept: dict[str, Kept] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    kills: int = 0
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def launch(self, spec: ProcessSpec) -> None:
        """Start and keep it running; returns at once."""
        self.kept[spec.name] = Kept(spec, await start(spec))
        task = asyncio.create_task(self._keep(self.kept[spec.name]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until_ready(self, name: str, seconds: float = 90.0) -> None:
        """Raises TimeoutError naming what it waits for."""
        deadline, kept = time.monotonic() + seconds, self.kept[name]
        while waits_for := await kept.spec.ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not ready after {seconds:.0f} s: waits for {waits_for}")
            await asyncio.sleep(0.2)

    async def _keep(self, kept: Kept) -> None:
        while True:
            code = await kept.child.process.wait()
            if not kept.is_wanted:
                return
            if code != -signal.SIGKILL and not kept.may_end:
                self.deaths.append(f"{kept.spec.name} {exit_phrase(code)} after {kept.child.age:.0f} s")
            await asyncio.sleep(RESTART_SECONDS)
            if kept.is_wanted:
                kept.child = await start(kept.spec)
                kept.restarts += 1

    def signal(self, name: str, number: signal.Signals) -> None:
        self.kills += number is signal.SIGKILL
        self.kept[name].child.signal(number)

    async def replace(self, name: str, **changes: object) -> None:
        """Kill it, and start it again with another command line or environment."""
        kept = self.kept[name]
        kept.spec = replace(kept.spec, **changes)  # type: ignore[arg-type]  # names are checked by dataclasses
        kept.child.signal(signal.SIGKILL)
        await asyncio.sleep(RESTART_SECONDS * 2)

    async def dismiss(self, name: str, *, kindly: bool = True) -> None:
        """Stop it for good: with SIGTERM and a deadline, or at once."""
        kept = self.kept[name]
        kept.is_wanted = False
        kept.child.signal(signal.SIGCONT)
        if not kindly:
            self.signal(name, signal.SIGKILL)
        await kept.child.stop()

    async def stop(self) -> None:
        """Everything, the services first."""
        for tier in sorted({kept.spec.tier for kept in self.kept.values()}, reverse=True):
            names = [name for name, kept in self.kept.items() if kept.spec.tier == tier]
            await asyncio.gather(*(self.dismiss(name) for name in names))

    def sample_memory(self) -> None:
        for kept in self.kept.values():
            kept.memory.note(resident_megabytes(kept.child.process.pid))

    @property
    def memory(self) -> Mapping[str, Memory]:
        return {name: kept.memory for name, kept in self.kept.items()}


def resident_megabytes(pid: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1_048_576
    return 0
