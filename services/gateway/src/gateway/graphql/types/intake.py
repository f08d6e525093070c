"""What a client sees of intake."""

from datetime import date, datetime

import strawberry

from gateway.graphql.scalars import JSON
from gateway.graphql.types.common import Section
from schemas.intake import Direction, Quadrant, QuestionKind, SessionKind, StakeholderRole


@strawberry.type
class Stakeholder:
    id: str
    name: str
    role: StakeholderRole
    department: str
    email: str | None


@strawberry.type
class Session:
    id: str
    kind: SessionKind
    title: str
    held_at: datetime
    attendees: list[str]


@strawberry.type
class Statement:
    id: str
    session: str
    speaker: str
    text: str


@strawberry.type
class Question:
    id: str
    text: str
    kind: QuestionKind
    choices: list[str]


@strawberry.type
class Answers:
    questionnaire: str
    respondent: str
    answered_at: datetime
    answers: JSON


@strawberry.type
class Questionnaire:
    id: str
    title: str
    questions: list[Question]
    invited: list[str]
    answers: list[Answers]
    coverage: float = strawberry.field(
        description="share of answers given of those asked of the invited, 0..1"
    )


@strawberry.type
class Cause:
    id: str
    text: str


@strawberry.type
class PainPoint:
    id: str
    title: str
    causes: list[Cause]
    evidence: list[str]
    solution_idea: str | None
    missing: list[str]


@strawberry.type
class Kpi:
    metric: str
    unit: str
    direction: Direction
    baseline: float
    target: float
    due_on: date
    owner: str


@strawberry.type
class Need:
    slot: str
    features: list[str]
    minimum_rating: JSON


@strawberry.type
class Requirement:
    id: str
    title: str
    description: str
    solves: list[str]
    importance: int
    urgency: int
    effort_days: int
    needs: list[Need]
    kpi: Kpi | None
    score: float | None
    rank: int | None
    quadrant: Quadrant | None
    cycle: int


@strawberry.type
class Formula:
    id: str
    version: int
    importance: float
    urgency: float
    ease: float


@strawberry.type
class Phase:
    number: int
    title: str
    requirements: list[str]
    expected_outcome: str
    milestone_on: date


@strawberry.type
class Plan:
    version: int
    formula: Formula
    phases: list[Phase]
    state: str = strawberry.field(description="proposed or agreed")
    proposed_at: datetime | None
    agreed_at: datetime | None
    agreed_by: str | None


@strawberry.type
class Intake(Section):
    stakeholders: list[Stakeholder]
    sessions: list[Session]
    statements: list[Statement]
    questionnaires: list[Questionnaire]
    pain_points: list[PainPoint]
    requirements: list[Requirement]
    formula: Formula | None
    plan: Plan | None
