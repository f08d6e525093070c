"""The whole service between its topics: an environment and measurements in, incidents out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitoring.main import build_app
from monitoring.settings import Settings
from schemas.design import Component, DatabaseRole, EnvironmentSpec, Layer
from schemas.inbound import AlertsNotified, SamplesTaken
from schemas.monitoring import (
    AcknowledgeIncident,
    AlertFired,
    BudgetMeasured,
    CommandHadNoEffect,
    CommandRefused,
    Comparison,
    DefineProbe,
    DefineRule,
    DefineSlo,
    ExternalAlert,
    IncidentOpened,
    IncidentResolved,
    Point,
    Probe,
    ProbeDefined,
    ProbeKind,
    ProbeRecorded,
    Rule,
    RuleDefined,
    SamplesJudged,
    SamplesQuarantined,
    Severity,
    Slo,
    SloDefined,
    WatchStarted,
)
from schemas.provisioning import Endpoint, EnvironmentReady
from testkit.backbone import Backbone, Tail
from testkit.servers import free_port

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def events(backbone: Backbone, tmp_path: Path) -> AsyncIterator[Tail]:
    settings = Settings(**dict(backbone.settings()), secrets_dir=tmp_path)
    async with build_app(settings).running(), backbone.tail("monitoring.events") as tail:
        yield tail


async def environment_ready(backbone: Backbone) -> None:
    ready = EnvironmentReady(
        build=1,
        endpoint=Endpoint(host="127.0.0.1", port=free_port(), database="orders", user="app", secret="none"),
        environment=EnvironmentSpec(
            component="database", database="orders", schemas=("shop",),
            roles=(DatabaseRole(name="app", login=True, privileges=()),),
        ),
        components=(Component(id="erp", name="Order system", layer=Layer.APPLICATION, product="erp-1"),),
    )  # fmt: skip
    await backbone.happened(ready)


def samples(*values: float, first: int = 0, component: str = "erp") -> SamplesTaken:
    points = tuple(Point(at=START + timedelta(minutes=first + n), value=v) for n, v in enumerate(values))
    return SamplesTaken(series="latency", component=component, unit="ms", points=points)


async def test_a_degradation_in_the_measurements_is_one_incident(backbone: Backbone, events: Tail) -> None:
    rule = Rule(
        id="slow", series="latency", comparison=Comparison.ABOVE, threshold=300, for_seconds=120,
        severity=Severity.CRITICAL, component="erp",
    )  # fmt: skip
    slo = Slo(
        id="fast", title="Fast", series="latency", comparison=Comparison.ABOVE, threshold=300, objective=0.5
    )
    await backbone.send(DefineRule(rule=rule))
    await backbone.send(DefineSlo(slo=slo))
    await events.until(lambda tail: bool(tail.of(RuleDefined) and tail.of(SloDefined)))
    await environment_ready(backbone)
    await events.until(lambda tail: bool(tail.of(WatchStarted)))

    await backbone.tell(samples(100, 400, 400))
    await backbone.tell(samples(400, 400, 100, first=3))
    await backbone.tell(samples(1, component="crm"))
    await events.until(lambda tail: bool(tail.of(IncidentResolved) and tail.of(SamplesQuarantined)))

    [opened], [resolved] = events.of(IncidentOpened), events.of(IncidentResolved)
    assert opened.payload.at == START + timedelta(minutes=3)
    assert resolved.payload.duration_seconds == 120
    assert [m.payload.remaining for m in events.of(BudgetMeasured)] == [-0.333333333, -0.333333333]
    assert [len(m.payload.points) for m in events.of(SamplesJudged)] == [3, 3]


async def test_a_probe_follows_a_server_down_and_up_again(backbone: Backbone, events: Tail) -> None:
    async def serve(port: int = 0) -> asyncio.Server:
        return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)

    server = await serve()
    port = server.sockets[0].getsockname()[1]
    await environment_ready(backbone)
    await events.until(lambda tail: bool(tail.of(WatchStarted)))
    probe = Probe(
        id="shop", kind=ProbeKind.TCP, component="erp", target=f"127.0.0.1:{port}", interval_seconds=0.5
    )
    await backbone.send(DefineProbe(probe=probe))

    def told(tail: Tail) -> list[bool]:
        found = [m.payload for m in tail.of(ProbeRecorded)]
        return [payload.up for payload in found if payload.probe == "shop"]

    await events.until(lambda tail: told(tail) == [True])
    server.close()
    await events.until(lambda tail: told(tail) == [True, False])
    server = await serve(port)
    await events.until(lambda tail: told(tail) == [True, False, True] and bool(tail.of(IncidentResolved)))
    server.close()

    [fired] = [m.payload for m in events.of(AlertFired)]
    assert (fired.alert, fired.severity) == ("probe:shop", Severity.CRITICAL)
    assert [m.payload.probe.kind for m in events.of(ProbeDefined)] == [ProbeKind.POSTGRES, ProbeKind.TCP]


async def test_the_same_alertmanager_notification_twice_is_one_alert(
    backbone: Backbone, events: Tail
) -> None:
    await environment_ready(backbone)
    await events.until(lambda tail: bool(tail.of(WatchStarted)))
    alert = ExternalAlert(
        fingerprint="a1b2", name="DiskFull", firing=True, severity=Severity.WARNING, component="erp",
        starts_at=START, summary="98 %",
    )  # fmt: skip
    notified = AlertsNotified(receiver="throughline", group_key="{}", alerts=(alert,))
    take = AcknowledgeIncident(incident="INC-1", acknowledged_by="jo")

    await backbone.tell(notified)
    await backbone.tell(notified)
    await events.until(lambda tail: bool(tail.of(IncidentOpened)))
    await backbone.send(take)
    await backbone.send(take)
    await backbone.send(take.model_copy(update={"incident": "INC-2"}))
    await events.until(lambda tail: bool(tail.of(CommandRefused)))

    assert len(events.of(AlertFired)) == 1
    assert len(events.of(CommandHadNoEffect)) == 1
    assert events.of(CommandRefused)[0].payload.rule == "incident-exists"
