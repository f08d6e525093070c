"""Starts the processes of one run in their order, keeps them running, and stops them in reverse."""

import asyncio
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.console import Console
from runtime.errors import CommandFailed, Exit
from runtime.hints import crash_report
from runtime.processes import Child, ProcessSpec, exit_phrase, start
from runtime.sweep import sweep

MAX_CRASHES = 3
CRASH_WINDOW_SECONDS = 60.0
POLL_SECONDS = 0.1
SETTLE_SECONDS = 0.2
LAST_SERVER_TIER = 2


@dataclass(slots=True)
class Managed:
    """A process we answer for, over its restarts."""

    spec: ProcessSpec
    child: Child
    ready: bool = False
    restarts: int = 0
    crashes: deque[float] = field(default_factory=deque)


class Stack:
    """`on_change` is called whenever a process has been started or has become ready."""

    def __init__(self, run_id: str, data: Path, console: Console, on_change: Callable[[], None]) -> None:
        self.processes: dict[str, Managed] = {}
        self.failure: asyncio.Future[CommandFailed] = asyncio.get_running_loop().create_future()
        self._run_id, self._data, self._console, self._on_change = run_id, data, console, on_change
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._watchdog: asyncio.subprocess.Process | None = None
        self._on_broker_restart: Callable[[], Awaitable[object]] | None = None

    async def guard(self) -> None:
        """Start the watchdog: from here on our own sudden end takes everything with it."""
        self._watchdog = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.watchdog", self._run_id, str(self._data)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def launch(self, specs: Sequence[ProcessSpec]) -> None:
        """Start all of them and wait until each is ready. Raises CommandFailed when one cannot be."""
        for spec in specs:
            self.processes[spec.name] = Managed(spec, await start(spec))
            self._spawn(self._keep_running(self.processes[spec.name]))
        self._on_change()
        waits = asyncio.gather(*(self._until_ready(self.processes[spec.name]) for spec in specs))
        ends: set[asyncio.Future[Any]] = {waits, self.failure}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
        if self.failure.done():
            raise self.failure.result()
        # A probe that broke has not said that its process is ready.
        waits.result()

    def recreate_on_broker_restart(self, apply_topics: Callable[[], Awaitable[object]]) -> None:
        """The embedded broker forgets everything: topics are made again before the services come back."""
        self._on_broker_restart = apply_topics

    async def _until_ready(self, managed: Managed) -> None:
        deadline = time.monotonic() + managed.spec.ready_seconds
        waiting_for = "its first answer"
        while time.monotonic() < deadline:
            # A child that lost its port to somebody else needs a moment to die of it.
            settled = managed.child.alive and managed.child.age > SETTLE_SECONDS
            if settled and not (waiting_for := await managed.spec.ready()) and managed.child.alive:
                managed.ready = True
                self._on_change()
                return
            await asyncio.sleep(POLL_SECONDS)
        seconds = managed.spec.ready_seconds
        self._fail(managed, f"not ready after {seconds:.0f} s; waited for {waiting_for}")

    async def _keep_running(self, managed: Managed) -> None:
        while not self.failure.done():
            code = await managed.child.process.wait()
            if self._stopping:
                return
            if not await self._survive(managed, code):
                return

    async def _survive(self, managed: Managed, code: int | None) -> bool:
        """Restart after an unwanted end; False when there have been too many."""
        phrase, age, was_ready = exit_phrase(code), managed.child.age, managed.ready
        managed.ready = False
        # Somebody killing a healthy process is no fault of the process: only its own failures count.
        if not (was_ready and code == -signal.SIGKILL):
            managed.crashes.append(time.monotonic())
        while managed.crashes and managed.crashes[0] < time.monotonic() - CRASH_WINDOW_SECONDS:
            managed.crashes.popleft()
        count = len(managed.crashes)
        if count >= MAX_CRASHES or (managed.spec.tier < 2 and not was_ready):
            self._fail(managed, f"{phrase} after {age:.1f} s (attempt {max(count, 1)} of {MAX_CRASHES})")
            return False
        self._console.stage(managed.spec.name, f"{phrase}; starting it again", "", age)
        await asyncio.sleep(0.2 * 2**count if count else 0)
        await self._restart(managed)
        return True

    async def _restart(self, managed: Managed) -> None:
        if self._stopping:
            return
        managed.child = await start(managed.spec)
        managed.restarts += 1
        self._on_change()
        self._spawn(self._after_restart(managed))

    async def _after_restart(self, managed: Managed) -> None:
        await self._until_ready(managed)
        if managed.spec.name == "kafka" and self._on_broker_restart is not None and managed.ready:
            await self._on_broker_restart()
            for other in self.processes.values():
                if other.spec.tier > LAST_SERVER_TIER:
                    other.child.signal(signal.SIGKILL)

    def _fail(self, managed: Managed, reason: str) -> None:
        if not self.failure.done() and not self._stopping:
            name = managed.spec.name
            self.failure.set_result(CommandFailed(Exit.FAILED, *crash_report(name, reason, managed.spec.log)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self.failure.done():
            self.failure.set_result(CommandFailed(Exit.FAILED, f"supervisor: {task.exception()!r}"))

    async def stop(self) -> list[str]:
        """Stop everything, tier by tier from the top; returns the names in the order they were stopped."""
        self._stopping = True
        order: list[str] = []
        for tier in sorted({m.spec.tier for m in self.processes.values()}, reverse=True):
            members = [m for m in self.processes.values() if m.spec.tier == tier]
            await asyncio.gather(*(m.child.stop() for m in members))
            order += [m.spec.name for m in reversed(members)]
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(sweep, self._run_id, self._data, grace_seconds=3.0)
        await self._dismiss_watchdog()
        return order

    async def _dismiss_watchdog(self) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            await self._watchdog.wait()

    def kill(self) -> None:
        """At once, for the second Ctrl-C."""
        for managed in self.processes.values():
            managed.child.signal(signal.SIGKILL)
