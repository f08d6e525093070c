"""Which servers the suites run on: a pytest plugin with the options --kafka, --mongo and --traces."""

import pytest

from runtime import apache_kafka, jaeger
from testkit import java_mongo

BROKERS = {"embedded": 0, "apache": 1, "apache3": 3}
DATABASES = ("embedded", "java")
SCHEMES = ("mongodb://", "mongodb+srv://")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka", choices=list(BROKERS), default="embedded", help="embedded, or 1 or 3 Apache brokers"
    )
    parser.addoption(
        "--mongo", default="embedded", help="embedded, java (mongo-java-server), or the address of your own"
    )
    parser.addoption(
        "--traces", choices=["sink", "jaeger"], default="sink", help="the embedded sink, or a real Jaeger"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError at once: nothing is skipped because a server is missing."""
    if BROKERS[config.getoption("--kafka")] and (lack := apache_kafka.missing()):
        raise pytest.UsageError(f"{lack}; fix: {apache_kafka.FIX}")
    database = config.getoption("--mongo")
    if database not in DATABASES and not database.startswith(SCHEMES):
        raise pytest.UsageError(f"--mongo is {', '.join(DATABASES)} or begins with {SCHEMES[0]}")
    if database == "java" and (lack := java_mongo.missing()):
        raise pytest.UsageError(f"{lack}; fix: {java_mongo.FIX}")
    if config.getoption("--traces") == "jaeger" and (lack := jaeger.missing()):
        raise pytest.UsageError(f"{lack}; fix: {jaeger.FIX}")


def pytest_report_header(config: pytest.Config) -> str:
    # The address may hold a password.
    database = config.getoption("--mongo").rpartition("@")[2]
    traces = config.getoption("--traces")
    return f"kafka: {config.getoption('--kafka')}, mongo: {database}, traces: {traces}"
