"""Every few seconds: who answers, what waits, what is due, how far behind. For Prometheus alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from time import time

from messaging.metrics import BLOCKED, DEPENDENCY_UP, OBSERVED, READY, WAITING, WORK_ITEMS, WORK_OVERDUE
from messaging.waiting import KINDS, WaitingRoom
from messaging.work import WorkItems
from telemetry import Check, failures

Measure = Callable[[], Awaitable[None]]
"""Asks one dependency and sets gauges from its answer. Raises when it does not answer."""
OBSERVE_SECONDS = 5.0
MEASURE_SECONDS = 4.0
logger = logging.getLogger("messaging.observing")


class Observer:
    """Runs beside the handling of messages and holds none of its locks: it sees what is stuck.

    A gauge that could not be counted keeps its last value; `throughline_dependency_up` says so meanwhile.
    """

    def __init__(self, service: str, measures: Mapping[str, Measure], checks: Mapping[str, Check]) -> None:
        self._service, self._measures, self._checks = service, measures, checks

    async def run_for_ever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(OBSERVE_SECONDS)

    async def look(self) -> None:
        answered = [await self._answers(name, measure) for name, measure in self._measures.items()]
        READY.labels(self._service).set(not await failures(self._checks))
        if all(answered):
            OBSERVED.labels(self._service).set(time())

    async def _answers(self, dependency: str, measure: Measure) -> bool:
        try:
            async with asyncio.timeout(MEASURE_SECONDS):
                await measure()
        except Exception as error:  # whatever it was, it is what this gauge is for
            logger.warning("%s cannot be observed: %s", dependency, str(error) or type(error).__name__)
            DEPENDENCY_UP.labels(self._service, dependency).set(0)
            return False
        DEPENDENCY_UP.labels(self._service, dependency).set(1)
        return True


def database_measure(service: str, waiting: WaitingRoom, items: WorkItems) -> Measure:
    """Counts what waits in a service's database, and its work."""

    async def measure() -> None:
        BLOCKED.labels(service).set(await waiting.blocked_engagements())
        for kind in KINDS:
            WAITING.labels(service, kind).set(await waiting.count(kind))
        for state, count in (await items.census()).items():
            WORK_ITEMS.labels(service, state).set(count)
        due = await items.next_due()
        late = (datetime.now(UTC) - due).total_seconds() if due else 0.0
        WORK_OVERDUE.labels(service).set(max(0.0, late))

    return measure
