"""One replica of the service: the real objects, wired as in `messaging.app`, over simulated clients."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from messaging.app import _Parts
from messaging.batches import Batches
from messaging.commits import CommitStore
from messaging.dead_letters import DeadLetters
from messaging.handler import Handler
from messaging.producer import Producer
from messaging.retrying import Retrier
from messaging.service import Service
from messaging.settings import KafkaSettings
from messaging.waiting import WaitingRoom
from messaging.work import Worker, WorkItems
from simulation.log import Client, Group, Member
from simulation.network import RUNNING, Network, Process
from simulation.store import Store

SETTINGS = KafkaSettings()


@dataclass
class Classes:
    """What a replica is made of; a mutant exchanges one of them."""

    handler: type[Handler] = Handler
    store: type[CommitStore] = CommitStore
    waiting: type[WaitingRoom] = WaitingRoom
    items: type[WorkItems] = WorkItems
    worker: type[Worker] = Worker
    retrier: type[Retrier] = Retrier
    batches: type[Batches] = Batches
    patches: Mapping[tuple[Any, str], Any] = field(default_factory=dict)


class SimulatedProducer(Producer):
    """The real producer, but for the client it makes."""

    def __init__(self, made: Any) -> None:
        super().__init__(SETTINGS, "simulated")
        self._made = made

    async def _producer(self) -> Any:
        if self._inner is None:
            self._inner = self._made()
        return self._inner


class Replica(_Parts):
    """Its process is given anew at each start; what it knew before is gone."""

    def __init__(
        self,
        service: Service,
        store: Store,
        group: Group,
        network: Network,
        on_send: Any,
        classes: Classes,
        most: int,
    ) -> None:
        database: Any = store
        self.process = Process(f"p{network.calls}")
        self.producer = SimulatedProducer(lambda: Client(network, group.log, on_send))
        self.store = classes.store(service, database)
        self.waiting = classes.waiting(database)
        self.items = classes.items(service, database)
        dead_letters = DeadLetters(service.name, self.producer)
        self.handler = classes.handler(
            service, self.store, self.waiting, self.items, self.producer, dead_letters, 1_000_000
        )
        self.retrier = classes.retrier(self.waiting, self.handler, dead_letters)
        self.worker = classes.worker(service, self.items, self.producer, self.read_state)
        batches = classes.batches(
            service.name, 1_000_000, self.handler.handle, dead_letters, self.handler.forget
        )
        self.member = Member(group, network, self.process, batches, most)
        self._group, self.stopping = group, False

    async def live(self) -> None:
        """Until it is killed or stopped."""
        RUNNING.set(self.process)
        await self.prepare()
        if self.process.dead:
            return
        self._group.join(self.member)
        parts = (self.member.consume, self.keep_house, self.worker.run_for_ever)
        await asyncio.gather(*(asyncio.create_task(part()) for part in parts))

    async def prepare(self) -> None:
        await self.store.prepare()
        await self.waiting.prepare()
        await self.items.prepare()
