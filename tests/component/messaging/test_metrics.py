"""Metrics tell what is, also while what they measure is stuck: scraped over HTTP as Prometheus does."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from messaging import Activity, ServiceApp, Work, observing
from runtime.ports import owner_of
from schemas import intake
from schemas.base import Command, Event
from schemas.rules import Context
from testkit import servers
from testkit.backbone import Backbone
from testkit.backbone import backbone as make_backbone
from testkit.register import Register, broken_names, decide, register_service, stakeholder

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _watched_closely(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(observing, "OBSERVE_SECONDS", 0.1)
    monkeypatch.setattr(observing, "MEASURE_SECONDS", 1.0)
    yield
    broken_names.clear()


async def value(app: ServiceApp, name: str, **labels: str) -> float | None:
    """One sample of service `intake`; None where there is no such series."""
    wanted = {"service": "intake", **labels}
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{app.port}/metrics")).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and wanted.items() <= sample.labels.items():
                return float(sample.value)
    return None


async def until(app: ServiceApp, name: str, condition: object, **labels: str) -> float:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    assert callable(condition)
    while (found := await value(app, name, **labels)) is None or not condition(found):
        assert asyncio.get_running_loop().time() < deadline, f"{name} {labels} is {found}"
        await asyncio.sleep(0.05)
    return found


async def test_what_is_blocked_and_what_waits_behind_it_is_counted(backbone: Backbone) -> None:
    broken_names.add("bad")
    async with backbone.running(register_service()) as app:
        for name in ("bad", "carl", "dora"):
            await backbone.send(stakeholder(name))

        await until(app, "throughline_waiting_messages", lambda v: v == 3, kind="failed")
        assert await value(app, "throughline_blocked_engagements") == 1
        assert await value(app, "throughline_ready") == 1
        broken_names.clear()
        await until(app, "throughline_waiting_messages", lambda v: v == 0, kind="failed")
        await until(app, "throughline_blocked_engagements", lambda v: v == 0)


async def test_outbox_grows_old_while_the_broker_is_frozen_and_is_young_again_after(mongo_url: str) -> None:
    with servers.kafka() as address:
        broker = Frozen(int(address.rpartition(":")[2]))

        def decide_and_freeze(state: Register, command: Command, context: Context) -> list[Event]:
            broker.freeze()
            return decide(state, command, context)

        async with make_backbone(address, mongo_url) as backbone:
            async with backbone.running(register_service(decide=decide_and_freeze)) as app:
                assert await value(app, "throughline_outbox_oldest_seconds") == 0
                await backbone.send(stakeholder("anna"))

                await until(app, "throughline_outbox_oldest_seconds", lambda v: v > 2)
                assert (await value(app, "throughline_batch_in_hand_seconds") or 0) > 1
                broker.thaw()
                await until(app, "throughline_outbox_oldest_seconds", lambda v: v == 0)
                await until(app, "throughline_batch_in_hand_seconds", lambda v: v == 0)


async def test_lag_counts_the_batch_in_hand_and_what_came_after_it(tmp_path: Path) -> None:
    port, lag = servers.free_port(), {"topic": "intake.commands"}
    with servers.kafka() as address, servers.mongo(tmp_path, port) as url:
        async with make_backbone(address, url) as backbone, backbone.running(register_service()) as app:
            await until(app, "throughline_consumer_lag_messages", lambda v: v == 0, **lag)
            with Frozen(port):
                for number in range(7):
                    await backbone.send(stakeholder(f"s{number}"))
                await until(app, "throughline_consumer_lag_messages", lambda v: v == 7, **lag)
            await until(app, "throughline_consumer_lag_messages", lambda v: v == 0, **lag)


async def test_a_broker_and_a_database_that_stop_answering_are_seen(tmp_path: Path) -> None:
    port = servers.free_port()
    with servers.kafka() as address, servers.mongo(tmp_path, port) as url:
        async with make_backbone(address, url) as backbone, backbone.running(register_service()) as app:
            for dependency, listening in (("broker", int(address.rpartition(":")[2])), ("database", port)):
                await until(app, "throughline_dependency_up", lambda v: v == 1, dependency=dependency)
                with Frozen(listening):
                    await until(app, "throughline_dependency_up", lambda v: v == 0, dependency=dependency)
                await until(app, "throughline_dependency_up", lambda v: v == 1, dependency=dependency)
            await until(app, "throughline_ready", lambda v: v == 1)


async def test_work_that_was_given_up_stays_visible_and_counts_as_one(backbone: Backbone) -> None:
    async def build(_: intake.StakeholderRegistered, work: Work) -> None:
        raise ValueError("never works")

    activity = Activity(on=intake.StakeholderRegistered, run=build, max_attempts=2, backoff_seconds=0.05)
    async with backbone.running(register_service(activities=[activity])) as app:
        gave_up = {"activity": "build", "outcome": "gave_up"}
        # Registered before anything happened: an increase from nothing to one is no increase to Prometheus.
        before = await value(app, "throughline_work_runs_total", **gave_up)
        assert before is not None
        await backbone.send(stakeholder("anna"))

        await until(app, "throughline_work_items", lambda v: v == 1, state="failed")
        assert await value(app, "throughline_work_items", state="open") == 0
        assert await value(app, "throughline_work_runs_total", **gave_up) == before + 1


async def test_batches_that_are_tried_again_are_counted_by_their_error(tmp_path: Path) -> None:
    port = servers.free_port()
    with servers.kafka() as address:
        async with AsyncExitStack() as stack:
            with servers.mongo(tmp_path, port) as url:
                backbone = await stack.enter_async_context(make_backbone(address, url))
                app = await stack.enter_async_context(backbone.running(register_service()))
            await backbone.send(stakeholder("anna"))

            await until(app, "throughline_batch_retries_total", lambda v: v >= 1)
            with servers.mongo(tmp_path, port):
                await until(app, "throughline_batch_in_hand_seconds", lambda v: v == 0)
                await until(app, "throughline_dependency_up", lambda v: v == 1, dependency="database")
                await stack.aclose()


class Frozen:
    """The process behind a port gets no processor time while inside: it neither answers nor refuses."""

    def __init__(self, port: int) -> None:
        owner = owner_of(port)
        assert owner is not None
        self._pid = owner.pid

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def __enter__(self) -> None:
        self.freeze()

    def __exit__(self, *_: object) -> None:
        self.thaw()
