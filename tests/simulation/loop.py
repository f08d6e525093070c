"""An event loop whose time is virtual: it jumps to the next timer, so a minute of pauses costs nothing."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType
from typing import Any, TypeVar
from unittest.mock import patch

from messaging import batches, dead_letters, envelope, handler, retrying, waiting, work

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
TIMED: tuple[ModuleType, ...] = (dead_letters, envelope, handler, retrying, waiting, work)
T = TypeVar("T")


class Stuck(Exception):
    """Nothing is ready and no timer runs: everybody waits for somebody else."""


class _NoSelector:
    """Stands where sockets would be waited for; waiting is what moves the clock."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._loop.now += timeout
        return []

    def close(self) -> None:
        return None


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order of their virtual times; nothing else can change their order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _NoSelector(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        return None

    def _write_to_self(self) -> None:
        return None


def run(seed: int, main: Callable[[SimulatedLoop], Awaitable[T]]) -> T:
    """Run a coroutine to its end in virtual time; equal seeds give equal runs."""
    loop, before = SimulatedLoop(), random.getstate()
    random.seed(seed)
    try:
        with clock_of(loop):
            asyncio.set_event_loop(loop)
            try:
                return loop.run_until_complete(main(loop))
            finally:
                _cancel_all(loop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        random.setstate(before)


def _cancel_all(loop: SimulatedLoop) -> None:
    for _ in range(3):
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=60))


def moment(loop: SimulatedLoop) -> datetime:
    return EPOCH + timedelta(seconds=loop.now)


@contextmanager
def clock_of(loop: SimulatedLoop) -> Iterator[None]:
    """The backbone's modules read the loop's time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return moment(loop)

    undo = [patch.object(module, "datetime", Clock) for module in TIMED]
    undo += [patch.object(module, "monotonic", loop.time) for module in (batches, handler)]
    for change in undo:
        change.start()
    try:
        yield
    finally:
        for change in undo:
            change.stop()
