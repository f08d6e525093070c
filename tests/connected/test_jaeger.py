"""The local stack with a real Jaeger: traces complete through its /api/v3, kept, and unharmed by a kill."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from runtime.servers import SERVICES
from runtime.trace_reader import SpanRow, check, fetch, until_complete
from runtime.trace_search import traces_of
from testkit.stack import Played, RunningStack, running_stack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400), pytest.mark.usefixtures("on_jaeger")]
STORY = "rheintal-order-system"
EVERYONE = {*SERVICES, "throughline-cli"}


def durable(config: pytest.Config) -> tuple[str, ...]:
    """Kept across runs: on Apache Kafka where --kafka names it."""
    kept = ["--kafka", "apache"] if config.getoption("--kafka") == "apache" else ["--keep"]
    return ("--jaeger", *kept)


async def killed_while_it_plays(stack: RunningStack) -> Played:
    playing = asyncio.Event()
    play = asyncio.create_task(stack.play(STORY, playing))
    await playing.wait()
    await asyncio.sleep(5)
    os.kill(stack.state.pids["jaeger"], signal.SIGKILL)
    return await play


def edges(spans: list[SpanRow]) -> set[tuple[str, str]]:
    by_id = {span.id: span for span in spans}
    pairs = ((by_id[span.parent].service, span.service) for span in spans if span.parent)
    return {pair for pair in pairs if pair[0] != pair[1]}


async def test_a_trace_is_complete_though_jaeger_was_killed_and_is_found_by_the_next_run(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    flags = durable(request.config)
    with running_stack(tmp_path, *flags) as stack:
        assert stack.state.query_url != stack.state.traces_url
        played = await killed_while_it_plays(stack)
        assert played.passed, played.said
        assert stack.state.restarts["jaeger"] == 1
        found = await until_complete(stack.state.query_url, played.trace_id, SERVICES, 20)
        before = await fetch(stack.state.query_url, played.trace_id)

    assert found.missing == ""
    assert {span.service for span in before} == EVERYONE
    assert {("throughline-cli", "gateway"), ("intake", "design"), ("migration", "feedback")} <= edges(before)
    assert [(span.service, span.name, span.message) for span in before if span.failed] == []
    assert {span.attributes["engagement.id"] for span in before if span.service != "gateway"} == {
        played.engagement
    }

    with running_stack(tmp_path, *flags) as stack:
        after = await fetch(stack.state.query_url, played.trace_id)
        listed = await traces_of(stack.state.query_url, played.engagement)
        tree = await stack.command("trace", played.trace_id)
        shown = await stack.command("trace", played.engagement)
        state = await stack.command("ps")

    assert sorted(after, key=lambda span: span.id) == sorted(before, key=lambda span: span.id)
    assert check(after, SERVICES).missing == ""
    assert played.trace_id in [one.id for one in listed.summaries]
    assert (tree.code, f"{len(before)} spans" in tree.err) == (0, True)
    assert f"/traces/{played.trace_id}" in shown.out
    assert "jaeger" in state.out
