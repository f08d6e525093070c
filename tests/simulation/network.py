"""Every call a process makes to log, store or broker goes through here, and may fail here."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from simulation.faults import Fate, Plan
from simulation.loop import SimulatedLoop

T = TypeVar("T")
LATENCIES = (0.0005, 0.001, 0.001, 0.002, 0.004, 0.015)
"""Seconds. Few values, so that answers to different processes arrive in the same instant, too."""


class Killed(asyncio.CancelledError):
    """The process is gone; nothing of it may go on."""


@dataclass(eq=False)
class Process:
    """One run of a replica, from its start to its death."""

    name: str
    dead: bool = False
    frozen_until: float = 0.0
    old: bool = False
    """Of a release that cannot read what newer ones say."""
    tasks: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    on_death: Callable[[], None] = lambda: None

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        for task in list(self.tasks):
            if task is not _current():
                task.cancel()
        self.on_death()


def _current() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


RUNNING: ContextVar[Process | None] = ContextVar("RUNNING", default=None)


def remember_tasks(loop: SimulatedLoop) -> None:
    """Each task belongs to the process that made it, so that a kill ends them all."""

    def factory(_: Any, coroutine: Any, **about: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(coroutine, loop=loop, **about)
        process = RUNNING.get()
        if process is not None:
            process.tasks[task] = None
            task.add_done_callback(lambda done: process.tasks.pop(done, None))
            if process.dead:
                task.cancel()
        return task

    loop.set_task_factory(factory)


class Network:
    """Numbers the calls, draws how long they take, and lets the plan decide their fate."""

    def __init__(self, loop: SimulatedLoop, rng: random.Random, plan: Plan) -> None:
        self.loop, self.rng, self.plan = loop, rng, plan
        self.calls = 0
        self.trace: list[str] = []

    async def call(
        self, name: str, effect: Callable[[], T], failure: Callable[[], Exception], part: Callable[[], object]
    ) -> T:
        """Have `effect` at the server. `part` is what a server that dies in it may have done of it."""
        process = RUNNING.get()
        if process is None:
            return effect()
        await self._may_run(process)
        self.calls += 1
        fate = self.plan.fate(self.calls, self.loop.now)
        self.trace.append(f"{self.calls} {self.loop.now:.4f} {process.name} {name} {fate.name}")
        if fate is Fate.DIES_BEFORE:
            process.kill()
            raise Killed
        await self._travel(effect)
        if fate is Fate.ANSWERED:
            answer = effect()
            await self._may_run(process)
            return answer
        if fate is Fate.DIES_AFTER:
            (effect if self.rng.random() < 0.8 else part)()
            process.kill()
            raise Killed
        if fate is Fate.ANSWER_LOST:
            (effect if self.rng.random() < 0.7 else part)()
        if fate is Fate.LATE:
            self.later(effect)
        await asyncio.sleep(self.rng.choice((0.01, 0.2, 1.0)))
        await self._may_run(process)
        raise failure()

    async def _travel(self, effect: Callable[[], object]) -> None:
        try:
            await asyncio.sleep(self.rng.choice(LATENCIES))
        except asyncio.CancelledError:
            # What a process had sent when it died may still arrive.
            if self.rng.random() < 0.5:
                self.later(effect)
            raise

    def later(self, effect: Callable[[], object]) -> None:
        self.loop.call_later(self.rng.choice((0.01, 0.5, 3.0)), _quietly, effect)

    async def _may_run(self, process: Process) -> None:
        while process.frozen_until > self.loop.now and not process.dead:  # noqa: ASYNC110
            await asyncio.sleep(process.frozen_until - self.loop.now)
        if process.dead:
            raise Killed


def _quietly(effect: Callable[[], object]) -> None:
    """Nobody hears what a late call is answered."""
    with suppress(Exception):
        effect()
