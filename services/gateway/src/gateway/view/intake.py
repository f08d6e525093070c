"""How intake's events change the view."""

from typing import Any

from gateway.entry import Entry
from gateway.view.parts import Table, View, change, item, plain, put, stage
from schemas import intake


def empty() -> View:
    return {
        "stakeholders": [],
        "sessions": [],
        "statements": [],
        "questionnaires": [],
        "pain_points": [],
        "requirements": [],
        "formula": None,
        "plan": None,
    }


def engagement_opened(view: View, event: intake.EngagementOpened, entry: Entry) -> None:
    view.update(plain(event))
    view["opened_at"] = entry.at.isoformat()
    view["cycles"].append(
        {"number": event.cycle, "opened_at": view["opened_at"], "improvement": None, "because": []}
    )
    stage(view, "intake", "active", entry)


def stakeholder_registered(view: View, event: intake.StakeholderRegistered, _: Entry) -> None:
    put(view["intake"]["stakeholders"], plain(event.stakeholder))


def session_recorded(view: View, event: intake.SessionRecorded, _: Entry) -> None:
    put(view["intake"]["sessions"], plain(event.session))


def statement_recorded(view: View, event: intake.StatementRecorded, _: Entry) -> None:
    put(view["intake"]["statements"], plain(event.statement))


def questionnaire_defined(view: View, event: intake.QuestionnaireDefined, _: Entry) -> None:
    put(view["intake"]["questionnaires"], {**plain(event.questionnaire), "answers": [], "coverage": 0.0})


def answers_recorded(view: View, event: intake.AnswersRecorded, _: Entry) -> None:
    found = item(view["intake"]["questionnaires"], "id", event.answers.questionnaire)
    if found is None:
        return
    put(found["answers"], plain(event.answers), "respondent")
    invited, asked = set(found["invited"]), {question["id"] for question in found["questions"]}
    given = sum(len(asked & set(one["answers"])) for one in found["answers"] if one["respondent"] in invited)
    found["coverage"] = round(given / (len(invited) * len(asked)), 4)


def pain_point_recorded(view: View, event: intake.PainPointRecorded, _: Entry) -> None:
    put(view["intake"]["pain_points"], {**plain(event.pain_point), "missing": list(event.missing)})


def requirement_recorded(view: View, event: intake.RequirementRecorded, _: Entry) -> None:
    unscored: dict[str, Any] = {"score": None, "rank": None, "quadrant": None}
    put(view["intake"]["requirements"], {**plain(event.requirement), **unscored, "cycle": event.cycle})


def kpi_agreed(view: View, event: intake.KpiAgreed, _: Entry) -> None:
    change(view["intake"]["requirements"], "id", event.requirement, kpi=plain(event.kpi))


def requirements_scored(view: View, event: intake.RequirementsScored, _: Entry) -> None:
    view["intake"]["formula"] = plain(event.formula)
    for score in event.scores:
        judged = {"score": score.score, "rank": score.rank, "quadrant": score.quadrant.value}
        change(view["intake"]["requirements"], "id", score.requirement, **judged)


def plan_proposed(view: View, event: intake.PlanProposed, entry: Entry) -> None:
    proposed = {
        "state": "proposed",
        "proposed_at": entry.at.isoformat(),
        "agreed_at": None,
        "agreed_by": None,
    }
    view["intake"]["plan"] = {**plain(event.plan), **proposed}


def plan_agreed(view: View, event: intake.PlanAgreed, entry: Entry) -> None:
    known = view["intake"]["plan"] or {}
    agreed = {"state": "agreed", "agreed_at": entry.at.isoformat(), "agreed_by": event.agreed_by}
    view["intake"]["plan"] = {"proposed_at": known.get("proposed_at"), **plain(event.plan), **agreed}
    stage(view, "intake", "done", entry)


def cycle_opened(view: View, event: intake.CycleOpened, entry: Entry) -> None:
    view["cycle"] = event.cycle
    view["cycles"].append(
        {
            "number": event.cycle,
            "opened_at": entry.at.isoformat(),
            "improvement": event.improvement,
            "because": [plain(link) for link in event.because],
        }
    )
    # Monitoring goes on from one cycle into the next; the other stages begin again.
    for one in view["stages"]:
        if one["name"] != "monitoring":
            one.update(state="pending", started_at=None, done_at=None)
    stage(view, "intake", "active", entry)


TABLE: Table = {
    intake.EngagementOpened: engagement_opened,
    intake.StakeholderRegistered: stakeholder_registered,
    intake.SessionRecorded: session_recorded,
    intake.StatementRecorded: statement_recorded,
    intake.QuestionnaireDefined: questionnaire_defined,
    intake.AnswersRecorded: answers_recorded,
    intake.PainPointRecorded: pain_point_recorded,
    intake.RequirementRecorded: requirement_recorded,
    intake.KpiAgreed: kpi_agreed,
    intake.RequirementsScored: requirements_scored,
    intake.PlanProposed: plan_proposed,
    intake.PlanAgreed: plan_agreed,
    intake.CycleOpened: cycle_opened,
}
