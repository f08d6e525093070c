"""How feedback's events change the view."""

from gateway.entry import Entry
from gateway.view.parts import Table, View, change, item, plain, put, stage
from schemas import feedback


def empty() -> View:
    return {
        "components": [],
        "kpis": [],
        "measurements": [],
        "live_since": None,
        "tickets": [],
        "ignored_mails": 0,
        "satisfaction": [],
        "surveys": [],
        "outcomes": [],
        "improvements": [],
    }


def kpis_adopted(view: View, event: feedback.KpisAdopted, _: Entry) -> None:
    view["feedback"]["kpis"] = [{**plain(kpi), "cycle": event.cycle} for kpi in event.kpis]


def components_adopted(view: View, event: feedback.ComponentsAdopted, _: Entry) -> None:
    view["feedback"]["components"] = [component.id for component in event.components]


def measurements_recorded(view: View, event: feedback.MeasurementsRecorded, _: Entry) -> None:
    points = plain(event)["points"]
    if not points:
        return
    known = item(view["feedback"]["measurements"], "metric", event.metric)
    count = (known["points"] if known else 0) + len(points)
    latest = {"metric": event.metric, "points": count, "at": points[-1]["at"], "value": points[-1]["value"]}
    put(view["feedback"]["measurements"], latest, "metric")


def went_live(view: View, event: feedback.WentLive, entry: Entry) -> None:
    view["feedback"]["live_since"] = plain(event)["at"]
    stage(view, "feedback", "active", entry)


def ticket_opened(view: View, event: feedback.TicketOpened, _: Entry) -> None:
    opened = plain(event)
    first = {"sender": event.reporter, "body": event.body, "at": opened["opened_at"]}
    solved = {"solution": None, "resolved_by": None, "resolved_at": None}
    del opened["message_id"], opened["body"]
    ticket = {"id": opened.pop("ticket"), "state": "open", **opened, "messages": [first], **solved}
    put(view["feedback"]["tickets"], ticket)


def ticket_message_added(view: View, event: feedback.TicketMessageAdded, _: Entry) -> None:
    found = item(view["feedback"]["tickets"], "id", event.ticket)
    if found is not None:
        received = plain(event)["received_at"]
        found["messages"].append({"sender": event.sender, "body": event.body, "at": received})
        if event.reopened:
            found.update(state="open", solution=None, resolved_by=None, resolved_at=None)


def mail_ignored(view: View, _: feedback.MailIgnored, __: Entry) -> None:
    view["feedback"]["ignored_mails"] += 1


def ticket_answered(view: View, event: feedback.TicketAnswered, entry: Entry) -> None:
    found = item(view["feedback"]["tickets"], "id", event.ticket)
    if found is not None:
        found["state"] = "answered"
        answer = {"sender": event.answered_by, "body": event.body, "at": entry.at.isoformat()}
        found["messages"].append(answer)


def ticket_resolved(view: View, event: feedback.TicketResolved, entry: Entry) -> None:
    change(
        view["feedback"]["tickets"],
        "id",
        event.ticket,
        state="resolved",
        solution=event.solution,
        resolved_by=event.resolved_by,
        resolved_at=entry.at.isoformat(),
    )


def survey_recorded(view: View, event: feedback.SurveyRecorded, _: Entry) -> None:
    put(view["feedback"]["surveys"], plain(event.survey))


def satisfaction_measured(view: View, event: feedback.SatisfactionMeasured, entry: Entry) -> None:
    measured = plain(event)
    figure = {
        **measured.pop("figure"),
        "kind": measured.pop("survey_kind"),
        "measured_at": entry.at.isoformat(),
    }
    put(view["feedback"]["satisfaction"], {**measured, **figure}, "stage", "kind")


def outcome_evaluated(view: View, event: feedback.OutcomeEvaluated, entry: Entry) -> None:
    section = view["feedback"]
    evaluated = {**plain(event), "event_id": entry.id, "evaluated_at": entry.at.isoformat()}
    put(section["outcomes"], evaluated, "cycle", "requirement")
    judged = {one["requirement"] for one in section["outcomes"] if one["cycle"] == event.cycle}
    if judged >= {kpi["requirement"] for kpi in section["kpis"]}:
        stage(view, "feedback", "done", entry)


def improvement_proposed(view: View, event: feedback.ImprovementProposed, entry: Entry) -> None:
    proposed = {"state": "proposed", "decided_by": None, "decided_at": None, "comments": None}
    measure = {**plain(event.improvement), "proposed_at": entry.at.isoformat(), **proposed}
    put(view["feedback"]["improvements"], measure)


def improvement_accepted(view: View, event: feedback.ImprovementAccepted, entry: Entry) -> None:
    decided = {"state": "accepted", "decided_by": event.accepted_by, "decided_at": entry.at.isoformat()}
    change(view["feedback"]["improvements"], "id", event.improvement.id, **decided)


def improvement_rejected(view: View, event: feedback.ImprovementRejected, entry: Entry) -> None:
    decided = {"decided_by": event.rejected_by, "decided_at": entry.at.isoformat(), "comments": event.reason}
    change(view["feedback"]["improvements"], "id", event.improvement, state="rejected", **decided)


TABLE: Table = {
    feedback.KpisAdopted: kpis_adopted,
    feedback.ComponentsAdopted: components_adopted,
    feedback.MeasurementsRecorded: measurements_recorded,
    feedback.WentLive: went_live,
    feedback.TicketOpened: ticket_opened,
    feedback.TicketMessageAdded: ticket_message_added,
    feedback.MailIgnored: mail_ignored,
    feedback.TicketAnswered: ticket_answered,
    feedback.TicketResolved: ticket_resolved,
    feedback.SurveyRecorded: survey_recorded,
    feedback.SatisfactionMeasured: satisfaction_measured,
    feedback.OutcomeEvaluated: outcome_evaluated,
    feedback.ImprovementProposed: improvement_proposed,
    feedback.ImprovementAccepted: improvement_accepted,
    feedback.ImprovementRejected: improvement_rejected,
}
