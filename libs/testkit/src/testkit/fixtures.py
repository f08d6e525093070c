"""Pytest fixtures around the embedded servers; a conftest imports what it needs."""

from collections.abc import AsyncIterator, Iterator

import pytest

from testkit import servers
from testkit.backbone import Backbone
from testkit.backbone import backbone as make_backbone


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """One database server for the whole run; tests keep apart by database names."""
    with servers.mongo() as url:
        yield url


@pytest.fixture
def kafka_address() -> Iterator[str]:
    """A broker of its own for each test: it starts in milliseconds."""
    with servers.kafka() as address:
        yield address


@pytest.fixture
async def backbone(kafka_address: str, mongo_url: str) -> AsyncIterator[Backbone]:
    async with make_backbone(kafka_address, mongo_url) as made:
        yield made
