"""What counts as ready when a stack is started."""

import asyncio
import io
import signal
import sys
from pathlib import Path

import pytest

from runtime.console import Console
from runtime.processes import ProcessSpec
from runtime.stack import Stack
from runtime.sweep import MARK


async def _broken() -> str:
    raise ValueError("the answer cannot be read")


async def test_a_process_whose_probe_breaks_is_not_taken_for_ready(tmp_path: Path) -> None:
    stack = Stack("run-of-broken-probe", tmp_path, Console(io.StringIO()), lambda: None)
    spec = ProcessSpec(
        name="intake",
        argv=(sys.executable, "-c", "import time; time.sleep(60)"),
        env={MARK: "run-of-broken-probe"},
        log=tmp_path / "log",
        port=1,
        tier=3,
        ready=_broken,
        stop_seconds=1,
    )

    try:
        with pytest.raises(ValueError, match="cannot be read"):
            await stack.launch([spec])
    finally:
        await stack.stop()

    assert not stack.processes["intake"].child.alive


async def test_a_broker_that_forgot_its_topics_costs_the_services_a_restart_and_the_traces_nothing(
    tmp_path: Path,
) -> None:
    async def ready() -> str:
        return ""

    def spec(name: str, tier: int) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            argv=(sys.executable, "-c", "import time; time.sleep(60)"),
            env={MARK: "run-of-broker-restart"},
            log=tmp_path / name,
            port=1,
            tier=tier,
            ready=ready,
            stop_seconds=1,
        )

    async def topics() -> None:
        made.append("topics")

    made: list[str] = []
    stack = Stack("run-of-broker-restart", tmp_path, Console(io.StringIO()), lambda: None)
    try:
        for name, tier in (("kafka", 0), ("mongo", 1), ("jaeger", 2), ("intake", 3)):
            await stack.launch([spec(name, tier)])
        stack.recreate_on_broker_restart(topics)

        stack.processes["kafka"].child.signal(signal.SIGKILL)

        async with asyncio.timeout(20):
            while not stack.processes["intake"].restarts:  # noqa: ASYNC110 - the supervisor counts
                await asyncio.sleep(0.05)
    finally:
        await stack.stop()

    assert made == ["topics"]
    assert {name: one.restarts for name, one in stack.processes.items()} == {
        "kafka": 1, "mongo": 0, "jaeger": 0, "intake": 1,
    }  # fmt: skip
