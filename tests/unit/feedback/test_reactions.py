from datetime import UTC, datetime

import pytest

from feedback.reactions import REACTIONS
from schemas.feedback import ReceiveMail, RecordMeasurements, RecordSurvey, Stage, Survey, SurveyKind
from schemas.inbound import MailReceived, SurveyAnswered
from schemas.monitoring import Point, SamplesJudged

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_judged_samples_are_recorded_with_their_unit():
    points = (Point(at=NOW, value=1),)
    event = SamplesJudged(series="lead-time", component="erp", unit="days", points=points)

    command = REACTIONS[SamplesJudged](event)

    assert command == RecordMeasurements(metric="lead-time", points=points, unit="days")


def test_late_samples_only_ask_for_nothing():
    event = SamplesJudged(series="lead-time", component="erp", unit="days", points=(), late=3)

    assert REACTIONS[SamplesJudged](event) is None


@pytest.mark.parametrize("references", [(), ("<a@x>", "<b@x>")])
def test_a_mail_keeps_all_its_headers(references):
    event = MailReceived(
        message_id="<c@x>", in_reply_to="<b@x>", references=references, sender="kim@x", subject="Hi",
        body="..",
        received_at=NOW, auto_submitted=True,
    )  # fmt: skip

    command = REACTIONS[MailReceived](event)

    assert isinstance(command, ReceiveMail)
    assert command.model_dump() == event.model_dump()


def test_an_answered_survey_is_recorded():
    survey = Survey(
        id="S-1", kind=SurveyKind.NPS, score=9, stage=Stage.DESIGN, respondent_role="it", answered_at=NOW
    )

    assert REACTIONS[SurveyAnswered](SurveyAnswered(survey=survey)) == RecordSurvey(survey=survey)
