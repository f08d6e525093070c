"""Journeys share one stack of real processes, started by the command a user has."""

import asyncio
from collections.abc import Iterator

import pytest

from testkit.stack import Played, RunningStack, running_stack

STORY = "rheintal-order-system"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RunningStack]:
    broker = request.config.getoption("--kafka")
    with running_stack(tmp_path_factory.mktemp("run"), "--kafka", broker) as running:
        yield running


@pytest.fixture(scope="session")
def calm(stack: RunningStack) -> Played:
    """The valve maker's story, played once with nobody disturbing it."""
    return asyncio.run(stack.play(STORY))
