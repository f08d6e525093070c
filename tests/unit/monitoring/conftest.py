"""Things to watch, with good defaults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring import model
from schemas.design import Component, Layer
from schemas.monitoring import (
    Comparison,
    JudgeSamples,
    Point,
    Probe,
    ProbeKind,
    Rule,
    Severity,
    Slo,
    StartWatching,
)
from schemas.provisioning import Endpoint
from testkit.scenario import Scenario, scenario

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ENDPOINT = Endpoint(host="127.0.0.1", port=5433, database="orders", user="watcher", secret="watcher-password")


def minute(count: float) -> datetime:
    return START + timedelta(minutes=count)


def points(*values: tuple[float, float]) -> tuple[Point, ...]:
    """(minute, value) pairs."""
    return tuple(Point(at=minute(at), value=value) for at, value in values)


def judge(*values: tuple[float, float], series: str = "latency", component: str = "erp") -> JudgeSamples:
    return JudgeSamples(series=series, component=component, unit="ms", points=points(*values))


def rule(**changes: Any) -> Rule:
    base = Rule(
        id="slow",
        series="latency",
        comparison=Comparison.ABOVE,
        threshold=300,
        for_seconds=300,
        severity=Severity.WARNING,
        component="erp",
        requirement="R-1",
    )
    return base.model_copy(update=changes)


def slo(**changes: Any) -> Slo:
    base = Slo(
        id="fast", title="Fast enough", series="latency", comparison=Comparison.ABOVE,
        threshold=300, objective=0.9, window_days=30, requirement="R-1",
    )  # fmt: skip
    return base.model_copy(update=changes)


def probe(**changes: Any) -> Probe:
    base = Probe(id="shop", kind=ProbeKind.TCP, component="erp", target="127.0.0.1:9000")
    return base.model_copy(update=changes)


def start(build: int = 1, **changes: Any) -> StartWatching:
    erp = Component(id="erp", name="Order system", layer=Layer.APPLICATION, product="erp-1")
    base = StartWatching(build=build, endpoint=ENDPOINT, components=(erp,), database_component="database")
    return base.model_copy(update=changes)


@pytest.fixture
def make() -> SimpleNamespace:
    return SimpleNamespace(
        minute=minute,
        points=points,
        judge=judge,
        rule=rule,
        slo=slo,
        probe=probe,
        start=start,
        endpoint=ENDPOINT,
    )


@pytest.fixture
def empty() -> Scenario:
    return scenario(model)


@pytest.fixture
def watching(empty: Scenario) -> Callable[..., Scenario]:
    """A scenario that watches, with the given commands done."""

    def _watching(*commands: Any) -> Scenario:
        told = empty.when(start())
        for command in commands:
            told = told.when(command)
        return told

    return _watching
