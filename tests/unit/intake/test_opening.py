"""Opening an engagement takes all of a brief, or nothing."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.intake import (
    Answers,
    AnswersRecorded,
    Brief,
    EngagementOpened,
    PainPointRecorded,
    QuestionnaireDefined,
    RequirementRecorded,
    SessionRecorded,
    StakeholderRegistered,
    Statement,
    StatementRecorded,
)


def test_every_item_of_the_brief_becomes_an_event(unopened, build):
    unopened.when(build.opening()).then_types(
        EngagementOpened,
        StakeholderRegistered,
        StakeholderRegistered,
        SessionRecorded,
        StatementRecorded,
        QuestionnaireDefined,
        AnswersRecorded,
        PainPointRecorded,
        RequirementRecorded,
        RequirementRecorded,
    )


def test_an_empty_brief_opens_the_engagement_alone(unopened, build):
    command = build.opening(brief=Brief())

    unopened.when(command).then(
        EngagementOpened(
            title=command.title,
            client=command.client,
            currency="EUR",
            budget=Decimal("500000.00"),
            start_on=date(2026, 3, 2),
            target_on=date(2026, 9, 30),
            cycle=1,
        )
    )


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"budget": Decimal("0")}, "budget", "budget-above-zero"),
        ({"target_on": date(2026, 3, 2)}, "target_on", "target-after-start"),
    ],
)
def test_impossible_terms_are_refused(unopened, build, changes, field, rule):
    unopened.when(build.opening(**changes)).then_refused(field, rule)


def _speaker(build: Any, speaker: str) -> dict[str, Any]:
    return {"statements": (Statement(id="said", session="s1", speaker=speaker, text="So."),)}


BROKEN_BRIEFS = {
    "unknown speaker": (lambda b: _speaker(b, "zoe"), "brief.statements.0.speaker", "unknown-stakeholder"),
    "absent speaker": (
        lambda b: _speaker(b, "anna"),
        "brief.statements.0.speaker",
        "speaker-attended-session",
    ),
    "unknown session": (
        lambda b: {"statements": (Statement(id="said", session="s9", speaker="ben", text="So."),)},
        "brief.statements.0.session",
        "unknown-session",
    ),
    "unknown attendee": (
        lambda b: {"stakeholders": (b.stakeholder("anna", "sponsor"),)},
        "brief.sessions.0.attendees.0",
        "unknown-stakeholder",
    ),
    "unknown pain point": (
        lambda b: {"requirements": (b.requirement("r1"), b.requirement("r2", solves=("slow", "gone")))},
        "brief.requirements.1.solves.1",
        "unknown-pain-point",
    ),
    "unknown evidence": (
        lambda b: {"pain_points": (b.pain_point(evidence=("q1:anna",)),)},
        "brief.pain_points.0.evidence.0",
        "unknown-evidence",
    ),
    "duplicate stakeholder": (
        lambda b: {"stakeholders": (b.stakeholder("anna"), b.stakeholder("ben"), b.stakeholder("ben"))},
        "brief.stakeholders.2.id",
        "duplicate-id",
    ),
    "duplicate requirement": (
        lambda b: {"requirements": (b.requirement("r1"), b.requirement("r1"))},
        "brief.requirements.1.id",
        "duplicate-id",
    ),
    "answers given twice": (
        lambda b: {"answers": (b.answers(), b.answers())},
        "brief.answers.1.id",
        "duplicate-id",
    ),
    "answers to an unknown questionnaire": (
        lambda b: {
            "answers": (
                Answers(
                    questionnaire="q9",
                    respondent="ben",
                    answered_at="2026-01-12T09:00:00Z",
                    answers={"pace": 1},
                ),
            )
        },
        "brief.answers.0.questionnaire",
        "unknown-questionnaire",
    ),
    "bad KPI": (
        lambda b: {"requirements": (b.requirement("r1", kpi=b.kpi(owner="zoe")),)},
        "brief.requirements.0.kpi.owner",
        "unknown-stakeholder",
    ),
}


@pytest.mark.parametrize("case", BROKEN_BRIEFS)
def test_one_bad_reference_refuses_the_whole_brief(unopened, build, case):
    changes, field, rule = BROKEN_BRIEFS[case]

    refused = unopened.when(build.opening(brief=build.brief(**changes(build))))

    refused.then_refused(field, rule)
    assert refused.state == unopened.state


def test_opening_again_with_the_same_file_changes_nothing(opened, build):
    opened.when(build.opening()).then_nothing()


def test_opening_again_with_other_terms_is_refused(opened, build):
    opened.when(build.opening(title="Another")).then_refused("engagement", "engagement-already-open")


def test_opening_again_with_one_more_item_is_refused(opened, build):
    more = build.brief(stakeholders=(*build.brief().stakeholders, build.stakeholder("zoe")))

    opened.when(build.opening(brief=more)).then_refused("engagement", "engagement-already-open")
