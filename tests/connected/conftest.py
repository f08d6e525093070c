"""Tests that need a server nobody has by default: they say so, and run under `make test-real`."""

from pathlib import Path

import pytest

from testkit.fixtures import apache_cluster, backbone, kafka_address, mongo_url

__all__ = ["apache_cluster", "backbone", "kafka_address", "mongo_url"]


@pytest.fixture
def on_jaeger(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--traces") != "jaeger":
        pytest.skip("needs a real Jaeger: make test-real, or pytest --traces=jaeger")


@pytest.fixture
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parents[2]
