"""One history played to its end: replicas come and go, operators do their work, the model watches."""

import asyncio
import random
from contextlib import ExitStack, suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from messaging import commits, envelope
from messaging.batches import Place
from messaging.dead_letters import original_headers
from messaging.stream import Record
from schemas import operations
from simulation.history import History, message
from simulation.invariants import Broken, Model
from simulation.log import SESSION, Group, Log
from simulation.loop import SimulatedLoop, moment, run
from simulation.network import Network, remember_tasks
from simulation.replica import Classes, Replica
from simulation.service import build, reads_of_releases
from simulation.store import Store

PATIENCE = 120.0
"""Virtual seconds after the last fault in which everything must have come to rest."""
MOST_CALLS = 8_000
"""What goes on calling longer than this runs in a circle."""


@dataclass(frozen=True)
class Result:
    broken: Broken | None
    calls: int
    seconds: float
    trace: list[str]


def play(history: History, classes: Classes | None = None) -> Result:
    """Run a history; `broken` is the first promise that did not hold."""
    chosen = classes or Classes()
    with ExitStack() as patches:
        for module, name, value in (
            (commits, "SNAPSHOT_EVERY", 3),
            (commits, "_shape", lambda _: "shape"),
            (envelope, "read_payload", reads_of_releases(envelope.read_payload)),
            *((m, n, v) for (m, n), v in chosen.patches.items()),
        ):
            patches.enter_context(patch.object(module, name, value))
        patches.enter_context(patch("messaging.handler.SNAPSHOT_EVERY", 3))
        return run(history.seed, lambda loop: World(loop, history, chosen).play())


