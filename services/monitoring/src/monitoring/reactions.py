"""When this upstream event happens, monitoring asks itself this command."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas import inbound, provisioning
from schemas.base import Command, Event
from schemas.monitoring import JudgeSamples, RecordAlerts, StartWatching


def _start_watching(event: provisioning.EnvironmentReady) -> StartWatching:
    return StartWatching(
        build=event.build,
        endpoint=event.endpoint,
        components=event.components,
        database_component=event.environment.component,
    )


def _judge_samples(event: inbound.SamplesTaken) -> JudgeSamples:
    return JudgeSamples(series=event.series, component=event.component, unit=event.unit, points=event.points)


def _record_alerts(event: inbound.AlertsNotified) -> RecordAlerts:
    return RecordAlerts(alerts=event.alerts)


REACTIONS: Mapping[type[Event], Callable[[Any], Command | None]] = {
    provisioning.EnvironmentReady: _start_watching,
    inbound.SamplesTaken: _judge_samples,
    inbound.AlertsNotified: _record_alerts,
}
