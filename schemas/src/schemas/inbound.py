"""What outside systems publish: to `inbound.events`, measurements to `monitoring.samples`."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from schemas.base import Event, Moment, Prose, Ref, Text
from schemas.feedback import Survey
from schemas.intake import Answers, Statement
from schemas.monitoring import ExternalAlert, Point


class Inbound(Event):
    """An event from outside: strict, since a field we do not know is a sender's mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def topic(cls) -> str:
        return "inbound.events"


class StatementCaptured(Inbound):
    """Sent by a note-taking tool: something a stakeholder said in a recorded session. For intake."""

    type: ClassVar[str] = "inbound.statement_captured"
    statement: Statement


class QuestionnaireAnswered(Inbound):
    """Sent by a survey tool: one person's answers to a questionnaire. For intake."""

    type: ClassVar[str] = "inbound.questionnaire_answered"
    answers: Answers


class SamplesTaken(Inbound):
    """Sent by collectors: measurements of one series on one component. For monitoring."""

    type: ClassVar[str] = "inbound.samples_taken"
    series: Ref
    component: Ref
    unit: Text
    points: tuple[Point, ...] = Field(min_length=1, max_length=2000)

    @classmethod
    def topic(cls) -> str:
        return "monitoring.samples"


class AlertsNotified(Inbound):
    """Made from an Alertmanager webhook (version 4) by the gateway. For monitoring."""

    type: ClassVar[str] = "inbound.alerts_notified"
    receiver: Text
    group_key: Prose
    alerts: tuple[ExternalAlert, ...] = Field(min_length=1, max_length=1000)


class MailReceived(Inbound):
    """Sent by a mail bridge: one mail to the service desk (RFC 5322 headers as they came). For feedback."""

    type: ClassVar[str] = "inbound.mail_received"
    message_id: Text
    in_reply_to: Text | None = None
    references: tuple[Text, ...] = ()
    sender: Text
    subject: Text
    body: Prose
    received_at: Moment
    auto_submitted: bool = False


class SurveyAnswered(Inbound):
    """Sent by a survey tool: one satisfaction answer. For feedback."""

    type: ClassVar[str] = "inbound.survey_answered"
    survey: Survey
