"""What feedback publishes and takes: tickets, satisfaction, outcomes, improvement measures."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Command,
    CommandNoEffect,
    CommandRefusal,
    Event,
    Moment,
    Prose,
    Ref,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)
from schemas.design import Component, Coverage
from schemas.intake import Because, Kpi, Requirement
from schemas.monitoring import Point


class Channel(StrEnum):
    MAIL = "mail"
    PHONE = "phone"
    CHAT = "chat"


class SurveyKind(StrEnum):
    """CSAT 1..5, NPS 0..10, CES 1..7."""

    CSAT = "csat"
    NPS = "nps"
    CES = "ces"


class Stage(StrEnum):
    INTAKE = "intake"
    DESIGN = "design"
    PROVISIONING = "provisioning"
    MIGRATION = "migration"
    MONITORING = "monitoring"
    FEEDBACK = "feedback"


class Verdict(StrEnum):
    ACHIEVED = "achieved"
    NOT_SHOWN = "not_shown"
    UNMEASURABLE = "unmeasurable"


class Survey(Value):
    id: Ref
    kind: SurveyKind
    score: int = Field(ge=0, le=10)
    stage: Stage
    respondent_role: Ref
    answered_at: Moment
    comment: Prose | None = None


class AdoptedKpi(Value):
    requirement: Ref
    title: Text
    kpi: Kpi
    origin: Requirement | None = Field(default=None, description="the requirement as it was agreed")


class Figure(Value):
    """A satisfaction figure with its 95 % interval; no number below five answers."""

    n: int = Field(ge=0)
    value: float | None = Field(default=None, description="CSAT and CES: mean score; NPS: -100..100")
    low: float | None = None
    high: float | None = None


class RoleFigure(Figure):
    role: Ref


class Improvement(Value):
    """A measure drawn from what was observed; accepting it opens the next cycle."""

    id: Ref
    title: Text
    requirement: Requirement
    because: tuple[Because, ...] = Field(min_length=1)
    expected_benefit: Prose
    owner: Ref


# Commands


class AdoptKpis(Command):
    """Asked by feedback itself when a plan was agreed."""

    type: ClassVar[str] = "feedback.adopt_kpis"
    internal: ClassVar[bool] = True
    cycle: int
    requirements: tuple[Requirement, ...]


class AdoptComponents(Command):
    """Asked by feedback itself when a proposal was approved: what tickets may be about."""

    type: ClassVar[str] = "feedback.adopt_components"
    internal: ClassVar[bool] = True
    components: tuple[Component, ...]
    coverage: tuple[Coverage, ...] = ()


class RecordMeasurements(Command):
    """Asked by feedback itself when monitoring judged measurements."""

    type: ClassVar[str] = "feedback.record_measurements"
    internal: ClassVar[bool] = True
    metric: Ref
    points: tuple[Point, ...]
    unit: Text | None = None


class RecordGoLive(Command):
    """Asked by feedback itself when the migration is complete: what comes after counts as `after`."""

    type: ClassVar[str] = "feedback.record_go_live"
    internal: ClassVar[bool] = True
    at: Moment | None = Field(
        default=None, description="the time of the message that asks, where none is given"
    )


class ReceiveMail(Command):
    """Asked by feedback itself when a mail came in."""

    type: ClassVar[str] = "feedback.receive_mail"
    internal: ClassVar[bool] = True
    message_id: Text
    in_reply_to: Text | None = None
    references: tuple[Text, ...] = ()
    sender: Text
    subject: Text
    body: Prose
    received_at: Moment
    auto_submitted: bool = False


class OpenTicket(Command):
    type: ClassVar[str] = "feedback.open_ticket"
    subject: Text
    body: Prose
    reporter: Text
    channel: Channel
    component: Ref | None = None
    requirement: Ref | None = None


class AnswerTicket(Command):
    type: ClassVar[str] = "feedback.answer_ticket"
    ticket: Ref
    body: Prose
    answered_by: Ref


class ResolveTicket(Command):
    type: ClassVar[str] = "feedback.resolve_ticket"
    ticket: Ref
    solution: Prose
    resolved_by: Ref


class RecordSurvey(Command):
    type: ClassVar[str] = "feedback.record_survey"
    survey: Survey


class EvaluateOutcomes(Command):
    """Judge every KPI of the running cycle on what was measured up to `as_of`."""

    type: ClassVar[str] = "feedback.evaluate_outcomes"
    as_of: Moment


class AcceptImprovement(Command):
    type: ClassVar[str] = "feedback.accept_improvement"
    improvement: Ref
    accepted_by: Ref


class RejectImprovement(Command):
    type: ClassVar[str] = "feedback.reject_improvement"
    improvement: Ref
    rejected_by: Ref
    reason: Prose


# Events


class KpisAdopted(Event):
    """Published per cycle: the contracts that outcomes will be judged by."""

    type: ClassVar[str] = "feedback.kpis_adopted"
    cycle: int
    kpis: tuple[AdoptedKpi, ...]
    agreed_at: Moment | None = Field(default=None, description="a go-live before it says nothing about these")


class ComponentsAdopted(Event):
    """Published per approved proposal: the components that tickets are bound to."""

    type: ClassVar[str] = "feedback.components_adopted"
    components: tuple[Component, ...]
    coverage: tuple[Coverage, ...] = ()


class MeasurementsRecorded(Event):
    """Published for measurements of a metric that a KPI names, or may name while no plan is known yet."""

    type: ClassVar[str] = "feedback.measurements_recorded"
    metric: Ref
    points: tuple[Point, ...]
    unit: Text | None = None


class WentLive(Event):
    """Published per migration that put the system in use; measurements from here on are `after`."""

    type: ClassVar[str] = "feedback.went_live"
    at: Moment


class TicketOpened(Event):
    """Published once per ticket."""

    type: ClassVar[str] = "feedback.ticket_opened"
    ticket: Ref
    subject: Text
    body: Prose
    reporter: Text
    channel: Channel
    opened_at: Moment
    message_id: Text | None = None
    component: Ref | None = None
    requirement: Ref | None = None


class TicketMessageAdded(Event):
    """Published when a mail continues a ticket; one that was resolved is open again."""

    type: ClassVar[str] = "feedback.ticket_message_added"
    ticket: Ref
    message_id: Text
    sender: Text
    body: Prose
    received_at: Moment
    reopened: bool = False


class MailIgnored(Event):
    """Published for a mail that opens no ticket: a duplicate or an automatic reply."""

    type: ClassVar[str] = "feedback.mail_ignored"
    message_id: Text
    reason: Prose


class TicketAnswered(Event):
    """Published per answer of the desk."""

    type: ClassVar[str] = "feedback.ticket_answered"
    ticket: Ref
    body: Prose
    answered_by: Ref


class TicketResolved(Event):
    """Published when a ticket is solved."""

    type: ClassVar[str] = "feedback.ticket_resolved"
    ticket: Ref
    solution: Prose
    resolved_by: Ref


class SurveyRecorded(Event):
    """Published once per survey answer."""

    type: ClassVar[str] = "feedback.survey_recorded"
    survey: Survey


class SatisfactionMeasured(Event):
    """Published after every survey answer: where that stage and kind stand now; no number below n = 5."""

    type: ClassVar[str] = "feedback.satisfaction_measured"
    stage: Stage
    survey_kind: SurveyKind
    figure: Figure
    by_role: tuple[RoleFigure, ...] = ()
    satisfied: Figure | None = Field(
        default=None, description="CSAT only: share of scores 4 and 5, Wilson interval"
    )


class OutcomeEvaluated(Event):
    """Published per KPI and evaluation. `interval` is the 95 % interval of the mean after go-live."""

    type: ClassVar[str] = "feedback.outcome_evaluated"
    cycle: int
    requirement: Ref
    kpi: Kpi
    verdict: Verdict
    samples: int
    actual: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    p_value: float | None = Field(default=None, description="one-sided, that the target is not met")
    reason: Prose
    as_of: Moment


class ImprovementProposed(Event):
    """Published when what was observed calls for a measure; `because` cites the events."""

    type: ClassVar[str] = "feedback.improvement_proposed"
    improvement: Improvement
    finding: str = Field(default="", description="what was observed, as in kpi/R-1")
    evidence_low: float | None = Field(default=None, description="a later value below it is news")
    evidence_high: float | None = Field(default=None, description="a later value above it is news")


class ImprovementAccepted(Event):
    """Published when a measure is accepted; intake opens the next cycle."""

    type: ClassVar[str] = "feedback.improvement_accepted"
    improvement: Improvement
    accepted_by: Ref


class ImprovementRejected(Event):
    """Published when a measure is turned down; it is not proposed again unchanged."""

    type: ClassVar[str] = "feedback.improvement_rejected"
    improvement: Ref
    rejected_by: Ref
    reason: Prose


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "feedback.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "feedback.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "feedback.command_had_no_effect"
