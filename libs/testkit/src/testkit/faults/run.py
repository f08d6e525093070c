"""One run: the system up, the load and the faults of a seed at once, then calm, then judgement."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from messaging import Producer
from testkit.faults.checks import (
    Finding,
    every_fault_happened,
    memory_bounded,
    nobody_died,
    nothing_lost,
    nothing_twice,
    order_kept,
    poison_kept,
    work_done,
)
from testkit.faults.evidence import Watcher, lag, waiting
from testkit.faults.faults import DOINGS, CannotBe, Fault, leaping_service, plan_of
from testkit.faults.poison import Poison, poison
from testkit.faults.scale import Scale
from testkit.faults.sending import Ledger, Sender
from testkit.faults.system import System, running_system
from testkit.faults.views import Onlooker, rebuild_equals, second_equals_first, views_equal_reference
from testkit.faults.workload import Operation, operations


@dataclass
class Result:
    """`skipped` are faults that this machine cannot have, each with its reason.

    `done` are the others as "kind victim: what shows it"; `kills` counts every SIGKILL, whoever got it.
    """

    seed: int
    scale: Scale
    findings: list[Finding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    unreal: list[str] = field(default_factory=list)
    kills: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)


@dataclass
class Storm:
    """Everything that goes on while the system is under load."""

    system: System
    scale: Scale
    load: Sequence[Operation]
    bad: Sequence[Poison]
    faults: Sequence[Fault]
    result: Result

    async def blow(self) -> tuple[Ledger, Onlooker]:
        """Returns when the last operation is answered and the last fault is over."""
        producer = Producer(self.system.kafka, "load")
        async with self.system.client() as client, self.system.client() as other:
            onlooker = Onlooker(other, sorted({one.engagement for one in self.load})[:5])
            sender = Sender(producer, client, len(self.load) / self.scale.seconds)
            background = [
                asyncio.create_task(onlooker.look_for_ever()), asyncio.create_task(self._sample_for_ever())
            ]  # fmt: skip
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(sender.send(self.load, self.bad))
                    for fault in self.faults:
                        tasks.create_task(self._do(fault))
            finally:
                for task in background:
                    task.cancel()
                await producer.stop()
        return sender.ledger, onlooker

    async def _do(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        say(f"  {fault}")
        try:
            shown = await DOINGS[fault.kind](self.system, fault)
        except CannotBe as why_not:
            self.result.skipped.append(f"{fault.kind} {fault.victim}: {why_not}")
            say(f"          SKIPPED: {why_not}")
            return
        told = f"{fault.kind} {fault.victim}: {shown.said}"
        (self.result.done if shown.is_real else self.result.unreal).append(told)
        if fault.seconds:
            say(f"          over: {told}")

    async def _sample_for_ever(self) -> None:
        while True:
            self.system.keeper.sample_memory()
            await asyncio.sleep(1)


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


async def run(
    seed: int,
    scale: Scale,
    run_dir: Path,
    *,
    changed: Mapping[str, tuple[str, ...]] | None = None,
    faults: Sequence[Fault] | None = None,
    brokers: int = 0,
) -> Result:
    """Run the seed's load and faults on the real services; every promise is judged, none is hidden."""
    load = operations(seed, scale)
    names = sorted({one.engagement for one in load})
    bad = poison(seed, int(scale.operations * scale.poison), names)
    planned = list(plan_of(seed, scale, brokers) if faults is None else faults)
    result = Result(seed, scale, faults=planned)
    say(f"seed {seed}, {scale.name}: {len(load)} operations on {len(names)} engagements, {len(bad)} poison, "
        f"{len(planned)} faults in {scale.seconds:.0f} s")  # fmt: skip
    with timed(result, "starting"):
        manager = running_system(run_dir, leaping=leaping_service(seed), brokers=brokers, changed=changed)
        system = await manager.__aenter__()
    try:
        await _judged(Storm(system, scale, load, bad, planned, result))
    finally:
        await manager.__aexit__(None, None, None)
    return result


class timed:  # noqa: N801 - reads as a verb
    def __init__(self, result: Result, name: str) -> None:
        self._result, self._name = result, name

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._result.seconds[self._name] = round(time.monotonic() - self._begun, 1)


@asynccontextmanager
async def watching(system: System) -> AsyncIterator[Watcher]:
    watcher = Watcher(system.kafka)
    watcher.start()
    try:
        yield watcher
    finally:
        await watcher.stop()


async def _judged(storm: Storm) -> None:
    system, result, scale = storm.system, storm.result, storm.scale
    with timed(result, "storm"):
        ledger, onlooker = await storm.blow()
    calm = time.monotonic()
    say("  calm")
    async with watching(system) as watcher:
        found = result.findings
        found.append(await _drained(system, scale, watcher, calm))
        say(f"  {found[-1]}")
        system.keeper.sample_memory()
        say("  judging")
        with timed(result, "judging"):
            evidence = watcher.evidence()
            found.append(nothing_lost(evidence, storm.load, ledger))
            found.append(nothing_twice(evidence, storm.load, ledger))
            found.append(order_kept(evidence))
            found.append(work_done(evidence))
            found.append(poison_kept(evidence.letters, storm.bad, ledger))
            async with system.client() as client:
                found.append(await views_equal_reference(evidence, client))
            found.append(await rebuild_equals(system))
            found.append(await second_equals_first(system, watcher.ends()))
        found.append(onlooker.finding())
        found.append(memory_bounded(system.keeper.memory, scale.rss_megabytes))
        result.kills = system.keeper.kills
        found.append(every_fault_happened(evidence, result.done, result.unreal))
        restarts = sum(kept.restarts for kept in system.keeper.kept.values())
        found.append(nobody_died(system.keeper.deaths, restarts))


async def _drained(system: System, scale: Scale, watcher: Watcher, calm: float) -> Finding:
    """Waits, longer than the promise allows, until nothing is behind, waiting or due."""
    promise = f"lag is zero within {scale.drain_seconds:.0f} s of the last fault"
    behind: dict[str, int] = {}
    before: dict[tuple[str, int], int] = {}
    while (after := time.monotonic() - calm) < scale.patience_seconds:
        await asyncio.sleep(1)
        ends = watcher.ends()
        with suppress(Exception):
            behind = await lag(system.kafka, ends)
            behind |= await waiting(system)
            if not any(behind.values()) and ends == before:
                said = f"{after:.1f} s"
                return Finding(promise, said, [] if after <= scale.drain_seconds else [f"it took {said}"])
        before = ends
    left = {name: count for name, count in behind.items() if count}
    return Finding(promise, f"{scale.patience_seconds:.0f} s", [f"still behind or waiting: {left}"])
