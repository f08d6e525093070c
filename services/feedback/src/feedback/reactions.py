"""When this upstream event happens, feedback asks itself this command."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas import design, inbound, intake, migration, monitoring
from schemas.base import Command, Event
from schemas.feedback import (
    AdoptComponents,
    AdoptKpis,
    ReceiveMail,
    RecordGoLive,
    RecordMeasurements,
    RecordSurvey,
)


def _record_measurements(event: monitoring.SamplesJudged) -> RecordMeasurements | None:
    if not event.points:
        return None
    return RecordMeasurements(metric=event.series, points=event.points, unit=event.unit)


def _receive_mail(event: inbound.MailReceived) -> ReceiveMail:
    return ReceiveMail(**event.model_dump())


REACTIONS: Mapping[type[Event], Callable[[Any], Command | None]] = {
    intake.PlanAgreed: lambda e: AdoptKpis(cycle=e.cycle, requirements=e.requirements),
    design.ProposalApproved: lambda e: AdoptComponents(
        components=e.proposal.components, coverage=e.proposal.coverage
    ),
    migration.MigrationCompleted: lambda _: RecordGoLive(),
    monitoring.SamplesJudged: _record_measurements,
    inbound.MailReceived: _receive_mail,
    inbound.SurveyAnswered: lambda e: RecordSurvey(survey=e.survey),
}
