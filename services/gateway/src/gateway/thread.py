"""How the stages hang together: the value thread of a requirement, and why an event came about. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.entry import Entry
from gateway.view import View
from schemas import design, feedback, intake, migration, monitoring, provisioning
from schemas.base import Event

Link = dict[str, Any]
_EVENT_ID = re.compile(r"^ENG-[0-9A-Z]{4,12}/[a-z]+/[0-9]+")

_FACTS: Final[Mapping[type[Event], tuple[str, Callable[[Any], Iterable[str]]]]] = {
    intake.StatementRecorded: ("statement", lambda e: [e.statement.id]),
    intake.AnswersRecorded: ("answers", lambda e: [f"{e.answers.questionnaire}:{e.answers.respondent}"]),
    intake.PainPointRecorded: ("pain_point", lambda e: [e.pain_point.id]),
    intake.RequirementRecorded: ("requirement", lambda e: [e.requirement.id]),
    intake.KpiAgreed: ("kpi", lambda e: [e.requirement]),
    intake.RequirementsScored: ("score", lambda e: [score.requirement for score in e.scores]),
    intake.PlanAgreed: ("phase", lambda e: [str(phase.number) for phase in e.plan.phases]),
    design.ProposalDrafted: ("proposal", lambda e: [str(e.proposal.version)]),
    design.ProposalApproved: ("proposal", lambda e: [str(e.proposal.version)]),
    provisioning.EnvironmentReady: ("environment", lambda e: [e.environment.database]),
    migration.MigrationCompleted: ("certificate", lambda e: [e.certificate]),
    monitoring.SloDefined: ("slo", lambda e: [e.slo.id]),
    monitoring.BudgetMeasured: ("slo", lambda e: [e.slo]),
    monitoring.IncidentOpened: ("incident", lambda e: [e.incident]),
    monitoring.IncidentResolved: ("incident", lambda e: [e.incident]),
    feedback.TicketOpened: ("ticket", lambda e: [e.ticket]),
    feedback.OutcomeEvaluated: ("outcome", lambda e: [e.requirement]),
    feedback.ImprovementProposed: ("improvement", lambda e: [e.improvement.id]),
    feedback.ImprovementAccepted: ("improvement", lambda e: [e.improvement.id]),
}


def value_thread(view: View, entries: Sequence[Entry], requirement: str) -> list[Link] | None:
    """From what was said to what came of it; None where there is no such requirement.

    Each link names the newest event that shows it; the links are in the order of the lifecycle.
    """
    found = next((one for one in view["intake"]["requirements"] if one["id"] == requirement), None)
    if found is None:
        return None
    shown = _shown(entries)
    links = [*_origins(view, found), *_solution(view, requirement), *_effects(view, requirement)]
    for link in links:
        entry = shown.get((link["event_kind"], link["event_ref"]))
        link["event_id"] = entry.id if entry else None
        link["at"] = entry.at.isoformat() if entry else None
    return links


def cause_of(entry: Entry) -> str | None:
    """The id of the event an entry goes back to, where its cause is work that an event started."""
    match = _EVENT_ID.match(entry.causation or "")
    return match[0] if match else None


def _shown(entries: Sequence[Entry]) -> dict[tuple[str, str], Entry]:
    shown: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        payload = entry.payload
        fact = _FACTS.get(type(payload)) if isinstance(payload, Event) else None
        if fact:
            shown |= {(fact[0], ref): entry for ref in fact[1](payload)}
    return shown


def _link(stage: str, kind: str, ref: str, title: str, detail: str = "", shown_by: str | None = None) -> Link:
    """`shown_by` is the kind:ref of the fact whose event shows the link, where it is not its own."""
    event_kind, _, event_ref = (shown_by or f"{kind}={ref}").partition("=")
    about = {"stage": stage, "kind": kind, "ref": ref, "title": title, "detail": detail or None}
    return {**about, "event_kind": event_kind, "event_ref": event_ref}


def _origins(view: View, requirement: Link) -> Iterable[Link]:
    section = view["intake"]
    pains = [pain for pain in section["pain_points"] if pain["id"] in requirement["solves"]]
    evidence = {ref for pain in pains for ref in pain["evidence"]}
    for said in section["statements"]:
        if said["id"] in evidence:
            yield _link("intake", "statement", said["id"], said["text"], said["speaker"])
    for questionnaire in section["questionnaires"]:
        for answers in questionnaire["answers"]:
            ref = f"{questionnaire['id']}:{answers['respondent']}"
            if ref in evidence:
                yield _link("intake", "answers", ref, questionnaire["title"], answers["respondent"])
    for pain in pains:
        yield _link("intake", "pain_point", pain["id"], pain["title"])
    yield _link("intake", "requirement", requirement["id"], requirement["title"], requirement["description"])
    kpi = requirement["kpi"]
    if kpi:
        wanted = f"{kpi['metric']}: {kpi['baseline']} to {kpi['target']} {kpi['unit']} by {kpi['due_on']}"
        yield _link("intake", "kpi", kpi["metric"], wanted, kpi["owner"], f"requirement={requirement['id']}")
    if requirement["score"] is not None:
        said_score = f"rank {requirement['rank']}, score {requirement['score']}"
        yield _link("intake", "score", requirement["id"], said_score, requirement["quadrant"])
    for phase in (section["plan"] or {"phases": []})["phases"]:
        if requirement["id"] in phase["requirements"]:
            yield _link("intake", "phase", str(phase["number"]), phase["title"], phase["expected_outcome"])


def _solution(view: View, requirement: str) -> Iterable[Link]:
    proposal = view["design"]["proposal"]
    if proposal is None:
        return
    shown_by = f"proposal={proposal['version']}"
    for selection in proposal["selections"]:
        if requirement in selection["serves"]:
            yield _link(
                "design", "product", selection["product"], selection["name"], selection["reason"], shown_by
            )
    for task in proposal["tasks"]:
        if requirement in task["serves"]:
            when = f"{task['start_on']} to {task['finish_on']}"
            yield _link("design", "task", task["id"], task["title"], when, shown_by)
    for hole in proposal["holes"]:
        if hole["requirement"] == requirement:
            yield _link("design", "hole", requirement, "not covered", hole["reason"], shown_by)
    environment, certificate = view["provisioning"]["environment"], view["migration"]["certificate"]
    if environment:
        title = f"{environment['engine']} database {environment['database']}"
        yield _link("provisioning", "environment", environment["database"], title, environment["component"])
    if certificate:
        moved = f"{certificate['rows_written']} rows moved, {certificate['rows_rejected']} rejected"
        yield _link("migration", "certificate", certificate["digest"], moved)


def _effects(view: View, requirement: str) -> Iterable[Link]:
    for slo in view["monitoring"]["slos"]:
        if slo["requirement"] == requirement:
            left = (
                "not measured yet"
                if slo["remaining"] is None
                else f"{slo['remaining']:.1%} of the budget left"
            )
            yield _link("monitoring", "slo", slo["id"], slo["title"], left)
    for incident in view["monitoring"]["incidents"]:
        if requirement in incident["requirements"]:
            yield _link("monitoring", "incident", incident["id"], incident["summary"], incident["state"])
    for ticket in view["feedback"]["tickets"]:
        if ticket["requirement"] == requirement:
            yield _link("feedback", "ticket", ticket["id"], ticket["subject"], ticket["state"])
    for outcome in view["feedback"]["outcomes"]:
        if outcome["requirement"] == requirement:
            yield _link("feedback", "outcome", requirement, outcome["verdict"], outcome["reason"])
    for measure in view["feedback"]["improvements"]:
        if _about(measure, requirement):
            yield _link("feedback", "improvement", measure["id"], measure["title"], measure["state"])


def _about(measure: Link, requirement: str) -> bool:
    origin = measure.get("origin") or {}
    cited = {reason["ref"] for reason in measure["because"]}
    return requirement in {measure["requirement"]["id"], origin.get("id"), *cited}
