"""A second fold, written from docs/reference/events.md and the GraphQL schema alone.

It knows nothing of the gateway's own view: where the two differ, one of them or the catalogue is wrong.
Lists are compared by their ids, as neither document promises an order.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from messaging import Message

Json = dict[str, Any]

QUERY = """
query Reference($id: ID!) { engagement(id: $id) {
  key tenant title client { name industry sites } currency budget startOn targetOn openedAt updatedAt
  cursor cycle
  intake { sequence asOf events
    stakeholders { id name role department email }
    sessions { id kind title heldAt attendees }
    statements { id session speaker text }
    questionnaires { id title invited coverage questions { id text kind choices }
      answers { questionnaire respondent answeredAt answers } }
    painPoints { id title causes { id text } evidence solutionIdea missing }
    requirements { id title description solves importance urgency effortDays cycle score rank quadrant
      needs { slot features minimumRating } kpi { metric unit direction baseline target dueOn owner } }
    formula { id version importance urgency ease }
    plan { version state proposedAt agreedAt agreedBy formula { id version importance urgency ease }
      phases { number title requirements expectedOutcome milestoneOn } }
  }
  design { sequence asOf events catalogue { id version products incompatibilities } conflicts
    versions { version state } }
  provisioning { sequence asOf events people { id name roles availableDays } missing { role days people } }
  migration { sequence asOf events source { kind location rejectLimit chunkRows } }
  monitoring { sequence asOf events quarantinedPoints quarantinedAlerts
    rules { id series comparison threshold forSeconds maxGapSeconds severity component requirement }
    slos { id title series comparison threshold objective windowDays requirement } }
  feedback { sequence asOf events ignoredMails
    kpis { requirement title cycle }
    tickets { id state subject reporter channel openedAt component requirement solution resolvedBy resolvedAt
      messages { sender body at } }
    surveys { id kind score stage respondentRole answeredAt comment }
    satisfaction { n value low high stage kind measuredAt }
  }
  refusals { commandId command code field rule message actor at }
} }
"""
ENUMS = {"role", "kind", "direction", "quadrant", "comparison", "severity", "channel", "stage"}
KEYS = ("commandId", "id", "requirement", "version", "stage", "respondent", "number", "sender")


def fold(engagement: str, tenant: str, streams: dict[str, Sequence[Message]]) -> Json:
    """The engagement as the query above would answer it, out of each service's stream."""
    view: Json = {"key": engagement, "tenant": tenant, "cursor": sum(map(len, streams.values())), "cycle": 1}
    view["refusals"] = [_refusal(m) for events in streams.values() for m in events if _is_refusal(m)]
    for service, room in SECTIONS.items():
        section = room()
        events = streams.get(service, ())
        section |= {
            "sequence": len(events),
            "events": len(events),
            "asOf": events[-1].envelope.time if events else None,
        }
        for message in events:
            name = message.payload.type.partition(".")[2]
            step: Callable[[Json, Json, Json, Message], None] | None = STEPS.get(f"{service}.{name}")
            if step is not None:
                step(section, view, message.payload.model_dump(mode="json"), message)
        view[service] = section
    moments = [m.envelope.time for events in streams.values() for m in events]
    view["updatedAt"] = max(moments)
    _finish(view)
    return view


def _is_refusal(message: Message) -> bool:
    return message.payload.type.endswith(".command_refused")


def _refusal(message: Message) -> Json:
    data = message.payload.model_dump(mode="json")
    kept = {name: data[name] for name in ("command_id", "code", "field", "rule")}
    return kept | {
        "command": data["command_type"],
        "message": data["reason"],
        "actor": message.envelope.actor,
        "at": message.envelope.time,
    }


SECTIONS: dict[str, Callable[[], Json]] = {
    "intake": lambda: {
        "stakeholders": {}, "sessions": {}, "statements": {}, "questionnaires": {}, "painPoints": {},
        "requirements": {}, "formula": None, "plan": None,
    },
    "design": lambda: {"catalogue": None, "conflicts": [], "versions": {}},
    "provisioning": lambda: {"people": {}, "missing": []},
    "migration": lambda: {"source": None},
    "monitoring": lambda: {"quarantinedPoints": 0, "quarantinedAlerts": 0, "rules": {}, "slos": {}},
    "feedback": lambda: {"ignoredMails": 0, "kpis": {}, "tickets": {}, "surveys": {}, "satisfaction": {}},
}  # fmt: skip


def _opened(_: Json, view: Json, data: Json, message: Message) -> None:
    view |= {**data, "openedAt": message.envelope.time}


