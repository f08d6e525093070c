"""One decision per command, in the order of the lifecycle."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from intake.model.opening import open_engagement
from intake.model.planning import agree_plan, open_cycle, opened_of, propose_plan, score_requirements
from intake.model.recording import ANSWERS, PAIN_POINTS, QUESTIONNAIRES, SESSIONS, STAKEHOLDERS, STATEMENTS
from intake.model.requirements import agree_kpi, record_requirement
from intake.model.state import State
from schemas.base import Command, Event
from schemas.intake import (
    AgreeKpi,
    AgreePlan,
    DefineQuestionnaire,
    OpenCycle,
    OpenEngagement,
    ProposePlan,
    RecordAnswers,
    RecordPainPoint,
    RecordRequirement,
    RecordSession,
    RecordStatement,
    RegisterStakeholder,
    ScoreRequirements,
)
from schemas.rules import Context

_DECIDE: Mapping[type[Command], Callable[[State, Any], Sequence[Event]]] = {
    OpenEngagement: open_engagement,
    RegisterStakeholder: lambda s, c: STAKEHOLDERS.record(s, c.stakeholder, "stakeholder"),
    RecordSession: lambda s, c: SESSIONS.record(s, c.session, "session"),
    RecordStatement: lambda s, c: STATEMENTS.record(s, c.statement, "statement"),
    DefineQuestionnaire: lambda s, c: QUESTIONNAIRES.record(s, c.questionnaire, "questionnaire"),
    RecordAnswers: lambda s, c: ANSWERS.record(s, c.answers, "answers"),
    RecordPainPoint: lambda s, c: PAIN_POINTS.record(s, c.pain_point, "pain_point"),
    RecordRequirement: record_requirement,
    AgreeKpi: agree_kpi,
    ScoreRequirements: score_requirements,
    ProposePlan: lambda s, _: propose_plan(s),
    AgreePlan: agree_plan,
    OpenCycle: open_cycle,
}


def decide(state: State, command: Command, _: Context) -> Sequence[Event]:
    """The events that follow; none where the command is satisfied already. Raises Refused."""
    if not isinstance(command, OpenEngagement):
        opened_of(state)
    return _DECIDE[type(command)](state, command)
