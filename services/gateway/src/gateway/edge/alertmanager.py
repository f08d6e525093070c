"""Prometheus Alertmanager's webhook, version 4, as it is: one notification becomes inbound events."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from gateway.edge.cloudevents import faults_of
from gateway.edge.problems import Fault, Problem, pointer
from schemas.inbound import AlertsNotified
from schemas.monitoring import ExternalAlert, Severity

LONGEST_SUMMARY: Final = 4_000
NEVER: Final = 1
"""Alertmanager writes the year 1 for an end that has not come."""


class Alert(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    fingerprint: str


class Notification(BaseModel):
    """What Alertmanager posts; fields we do not use are left alone."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    version: Literal["4"]
    group_key: str
    receiver: str
    alerts: tuple[Alert, ...]


def read_notification(body: Any, engagement: str | None) -> dict[str, AlertsNotified]:
    """One event per engagement: the query parameter's, or the label's of each alert. Raises Problem."""
    try:
        notification = Notification.model_validate(body)
    except ValidationError as error:
        raise Problem(
            400, "malformed", "this is no Alertmanager notification", faults_of(error, "")
        ) from error
    if not notification.alerts:
        fault = Fault("/alerts", "too-short", "needs at least one alert")
        raise Problem(422, "schema", "nothing was notified", [fault])
    faults = [
        fault for place, one in enumerate(notification.alerts) for fault in _faults(place, one, engagement)
    ]
    if faults:
        raise Problem(422, "schema", "alerts lack labels; nothing was taken", faults)
    return _events(notification, engagement)


def event_id(tenant: str, engagement: str, event: AlertsNotified) -> str:
    """Alertmanager repeats itself until it is answered: equal notifications have equal ids."""
    content = f"{tenant}|{engagement}|{event.model_dump_json()}"
    return f"alertmanager-{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def _events(notification: Notification, engagement: str | None) -> dict[str, AlertsNotified]:
    grouped: dict[str, list[ExternalAlert]] = {}
    faults: list[Fault] = []
    for place, one in enumerate(notification.alerts):
        try:
            grouped.setdefault(engagement or one.labels["engagement"], []).append(_alert(one))
        except ValidationError as error:
            faults += faults_of(error, pointer("alerts", place))
    if faults:
        raise Problem(422, "schema", "alerts break the schema; nothing was taken", faults)
    return {key: _notified(notification, alerts) for key, alerts in grouped.items()}


def _notified(notification: Notification, alerts: Sequence[ExternalAlert]) -> AlertsNotified:
    try:
        return AlertsNotified(
            receiver=notification.receiver, group_key=notification.group_key, alerts=tuple(alerts)
        )
    except ValidationError as error:
        raise Problem(422, "schema", "the notification breaks the schema", faults_of(error, "")) from error


def _alert(one: Alert) -> ExternalAlert:
    return ExternalAlert(
        fingerprint=one.fingerprint,
        name=one.labels["alertname"],
        firing=one.status == "firing",
        severity=Severity(one.labels["severity"]),
        component=one.labels["component"],
        starts_at=one.starts_at,
        ends_at=_end(one.ends_at),
        summary=_summary(one.annotations, one.labels),
    )


def _end(moment: datetime | None) -> datetime | None:
    return None if moment is None or moment.year == NEVER else moment


def _summary(annotations: Mapping[str, str], labels: Mapping[str, str]) -> str:
    texts = (annotations.get("summary", ""), annotations.get("description", ""), labels["alertname"])
    return next(text.strip() for text in texts if text.strip())[:LONGEST_SUMMARY]


def _faults(place: int, one: Alert, engagement: str | None) -> list[Fault]:
    wanted = ["alertname", "component", "severity", *([] if engagement else ["engagement"])]
    at = ("alerts", place, "labels")
    missing = [name for name in wanted if not one.labels.get(name, "").strip()]
    faults = [Fault(pointer(*at, name), "missing", f"the label {name} is missing") for name in missing]
    known = {severity.value for severity in Severity}
    if "severity" not in missing and one.labels["severity"] not in known:
        said = f"must be one of {', '.join(sorted(known))}"
        faults.append(Fault(pointer(*at, "severity"), "unknown", said))
    return faults
