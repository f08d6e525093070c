"""Journeys share one stack of real processes, started by the command a user has."""

from collections.abc import Iterator

import pytest

from testkit.stack import RunningStack, running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("run")) as running:
        yield running