def _keep(room: str, part: str) -> "Step":
    """The newest of an id replaces the one before."""

    def step(section: Json, _: Json, data: Json, __: Message) -> None:
        section[room][data[part]["id"]] = data[part]

    return step


def _questionnaire(section: Json, _: Json, data: Json, __: Message) -> None:
    section["questionnaires"][data["questionnaire"]["id"]] = {**data["questionnaire"], "answers": {}}


def _answers(section: Json, _: Json, data: Json, __: Message) -> None:
    answers = data["answers"]
    section["questionnaires"][answers["questionnaire"]]["answers"][answers["respondent"]] = answers


def _pain_point(section: Json, _: Json, data: Json, __: Message) -> None:
    section["painPoints"][data["pain_point"]["id"]] = {**data["pain_point"], "missing": data["missing"]}


def _requirement(section: Json, _: Json, data: Json, __: Message) -> None:
    unscored = {"score": None, "rank": None, "quadrant": None}
    section["requirements"][data["requirement"]["id"]] = {
        **data["requirement"], **unscored, "cycle": data["cycle"]
    }  # fmt: skip


def _scored(section: Json, _: Json, data: Json, __: Message) -> None:
    section["formula"] = data["formula"]
    for score in data["scores"]:
        scored = {name: score[name] for name in ("score", "rank", "quadrant")}
        section["requirements"][score["requirement"]] |= scored


def _proposed(section: Json, _: Json, data: Json, message: Message) -> None:
    state = {"state": "proposed", "proposedAt": message.envelope.time, "agreedAt": None, "agreedBy": None}
    section["plan"] = {**data["plan"], **state}


def _agreed(section: Json, _: Json, data: Json, message: Message) -> None:
    section["plan"] |= {"state": "agreed", "agreedAt": message.envelope.time, "agreedBy": data["agreed_by"]}


def _catalogue(section: Json, _: Json, data: Json, __: Message) -> None:
    offered = data["catalogue"]
    counts = {"products": len(offered["products"]), "incompatibilities": len(offered["incompatibilities"])}
    section["catalogue"] = {"id": offered["id"], "version": offered["version"], **counts}


def _drafted(section: Json, _: Json, data: Json, __: Message) -> None:
    version = data["proposal"]["version"]
    section["versions"][version] = {"version": version, "state": "drafted"}
    section["conflicts"] = []


def _infeasible(section: Json, _: Json, data: Json, __: Message) -> None:
    version = data["proposal_version"]
    section["versions"][version] = {"version": version, "state": "infeasible"}
    section["conflicts"] = data["conflicts"]


def _people(section: Json, _: Json, data: Json, __: Message) -> None:
    section["people"] |= {person["id"]: person for person in data["people"]}


def _source(section: Json, _: Json, data: Json, __: Message) -> None:
    section["source"] = {
        **data["source"],
        "rejectLimit": data["reject_limit"],
        "chunkRows": data["chunk_rows"],
    }


def _quarantined(section: Json, _: Json, data: Json, __: Message) -> None:
    section["quarantinedPoints"] += data["points"]


def _alert_quarantined(section: Json, _: Json, __: Json, ___: Message) -> None:
    section["quarantinedAlerts"] += 1


def _kpis(section: Json, _: Json, data: Json, __: Message) -> None:
    for kpi in data["kpis"]:
        section["kpis"][kpi["requirement"]] = {
            "requirement": kpi["requirement"], "title": kpi["title"], "cycle": data["cycle"]
        }  # fmt: skip


def _ticket(section: Json, _: Json, data: Json, __: Message) -> None:
    names = ("subject", "reporter", "channel", "opened_at", "component", "requirement")
    told = {"sender": data["reporter"], "body": data["body"], "at": data["opened_at"]}
    ends = {"solution": None, "resolvedBy": None, "resolvedAt": None}
    ticket = {name: data[name] for name in names}
    section["tickets"][data["ticket"]] = {
        "id": data["ticket"], "state": "open", **ticket, **ends, "messages": [told]
    }  # fmt: skip


def _ticket_message(section: Json, _: Json, data: Json, __: Message) -> None:
    ticket = section["tickets"][data["ticket"]]
    ticket["messages"].append({"sender": data["sender"], "body": data["body"], "at": data["received_at"]})
    if data["reopened"]:
        ticket |= {"state": "open", "solution": None, "resolvedBy": None, "resolvedAt": None}


def _ticket_answered(section: Json, _: Json, data: Json, message: Message) -> None:
    ticket = section["tickets"][data["ticket"]]
    ticket["messages"].append(
        {"sender": data["answered_by"], "body": data["body"], "at": message.envelope.time}
    )
    ticket["state"] = "answered"


