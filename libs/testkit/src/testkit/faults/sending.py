"""Publishes the load at its pace over Kafka and HTTP, and writes down what was acknowledged."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from messaging import NotPublished, Producer
from messaging.envelope import to_structured
from runtime.client import GatewayClient
from runtime.errors import CommandFailed, Exit
from schemas.base import Command
from testkit.faults.poison import Poison
from testkit.faults.workload import Operation, Way

TICK = 0.2
TRIES = 60
AT_ONCE = 12
ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


@dataclass
class Ledger:
    """What became of each operation as its sender knows it; `causes` is the id its effects will cite."""

    fates: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    repeats: int = 0
    resent: int = 0

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.fates.values())


class Sender:
    """`pace` is operations per second. Nothing is given up while there is hope of an answer."""

    def __init__(self, producer: Producer, client: GatewayClient, pace: float) -> None:
        self.ledger = Ledger()
        self._producer, self._client, self._pace = producer, client, pace
        self._places = asyncio.Semaphore(AT_ONCE)

    async def send(self, load: Sequence[Operation], bad: Sequence[Poison]) -> None:
        """Returns when the last one has its answer."""
        begun, done = time.monotonic(), 0
        every = max(1, len(load) // max(1, len(bad)))
        poison = list(bad)
        async with asyncio.TaskGroup() as posts:
            while done < len(load):
                due = min(len(load), int((time.monotonic() - begun) * self._pace) + 1)
                part = load[done:due]
                for operation in part:
                    if operation.way is Way.HTTP:
                        posts.create_task(self._post(operation))
                await self._publish([one for one in part if one.way is Way.KAFKA])
                while poison and (len(bad) - len(poison)) * every < due:
                    await self._publish_bad(poison.pop(0))
                done = due
                await asyncio.sleep(TICK)
            for one in poison:
                await self._publish_bad(one)

    async def _publish(self, part: Sequence[Operation]) -> None:
        for operation in part:
            self.ledger.fates.setdefault(operation.id, UNKNOWN)
            self.ledger.causes[operation.id] = operation.id
        for _ in range(TRIES):
            try:
                await self._producer.publish([operation.message for operation in part])
            except NotPublished:
                # Perhaps it is in the log already: sending it again is what a client does.
                self.ledger.resent += len(part)
                await asyncio.sleep(0.5)
                continue
            self.ledger.repeats += sum(operation.repeats is not None for operation in part)
            self.ledger.fates.update({operation.id: ACKNOWLEDGED for operation in part})
            return

    async def _publish_bad(self, bad: Poison) -> None:
        for _ in range(TRIES):
            try:
                await self._producer.publish_raw(bad.topic, bad.key, bad.value, list(bad.headers))
            except NotPublished:
                await asyncio.sleep(0.5)
                continue
            self.ledger.poison.add(bad.id)
            return

    async def _post(self, operation: Operation) -> None:
        self.ledger.fates[operation.id] = UNKNOWN
        async with self._places:
            for _ in range(8):
                try:
                    fate = await self._posted(operation)
                except CommandFailed:
                    self.ledger.resent += 1
                    await asyncio.sleep(1)
                    continue
                self.ledger.fates[operation.id] = fate
                return

    async def _posted(self, operation: Operation) -> str:
        if isinstance(operation.payload, Command):
            answer = await self._client.submit(
                operation.payload.type, operation.payload.model_dump(mode="json"),
                engagement=operation.engagement, key=operation.id, timeout_seconds=0,
            )  # fmt: skip
            self.ledger.causes[operation.id] = str(answer.data["commandId"])
            # Not even handed on: the gateway itself knew better, and nothing may follow.
            is_refused = answer.kind == "Refused" and answer.data["code"] in ("NOT_FOUND", "INPUT", "INVALID")
            return REFUSED if is_refused else ACKNOWLEDGED
        answered = await self._client.post_events([to_structured(operation.message)])
        self.ledger.causes[operation.id] = operation.id
        if answered.status_code == 202:
            return ACKNOWLEDGED
        if answered.status_code >= 500 or answered.status_code == 429:
            raise CommandFailed(Exit.FAILED, f"{answered.status_code}")
        return REFUSED
