"""Which broker the suites run on: a pytest plugin with the option --kafka."""

import pytest

from runtime.apache_kafka import FIX, missing

BROKERS = {"embedded": 0, "apache": 1, "apache3": 3}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka", choices=list(BROKERS), default="embedded", help="embedded, or 1 or 3 Apache brokers"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError at once: nothing is skipped because a server is missing."""
    if BROKERS[config.getoption("--kafka")] and (lack := missing()):
        raise pytest.UsageError(f"{lack}; fix: {FIX}")


def pytest_report_header(config: pytest.Config) -> str:
    return f"kafka: {config.getoption('--kafka')}"