def _ticket_resolved(section: Json, _: Json, data: Json, message: Message) -> None:
    done = {
        "solution": data["solution"],
        "resolvedBy": data["resolved_by"],
        "resolvedAt": message.envelope.time,
    }
    section["tickets"][data["ticket"]] |= {"state": "resolved", **done}


def _mail_ignored(section: Json, _: Json, __: Json, ___: Message) -> None:
    section["ignoredMails"] += 1


def _satisfaction(section: Json, _: Json, data: Json, message: Message) -> None:
    figure = {name: data["figure"][name] for name in ("n", "value", "low", "high")}
    section["satisfaction"][data["stage"], data["survey_kind"]] = {
        **figure, "stage": data["stage"], "kind": data["survey_kind"], "measuredAt": message.envelope.time
    }  # fmt: skip


Step = Callable[[Json, Json, Json, Message], None]
STEPS: dict[str, Step] = {
    "intake.engagement_opened": _opened,
    "intake.stakeholder_registered": _keep("stakeholders", "stakeholder"),
    "intake.session_recorded": _keep("sessions", "session"),
    "intake.statement_recorded": _keep("statements", "statement"),
    "intake.questionnaire_defined": _questionnaire,
    "intake.answers_recorded": _answers,
    "intake.pain_point_recorded": _pain_point,
    "intake.requirement_recorded": _requirement,
    "intake.requirements_scored": _scored,
    "intake.plan_proposed": _proposed,
    "intake.plan_agreed": _agreed,
    "design.catalogue_offered": _catalogue,
    "design.proposal_drafted": _drafted,
    "design.proposal_infeasible": _infeasible,
    "provisioning.people_offered": _people,
    "migration.source_registered": _source,
    "monitoring.samples_quarantined": _quarantined,
    "monitoring.alert_quarantined": _alert_quarantined,
    "monitoring.rule_defined": _keep("rules", "rule"),
    "monitoring.slo_defined": _keep("slos", "slo"),
    "feedback.kpis_adopted": _kpis,
    "feedback.ticket_opened": _ticket,
    "feedback.ticket_message_added": _ticket_message,
    "feedback.ticket_answered": _ticket_answered,
    "feedback.ticket_resolved": _ticket_resolved,
    "feedback.mail_ignored": _mail_ignored,
    "feedback.survey_recorded": _keep("surveys", "survey"),
    "feedback.satisfaction_measured": _satisfaction,
}


def _finish(view: Json) -> None:
    """What is derived: the share of answers given of those asked of the invited."""
    for form in view["intake"]["questionnaires"].values():
        given = sum(
            len(one["answers"]) for one in form["answers"].values() if one["respondent"] in form["invited"]
        )
        form["coverage"] = given / (len(form["questions"]) * len(form["invited"]))


def differences(expected: Any, found: Any, at: str = "") -> list[str]:
    """Where what was found is not as expected; only what the query asked for is compared."""
    if isinstance(found, dict):
        if not isinstance(expected, dict):
            return [f"{at}: expected {expected!r}, found {found!r}"]
        named = {_camel(str(name)): value for name, value in expected.items()}
        faults = []
        for name, value in found.items():
            if name == "minimumRating" or (name == "answers" and "respondent" in found):
                faults += (
                    [] if named[name] == value else [f"{at}.{name}: expected {named[name]}, found {value}"]
                )
                continue
            place = f"{at}.{name}"
            faults += differences(named.get(name, "nothing"), value, place)
        return faults
    if isinstance(found, list):
        parts = list(expected.values()) if isinstance(expected, dict) else list(expected or ())
        if len(parts) != len(found):
            return [f"{at}: expected {len(parts)} of them, found {len(found)}"]
        pairs = zip(sorted(parts, key=_order), sorted(found, key=_order), strict=True)
        return [fault for one, other in pairs for fault in differences(one, other, f"{at}[{_order(other)}]")]
    same = _plain(expected, at) == _plain(found, at)
    return [] if same else [f"{at}: expected {_plain(expected, at)!r}, found {_plain(found, at)!r}"]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _order(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    named = {_camel(str(name)): value for name, value in part.items()}
    return "/".join(_plain(named[key], "") for key in (*KEYS, "body", "kind") if key in named)


def _plain(value: Any, at: str) -> str:
    """One spelling for moments, numbers and enumerations, however they were written."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T":
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return f"{value:.9g}"
    text = str(value)
    name = at.rpartition(".")[2]
    return text.upper() if name in ENUMS or not at else text
