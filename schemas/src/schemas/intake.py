"""What intake publishes and takes: from the first interview to an agreed plan."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Amount,
    Command,
    CommandNoEffect,
    CommandRefusal,
    Currency,
    Day,
    Event,
    Moment,
    Prose,
    Rating,
    Ref,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)


class StakeholderRole(StrEnum):
    SPONSOR = "sponsor"
    MANAGEMENT = "management"
    DEPARTMENT_HEAD = "department_head"
    KEY_USER = "key_user"
    IT = "it"


class SessionKind(StrEnum):
    MEETING = "meeting"
    PHONE = "phone"
    WORKSHOP = "workshop"


class QuestionKind(StrEnum):
    SCALE = "scale"
    CHOICE = "choice"
    TEXT = "text"


class Direction(StrEnum):
    INCREASE = "increase"
    DECREASE = "decrease"


class Quadrant(StrEnum):
    """Importance x urgency; `high` means a rating of 4 or 5."""

    DO_FIRST = "do_first"
    SCHEDULE = "schedule"
    QUICK_WIN = "quick_win"
    LATER = "later"


class Client(Value):
    name: Text
    industry: Text
    sites: tuple[Text, ...] = ()


class Stakeholder(Value):
    id: Ref
    name: Text
    role: StakeholderRole
    department: Text
    email: Text | None = None


class Session(Value):
    id: Ref
    kind: SessionKind
    title: Text
    held_at: Moment
    attendees: tuple[Ref, ...] = Field(min_length=1, description="stakeholder ids")


class Statement(Value):
    id: Ref
    session: Ref
    speaker: Ref = Field(description="stakeholder id; must have attended the session")
    text: Prose


class Question(Value):
    id: Ref
    text: Text
    kind: QuestionKind
    choices: tuple[Text, ...] = ()


class Questionnaire(Value):
    id: Ref
    title: Text
    questions: tuple[Question, ...] = Field(min_length=1)
    invited: tuple[Ref, ...] = Field(min_length=1, description="stakeholder ids")


class Answers(Value):
    """One person's answers: question id to a scale value 1..5, one of the choices, or free text."""

    questionnaire: Ref
    respondent: Ref
    answered_at: Moment
    answers: dict[Ref, int | str] = Field(min_length=1)


class Cause(Value):
    id: Ref
    text: Prose


class PainPoint(Value):
    """`evidence` cites statements, or answers as `questionnaire:respondent`."""

    id: Ref
    title: Text
    causes: tuple[Cause, ...] = ()
    evidence: tuple[Ref, ...] = ()
    solution_idea: Prose | None = None


class Kpi(Value):
    """How success is measured: the metric is the name of a measured series."""

    metric: Ref
    unit: Text
    direction: Direction
    baseline: float
    target: float
    due_on: Day
    owner: Ref = Field(description="stakeholder id")


class Need(Value):
    """What a requirement asks of one slot of the solution (database, erp, storage, network ...)."""

    slot: Ref
    features: tuple[Ref, ...] = ()
    minimum_rating: dict[Ref, Rating] = Field(
        default={}, description="criterion to the least acceptable rating"
    )


class Requirement(Value):
    id: Ref
    title: Text
    description: Prose
    solves: tuple[Ref, ...] = Field(default=(), description="pain point ids")
    importance: Rating
    urgency: Rating
    effort_days: int = Field(ge=1, le=2000, description="rough estimate, person days")
    needs: tuple[Need, ...] = ()
    kpi: Kpi | None = None


class Formula(Value):
    """A versioned weighted score: sum of weight x rating; effort counts as 6 - its size class (1..5)."""

    id: Ref = "weighted"
    version: int = Field(default=1, ge=1)
    importance: float = Field(default=0.5, ge=0, le=1)
    urgency: float = Field(default=0.3, ge=0, le=1)
    ease: float = Field(default=0.2, ge=0, le=1)


class Score(Value):
    requirement: Ref
    quadrant: Quadrant
    score: float
    rank: int = Field(ge=1)


class Phase(Value):
    number: int = Field(ge=1)
    title: Text
    requirements: tuple[Ref, ...]
    expected_outcome: Prose
    milestone_on: Day


class Plan(Value):
    version: int = Field(ge=1)
    formula: Formula
    phases: tuple[Phase, ...] = Field(min_length=1)


class Brief(Value):
    """Everything known when an engagement is opened from a file; each part may also be recorded later."""

    stakeholders: tuple[Stakeholder, ...] = ()
    sessions: tuple[Session, ...] = ()
    statements: tuple[Statement, ...] = ()
    questionnaires: tuple[Questionnaire, ...] = ()
    answers: tuple[Answers, ...] = ()
    pain_points: tuple[PainPoint, ...] = ()
    requirements: tuple[Requirement, ...] = ()


# Commands


class OpenEngagement(Command):
    """Open an engagement, with as much of the brief as is known: all of it takes effect, or nothing."""

    type: ClassVar[str] = "intake.open_engagement"
    title: Text
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day
    brief: Brief = Brief()