class World:
    def __init__(self, loop: SimulatedLoop, history: History, classes: Classes) -> None:
        self._loop, self._history, self._classes = loop, history, classes
        self._rng = random.Random(history.seed)
        remember_tasks(loop)
        self.network = Network(loop, self._rng, history.plan)
        self.log, self.store, self.model = Log(), Store(self.network), Model(loop)
        self.broken_names = {n for s in history.said for n in _bad(s.value) if n not in history.mended}
        self.broken_names |= set(history.mended)
        self.service = build(self.broken_names, self.model.acted, lambda: moment(loop))
        self.group = Group(self.network, self.log, self.service.topics())
        self.replicas: list[Replica] = []
        self._expected, self._over = 0, False
        # What starts a process must not run in the name of the one that died.
        self._outside = copy_context()
        self._aside: list[asyncio.Task[None]] = []
        self._watch()

    def _watch(self) -> None:
        model, log = self.model, self.log
        log.observers.append(model.appended)
        self.group.observers.append(lambda offsets: model.offsets(offsets, log.partitions))
        self.store["commits"].documents.observers.append(model.committed)
        self.store["heads"].documents.observers.append(model.marked)
        self.store["work"].documents.observers.append(model.work_written)
        model.waiting = self.store["waiting"].documents.by_id
        model.items = self.store["work"].documents.by_id

    async def play(self) -> Result:
        for _ in range(self._history.replicas):
            self._start_after(0)
        actors = [
            asyncio.ensure_future(part)
            for part in (
                self.group.coordinate(),
                self._say(),
                self._upset(),
                self._upgrade(),
                self._mend(),
                self._operate(),
            )
        ]
        rest = await self._until_at_rest()
        if self.model.broken is None and rest is not None:
            with suppress(Broken):
                self.model.demand(False, "it comes to rest", rest)
        self._over = True
        for replica in self.replicas:
            replica.process.kill()
        for actor in actors:
            actor.cancel()
        await asyncio.sleep(10)
        return Result(self.model.broken, self.network.calls, self._loop.now, self.network.trace)

    async def _until_at_rest(self) -> str | None:
        while self.model.broken is None:
            await asyncio.sleep(0.5)
            left = self._left()
            patience_ends = self._loop.now > self._history.ends + PATIENCE
            if left is None or patience_ends or self.network.calls > MOST_CALLS:
                return left
        return None

    def _left(self) -> str | None:
        if self._loop.now < max((s.at for s in self._history.said), default=0) or self._expected:
            return "something is still to be said"
        ends = {place: len(self.log.partitions[place]) for place in self.group.places}
        return self.model.unfinished(ends, self._reached())

    def _reached(self) -> dict[Place, int]:
        """How far each partition is consumed: an offset that was lost is told with the next."""
        reached = dict(self.group.offsets)
        for member in self.group.members:
            if member.generation == self.group.generation and member.batches.idle.is_set():
                reached |= member.positions
        return reached

    # Replicas.

    def _start_after(self, seconds: float) -> None:
        replica = Replica(
            self.service,
            self.store,
            self.group,
            self.network,
            self.model.sending,
            self._classes,
            self._history.most,
        )
        replica.process.name = f"p{len(self.replicas)}"
        upgrading = self._loop.now + seconds < self._history.upgraded
        replica.process.old = upgrading and len(self.replicas) % 2 == 0
        self.replicas.append(replica)
        replica.process.on_death = lambda: self._died(replica)
        self._loop.call_later(seconds, lambda: asyncio.ensure_future(replica.live()), context=self._outside)

    def _died(self, replica: Replica) -> None:
        # The coordinator learns of it when the session ends; a new process starts when it starts.
        self._loop.call_later(SESSION, self.group.evict, replica.member)
        if not self._over:
            self._start_after(self._rng.choice((0.1, 1.0, 5.0)))

    def _alive(self) -> list[Replica]:
        return [r for r in self.replicas if not r.process.dead]

    async def _upset(self) -> None:
        for at, what in self._history.upheavals:
            await asyncio.sleep(max(0, at - self._loop.now))
            alive = self._alive()
            if what == "join" or not alive:
                self._start_after(0)
                continue
            replica = self._rng.choice(alive)
            if what == "kill":
                replica.process.kill()
            elif what == "stop":
                self._aside.append(asyncio.ensure_future(self._stop(replica)))
            else:
                self._cut_off(replica, frozen=what == "freeze")

    async def _upgrade(self) -> None:
        await asyncio.sleep(self._history.upgraded)
        for replica in self._alive():
            if replica.process.old:
                self._aside.append(asyncio.ensure_future(self._stop(replica)))

    def _cut_off(self, replica: Replica, *, frozen: bool) -> None:
        """Taken for dead by the others; it stands still, or goes on with what it believes to own."""
        seconds = self._rng.choice((1.0, 4.0, 8.0))
        if frozen:
            replica.process.frozen_until = self._loop.now + seconds
        if seconds > SESSION or not frozen:
            self._loop.call_later(SESSION if frozen else 0, self.group.evict, replica.member)
            self._aside.append(asyncio.ensure_future(self._come_back(replica, seconds)))

    async def _come_back(self, replica: Replica, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if replica.process.dead or replica.stopping or replica.member in self.group.members:
            return
        await replica.member.revoke()
        if not replica.process.dead and not replica.stopping:
            self.group.join(replica.member)

    async def _stop(self, replica: Replica) -> None:
        """In order, as on SIGTERM: the batch in hand ends, work is given back."""
        with suppress(TimeoutError):
            await asyncio.wait_for(replica.member.batches.idle.wait(), 20)
        replica.stopping = True
        self.group.evict(replica.member)
        for task in list(replica.process.tasks):
            task.cancel()
        await asyncio.sleep(2)
        replica.process.kill()

    # The world outside.

    async def _say(self) -> None:
        for said in self._history.said:
            await asyncio.sleep(max(0, said.at - self._loop.now))
            if said.poison:
                place = (said.topic, self.log.partition_of(said.topic, said.key))
                self.model.poison.add(f"{place[0]}/{place[1]}/{len(self.log.partitions[place])}")
            self.log.append(said.topic, said.key, said.value, said.headers)

    async def _mend(self) -> None:
        for name, at in sorted(self._history.mended.items(), key=lambda pair: pair[1]):
            await asyncio.sleep(max(0, at - self._loop.now))
            self.broken_names.discard(name)
            if self._rng.random() < 0.5:
                for engagement in sorted({a.engagement for a in self.model.asked.values()}):
                    self._order(operations.RetryBlocked(service_name="intake", requested_by="op"), engagement)

    async def _operate(self) -> None:
        """Skips what blocks and is not going to be mended; some of it is mended later, and redriven."""
        decided: set[str] = set()
        while True:
            await asyncio.sleep(1)
            for letter in self.log.of("intake.dead"):
                notes = dict(letter.headers)
                if notes["dl-status"] == b"blocked" and b"is missing" in notes["dl-reason"]:
                    await self._declare_lost(notes)
                elif notes["dl-status"] == b"blocked":
                    await self._skip(letter, notes)
                elif notes["dl-code"] == b"skipped" and notes["dl-id"].decode() not in decided:
                    decided.add(notes["dl-id"].decode())
                    if self._rng.random() < 0.5:
                        self._expected += 1
                        self._loop.call_later(self._rng.choice((0.5, 8.0)), self._redrive, letter)

    async def _skip(self, letter: Record, notes: dict[str, Any]) -> None:
        names = _bad(letter.value)
        identity, engagement = notes["ce_id"].decode(), notes["ce_engagement"].decode()
        if not names or names[0] in self._history.mended or names[0] not in self.broken_names:
            return
        if any(document["message_id"] == identity for document in self.model.waiting.values()):
            self.model.skipping.add(identity)
            order = operations.SkipBlocked(
                service_name="intake", message_id=identity, requested_by="op", reason="never mind"
            )
            self._order(order, engagement)
            await asyncio.sleep(5)

    async def _declare_lost(self, notes: dict[str, Any]) -> None:
        identity, engagement = notes["ce_id"].decode(), notes["ce_engagement"].decode()
        gaps = [d for d in self.model.waiting.values() if d["engagement"] == engagement]
        first = min(gaps, key=lambda d: d["sequence"] or 0, default=None)
        gap = first is not None and first["message_id"] == identity and first["kind"] == "gap"
        if self._history.loses and gap:
            self.model.declaring.add(identity)
            order = operations.DeclareLost(
                service_name="intake", message_id=identity, requested_by="op", reason="it is in no copy"
            )
            self._order(order, engagement)
            await asyncio.sleep(2)

    def _order(self, order: Any, engagement: str) -> None:
        value, headers = message(order, engagement, f"order-{len(self.log.of('operations.commands'))}")
        self.log.append("operations.commands", engagement.encode(), value, headers)

    def _redrive(self, letter: Record) -> None:
        notes = dict(letter.headers)
        self._expected -= 1
        self.broken_names.difference_update(_bad(letter.value))
        headers = original_headers(list(letter.headers), notes["dl-id"].decode())
        self.log.append(notes["dl-topic"].decode(), letter.key, letter.value, headers)


def _bad(value: bytes | None) -> list[str]:
    return [word for word in (value or b"").decode().split('"') if word.startswith("bad-")]
