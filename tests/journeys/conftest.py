"""Journeys share one stack of real processes, started by the command a user has."""

import asyncio
from collections.abc import Iterator

import pytest

from testkit.stack import Played, RunningStack, running_stack

STORY = "rheintal-order-system"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RunningStack]:
    flags = ["--kafka", request.config.getoption("--kafka")]
    if request.config.getoption("--traces") == "jaeger":
        flags.append("--jaeger")
    with running_stack(tmp_path_factory.mktemp("run"), *flags) as running:
        yield running


@pytest.fixture(scope="session")
def calm(stack: RunningStack) -> Played:
    """The valve maker's story, played once with nobody disturbing it."""
    return asyncio.run(stack.play(STORY))
