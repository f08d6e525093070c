"""A small brief with everything in it, and the engagement that it opens."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

import intake.model
from schemas.intake import (
    AgreeKpi,
    Answers,
    Brief,
    Cause,
    Client,
    Direction,
    Kpi,
    OpenEngagement,
    PainPoint,
    ProposePlan,
    Question,
    QuestionKind,
    Questionnaire,
    Requirement,
    ScoreRequirements,
    Session,
    SessionKind,
    Stakeholder,
    StakeholderRole,
    Statement,
)
from testkit.scenario import Scenario, scenario

MORNING = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)


class Builders:
    """Objects with good defaults: a test names only what matters to it."""

    def stakeholder(self, id: str, role: str = "key_user") -> Stakeholder:
        return Stakeholder(id=id, name=id.title(), role=StakeholderRole(role), department="Sales")

    def kpi(self, **changes: Any) -> Kpi:
        values: dict[str, Any] = {
            "metric": "order-lead-time",
            "unit": "days",
            "direction": Direction.DECREASE,
            "baseline": 12.0,
            "target": 5.0,
            "due_on": date(2026, 12, 1),
            "owner": "anna",
        }
        return Kpi(**values | changes)

    def requirement(self, id: str, **changes: Any) -> Requirement:
        values: dict[str, Any] = {
            "title": f"Requirement {id}",
            "description": "What it is about.",
            "importance": 5,
            "urgency": 5,
            "effort_days": 10,
        }
        return Requirement(id=id, **values | changes)

    def questionnaire(self, **changes: Any) -> Questionnaire:
        values: dict[str, Any] = {
            "id": "q1",
            "title": "Daily work",
            "questions": (
                Question(id="pace", text="How fast?", kind=QuestionKind.SCALE),
                Question(id="tool", text="Which tool?", kind=QuestionKind.CHOICE, choices=("Excel", "Paper")),
                Question(id="wish", text="What else?", kind=QuestionKind.TEXT),
            ),
            "invited": ("anna", "ben"),
        }
        return Questionnaire(**values | changes)

    def answers(self, respondent: str = "ben", **answers: int | str) -> Answers:
        return Answers(
            questionnaire="q1", respondent=respondent, answered_at=MORNING, answers=answers or {"pace": 2}
        )

    def pain_point(self, id: str = "slow", **changes: Any) -> PainPoint:
        values: dict[str, Any] = {
            "title": "Orders are slow",
            "causes": (Cause(id="paper", text="Forms are on paper."),),
            "evidence": ("said", "q1:ben"),
        }
        return PainPoint(id=id, **values | changes)

    def brief(self, **changes: Any) -> Brief:
        values: dict[str, Any] = {
            "stakeholders": (self.stakeholder("anna", "sponsor"), self.stakeholder("ben")),
            "sessions": (
                Session(
                    id="s1", kind=SessionKind.MEETING, title="Start", held_at=MORNING, attendees=("ben",)
                ),
            ),
            "statements": (Statement(id="said", session="s1", speaker="ben", text="It takes two weeks."),),
            "questionnaires": (self.questionnaire(),),
            "answers": (self.answers(),),
            "pain_points": (self.pain_point(),),
            "requirements": (
                self.requirement("r1", solves=("slow",), kpi=self.kpi()),
                self.requirement("r2", importance=2, urgency=2, effort_days=30),
            ),
        }
        return Brief(**values | changes)

    def opening(self, **changes: Any) -> OpenEngagement:
        values: dict[str, Any] = {
            "title": "New order system",
            "client": Client(name="Nordwerk", industry="Machines"),
            "currency": "EUR",
            "budget": Decimal("500000.00"),
            "start_on": date(2026, 3, 2),
            "target_on": date(2026, 9, 30),
            "brief": self.brief(),
        }
        return OpenEngagement(**values | changes)


@pytest.fixture
def build() -> Builders:
    return Builders()


@pytest.fixture
def unopened() -> Scenario:
    return scenario(intake.model)


@pytest.fixture
def opened(unopened: Scenario, build: Builders) -> Scenario:
    return unopened.when(build.opening())


@pytest.fixture
def planned(opened: Scenario, build: Builders) -> Scenario:
    """Scored, with a KPI on every requirement and plan version 1 proposed."""
    agreed = opened.when(AgreeKpi(requirement="r2", kpi=build.kpi(metric="errors", unit="percent")))
    return agreed.when(ScoreRequirements()).when(ProposePlan())
