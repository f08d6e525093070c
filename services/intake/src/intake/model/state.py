"""What intake remembers of an engagement, folded from its own events."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from schemas.base import Event, Value
from schemas.intake import (
    Answers,
    AnswersRecorded,
    CycleOpened,
    EngagementOpened,
    Formula,
    KpiAgreed,
    PainPoint,
    PainPointRecorded,
    Plan,
    PlanAgreed,
    PlanProposed,
    Questionnaire,
    QuestionnaireDefined,
    Requirement,
    RequirementRecorded,
    RequirementsScored,
    Session,
    SessionRecorded,
    Stakeholder,
    StakeholderRegistered,
    Statement,
    StatementRecorded,
)


class State(Value):
    """`answers` is keyed by `answers_key`, `formulas` by `formula_key`, the rest by id."""

    opened: EngagementOpened | None = None
    stakeholders: dict[str, Stakeholder] = Field(default_factory=dict)
    sessions: dict[str, Session] = Field(default_factory=dict)
    statements: dict[str, Statement] = Field(default_factory=dict)
    questionnaires: dict[str, Questionnaire] = Field(default_factory=dict)
    answers: dict[str, Answers] = Field(default_factory=dict)
    pain_points: dict[str, PainPoint] = Field(default_factory=dict)
    requirements: dict[str, Requirement] = Field(default_factory=dict)
    cycle_of: dict[str, int] = Field(default_factory=dict)
    """Requirement id to the cycle it was recorded in."""
    formulas: dict[str, Formula] = Field(default_factory=dict)
    cycle: int = 1
    scored: RequirementsScored | None = None
    """The newest scoring of this cycle."""
    plan: Plan | None = None
    """The newest plan version of this cycle."""
    plan_versions: int = 0
    agreed_version: int = 0
    """The plan version agreed in this cycle; 0 before that."""
    improvements: tuple[str, ...] = ()
    """Improvements that have become requirements."""

    def in_cycle(self) -> dict[str, Requirement]:
        """The requirements of the running cycle, in the order they were recorded."""
        return {key: r for key, r in self.requirements.items() if self.cycle_of[key] == self.cycle}

    def evidence(self) -> set[str]:
        """All that a pain point may cite: statement ids, and answers as `questionnaire:respondent`."""
        cited = {f"{a.questionnaire}:{a.respondent}" for a in self.answers.values()}
        return cited | set(self.statements)


def answers_key(answers: Answers) -> str:
    # A blank cannot occur in an id, a colon can.
    return f"{answers.questionnaire} {answers.respondent}"


def formula_key(formula: Formula) -> str:
    return f"{formula.id} {formula.version}"


def missing(pain_point: PainPoint) -> tuple[str, ...]:
    """What the pain point lacks before requirements that solve it can be scored: cause, evidence."""
    return tuple(
        name for name, there in (("cause", pain_point.causes), ("evidence", pain_point.evidence)) if not there
    )


def _put(state: State, part: str, key: str, item: Value) -> State:
    return state.model_copy(update={part: {**getattr(state, part), key: item}})


def _opened(state: State, event: EngagementOpened) -> State:
    return state.model_copy(update={"opened": event, "cycle": event.cycle})


def _requirement_recorded(state: State, event: RequirementRecorded) -> State:
    cycle_of = {**state.cycle_of, event.requirement.id: event.cycle}
    return _put(
        state.model_copy(update={"cycle_of": cycle_of}),
        "requirements",
        event.requirement.id,
        event.requirement,
    )


def _kpi_agreed(state: State, event: KpiAgreed) -> State:
    requirement = state.requirements[event.requirement].model_copy(update={"kpi": event.kpi})
    return _put(state, "requirements", event.requirement, requirement)


def _scored(state: State, event: RequirementsScored) -> State:
    return _put(state, "formulas", formula_key(event.formula), event.formula).model_copy(
        update={"scored": event}
    )


def _plan_proposed(state: State, event: PlanProposed) -> State:
    return state.model_copy(update={"plan": event.plan, "plan_versions": event.plan.version})


def _plan_agreed(state: State, event: PlanAgreed) -> State:
    return state.model_copy(update={"agreed_version": event.plan.version})


def _cycle_opened(state: State, event: CycleOpened) -> State:
    update: dict[str, Any] = {"improvements": (*state.improvements, event.improvement)}
    if event.cycle > state.cycle:
        update |= {"cycle": event.cycle, "scored": None, "plan": None, "agreed_version": 0}
    return state.model_copy(update=update)


_EVOLVE: Mapping[type[Event], Callable[[State, Any], State]] = {
    EngagementOpened: _opened,
    StakeholderRegistered: lambda s, e: _put(s, "stakeholders", e.stakeholder.id, e.stakeholder),
    SessionRecorded: lambda s, e: _put(s, "sessions", e.session.id, e.session),
    StatementRecorded: lambda s, e: _put(s, "statements", e.statement.id, e.statement),
    QuestionnaireDefined: lambda s, e: _put(s, "questionnaires", e.questionnaire.id, e.questionnaire),
    AnswersRecorded: lambda s, e: _put(s, "answers", answers_key(e.answers), e.answers),
    PainPointRecorded: lambda s, e: _put(s, "pain_points", e.pain_point.id, e.pain_point),
    RequirementRecorded: _requirement_recorded,
    KpiAgreed: _kpi_agreed,
    RequirementsScored: _scored,
    PlanProposed: _plan_proposed,
    PlanAgreed: _plan_agreed,
    CycleOpened: _cycle_opened,
}


def evolve(state: State, event: Event) -> State:
    change = _EVOLVE.get(type(event))
    return change(state, event) if change else state
