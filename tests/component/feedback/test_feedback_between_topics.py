"""The whole service between its topics: what the others publish in, verdicts and measures out."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from feedback.main import build_app
from feedback.settings import Settings
from schemas.feedback import (
    AcceptImprovement,
    AnswerTicket,
    CommandRefused,
    EvaluateOutcomes,
    ImprovementAccepted,
    ImprovementProposed,
    KpisAdopted,
    MailIgnored,
    MeasurementsRecorded,
    OutcomeEvaluated,
    SatisfactionMeasured,
    Stage,
    Survey,
    SurveyKind,
    TicketOpened,
    Verdict,
    WentLive,
)
from schemas.inbound import MailReceived, SurveyAnswered
from schemas.intake import Client, Direction, Formula, Kpi, Phase, Plan, PlanAgreed, Requirement
from schemas.migration import MigrationCompleted
from schemas.monitoring import Point, SamplesJudged
from schemas.provisioning import Endpoint
from testkit.backbone import Backbone, Tail

LIVE = datetime(2026, 4, 1, tzinfo=UTC)


def requirement(name: str, metric: str) -> Requirement:
    kpi = Kpi(
        metric=metric, unit="days", direction=Direction.DECREASE, baseline=9, target=4,
        due_on=date(2026, 7, 1), owner="anna",
    )  # fmt: skip
    return Requirement(
        id=name, title=f"Better {metric}", description="..", importance=5, urgency=5, effort_days=9, kpi=kpi
    )


def plan_agreed() -> PlanAgreed:
    phase = Phase(
        number=1,
        title="All",
        requirements=("R-1", "R-2"),
        expected_outcome="Faster.",
        milestone_on=date(2026, 7, 1),
    )
    return PlanAgreed(
        title="New order system",
        client=Client(name="Nordwerk", industry="Machines"),
        currency="EUR",
        budget=Decimal(20000),
        start_on=date(2026, 3, 2),
        target_on=date(2026, 9, 30),
        cycle=1,
        plan=Plan(version=1, formula=Formula(), phases=(phase,)),
        requirements=(requirement("R-1", "lead-time"), requirement("R-2", "error-rate")),
        agreed_by="anna",
    )


def completed() -> MigrationCompleted:
    endpoint = Endpoint(host="127.0.0.1", port=5432, database="orders", user="app", secret="s")
    return MigrationCompleted(
        run=1, tables=1, rows_written=1, rows_rejected=0, certificate="0" * 64, endpoint=endpoint
    )


def judged(metric: str, *values: float) -> SamplesJudged:
    points = tuple(Point(at=LIVE + timedelta(days=1 + n), value=value) for n, value in enumerate(values))
    return SamplesJudged(series=metric, component="erp", unit="days", points=points)


@pytest.fixture
async def events(backbone: Backbone) -> AsyncIterator[Tail]:
    async with (
        build_app(Settings(**dict(backbone.settings()))).running(),
        backbone.tail("feedback.events") as tail,
    ):
        yield tail


async def test_measured_outcomes_lead_to_a_measure_that_cites_the_event_it_rests_on(
    backbone: Backbone, events: Tail
) -> None:
    await backbone.happened(plan_agreed(), time=LIVE - timedelta(days=30))
    await events.until(lambda tail: bool(tail.of(KpisAdopted)))
    await backbone.send(AnswerTicket(ticket="T-9", body="Hello?", answered_by="jo"))
    await backbone.happened(completed(), time=LIVE)
    await backbone.happened(judged("lead-time", *[3.0, 3.4] * 10), time=LIVE)
    await backbone.happened(judged("cpu", 1, 2, 3), time=LIVE)
    await backbone.happened(judged("error-rate", *[5.0, 5.4] * 10), time=LIVE)
    await events.until(lambda tail: len(tail.of(MeasurementsRecorded)) == 2 and bool(tail.of(WentLive)))

    await backbone.send(EvaluateOutcomes(as_of=LIVE + timedelta(days=60)))
    await events.until(lambda tail: bool(tail.of(ImprovementProposed)))
    await backbone.send(AcceptImprovement(improvement="IMP-1", accepted_by="anna"))
    await events.until(lambda tail: bool(tail.of(ImprovementAccepted)))

    assert events.of(WentLive)[0].payload.at == LIVE
    outcomes = {m.payload.requirement: m for m in events.of(OutcomeEvaluated)}
    assert {name: m.payload.verdict for name, m in outcomes.items()} == {
        "R-1": Verdict.ACHIEVED,
        "R-2": Verdict.NOT_SHOWN,
    }
    because = events.of(ImprovementProposed)[0].payload.improvement.because
    assert [reason.event_id for reason in because] == [
        events.of(KpisAdopted)[0].envelope.id,
        outcomes["R-2"].envelope.id,
    ]
    assert len(events.of(CommandRefused)) == 1


async def test_mails_and_survey_answers_from_outside_are_taken_once(backbone: Backbone, events: Tail) -> None:
    mail = MailReceived(
        message_id="<a@x>", sender="kim@x", subject="Printer", body="It does not print.", received_at=LIVE
    )
    survey = Survey(
        id="S-1", kind=SurveyKind.CSAT, score=9, stage=Stage.DESIGN, respondent_role="it", answered_at=LIVE
    )

    await backbone.tell(mail)
    await backbone.tell(mail)
    await backbone.tell(SurveyAnswered(survey=survey))
    await backbone.tell(SurveyAnswered(survey=survey.model_copy(update={"score": 5})))
    await events.until(lambda tail: bool(tail.of(SatisfactionMeasured)))

    assert [m.payload.ticket for m in events.of(TicketOpened)] == ["T-1"]
    assert len(events.of(MailIgnored)) == 1
    [refused] = events.of(CommandRefused)
    assert (refused.payload.field, refused.payload.rule) == ("survey.score", "score-on-scale")
