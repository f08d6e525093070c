"""A stack on Apache Kafka: what it knew when it went down, it knows when it comes up, on whatever ports."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from runtime.client import GatewayClient
from runtime.errors import Exit
from runtime.health import check
from testkit.stack import Played, RunningStack, command, running_stack, whole_view

pytestmark = [pytest.mark.journey, pytest.mark.timeout(420)]

STORY = "rheintal-order-system"
APACHE = ("--kafka", "apache")
VOLATILE = {"monitoring", "asOf", "updatedAt", "cursor"}
"""Probes go on while the stack is up, so their figures move and their events are counted."""


@pytest.fixture(autouse=True)
def _on_one_broker(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--kafka") != "apache":
        pytest.skip("starts a stack on one Apache broker: make test-real")


async def seen(client: GatewayClient, key: str) -> dict[str, Any]:
    view = await whole_view(client, key)
    return {name: part for name, part in view.items() if name not in VOLATILE}


async def same(client: GatewayClient, key: str, before: dict[str, Any]) -> None:
    """Nothing is different, and the servers that were built answer their probes: nobody raises an alarm."""
    now = await seen(client, key)
    assert {name: part for name, part in now.items() if part != before[name]} == {}


async def play_and_kill_the_broker(stack: RunningStack) -> Played:
    playing = asyncio.Event()
    play = asyncio.create_task(stack.play(STORY, playing))
    await playing.wait()
    await asyncio.sleep(3)
    os.kill(stack.state.pids["kafka"], signal.SIGKILL)
    return await play


async def until_well(stack: RunningStack) -> None:
    """Raises AssertionError with what is wrong after a minute."""
    for _ in range(120):
        wrong = {name: fault for name, fault in (await check(stack.state)).items() if fault}
        if not wrong:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(str(wrong))


async def test_engagements_outlive_a_stack_and_go_on(tmp_path: Path) -> None:
    with running_stack(tmp_path, *APACHE) as first:
        played = await first.play(STORY)
        assert played.passed, played.said
        before = await seen(first.client(), played.engagement)

    refused = command(tmp_path, "up", "--detach")
    assert refused.code == Exit.USAGE
    assert "--wipe" in refused.err

    with running_stack(tmp_path, *APACHE) as second:
        await same(second.client(), played.engagement, before)
        again = await play_and_kill_the_broker(second)
        assert again.passed, again.said
        await until_well(second)
        await same(second.client(), played.engagement, before)

    wiped = command(tmp_path, "down", "--wipe")
    assert wiped.code == 0, wiped.err
    assert not (tmp_path / "kafka").exists()
    assert not (tmp_path / "mongo").exists()