class RegisterStakeholder(Command):
    type: ClassVar[str] = "intake.register_stakeholder"
    stakeholder: Stakeholder


class RecordSession(Command):
    type: ClassVar[str] = "intake.record_session"
    session: Session


class RecordStatement(Command):
    type: ClassVar[str] = "intake.record_statement"
    statement: Statement


class DefineQuestionnaire(Command):
    type: ClassVar[str] = "intake.define_questionnaire"
    questionnaire: Questionnaire


class RecordAnswers(Command):
    type: ClassVar[str] = "intake.record_answers"
    answers: Answers


class RecordPainPoint(Command):
    type: ClassVar[str] = "intake.record_pain_point"
    pain_point: PainPoint


class RecordRequirement(Command):
    type: ClassVar[str] = "intake.record_requirement"
    requirement: Requirement


class AgreeKpi(Command):
    """Give a requirement its KPI contract."""

    type: ClassVar[str] = "intake.agree_kpi"
    requirement: Ref
    kpi: Kpi


class ScoreRequirements(Command):
    type: ClassVar[str] = "intake.score_requirements"
    formula: Formula = Formula()


class ProposePlan(Command):
    """Make a phased plan out of the latest scores. Refused while something needed for it is missing."""

    type: ClassVar[str] = "intake.propose_plan"


class AgreePlan(Command):
    type: ClassVar[str] = "intake.agree_plan"
    plan_version: int = Field(ge=1)
    agreed_by: Ref = Field(description="stakeholder id of a sponsor or of management")


class OpenCycle(Command):
    """Asked by intake itself when an improvement measure was accepted."""

    type: ClassVar[str] = "intake.open_cycle"
    internal: ClassVar[bool] = True
    improvement: Ref
    requirement: Requirement
    because: tuple["Because", ...]


class Because(Value):
    """One link of a chain of reasons, ending at the event that shows it."""

    kind: Ref = Field(description="kpi, survey, ticket, incident ...")
    ref: Ref
    event_id: str
    text: Prose


# Events


class EngagementOpened(Event):
    """Published once, first in every engagement."""

    type: ClassVar[str] = "intake.engagement_opened"
    title: Text
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day
    cycle: int = 1


class StakeholderRegistered(Event):
    """Published once per stakeholder."""

    type: ClassVar[str] = "intake.stakeholder_registered"
    stakeholder: Stakeholder


class SessionRecorded(Event):
    """Published once per elicitation session."""

    type: ClassVar[str] = "intake.session_recorded"
    session: Session


class StatementRecorded(Event):
    """Published once per statement; speaker and session exist."""

    type: ClassVar[str] = "intake.statement_recorded"
    statement: Statement


class QuestionnaireDefined(Event):
    """Published once per questionnaire."""

    type: ClassVar[str] = "intake.questionnaire_defined"
    questionnaire: Questionnaire


class AnswersRecorded(Event):
    """Published once per respondent and questionnaire; later answers replace earlier ones."""

    type: ClassVar[str] = "intake.answers_recorded"
    answers: Answers


class PainPointRecorded(Event):
    """Published when a pain point is recorded or extended; the newest replaces the one before."""

    type: ClassVar[str] = "intake.pain_point_recorded"
    pain_point: PainPoint
    missing: tuple[Ref, ...] = Field(
        default=(), description="cause, evidence: what is missing before it can be prioritised"
    )


class RequirementRecorded(Event):
    """Published when a requirement is recorded; pain points it solves exist."""

    type: ClassVar[str] = "intake.requirement_recorded"
    requirement: Requirement
    cycle: int = 1


class KpiAgreed(Event):
    """Published when a requirement is given its KPI contract."""

    type: ClassVar[str] = "intake.kpi_agreed"
    requirement: Ref
    kpi: Kpi


class RequirementsScored(Event):
    """Published per scoring; the same inputs and formula give the same scores and ranks."""

    type: ClassVar[str] = "intake.requirements_scored"
    formula: Formula
    scores: tuple[Score, ...]


class PlanProposed(Event):
    """Published per plan version, for the client to agree."""

    type: ClassVar[str] = "intake.plan_proposed"
    plan: Plan


class PlanAgreed(Event):
    """Published when the client agrees; carries all that design needs. Every requirement has a KPI."""

    type: ClassVar[str] = "intake.plan_agreed"
    title: Text
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day
    cycle: int
    plan: Plan
    requirements: tuple[Requirement, ...]
    agreed_by: Ref


class CycleOpened(Event):
    """Published when an accepted improvement starts the next cycle; `because` ends at what was observed."""

    type: ClassVar[str] = "intake.cycle_opened"
    cycle: int = Field(ge=2)
    improvement: Ref
    requirement: Ref
    because: tuple[Because, ...]


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "intake.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "intake.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "intake.command_had_no_effect"
