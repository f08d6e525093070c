"""A realistic engagement for the gateway's benchmarks: real events, folded into a view of about 20 kB."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gateway.entry import Entry
from gateway.ports import Stored
from gateway.view import VIEW_VERSION, fold_all, new_view
from schemas import design, intake, monitoring
from schemas.base import Event

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TENANT = "acme"
REQUIREMENTS, TASKS, INCIDENTS, ALERTS = 30, 20, 10, 3


def key(number: int) -> str:
    return f"ENG-B{number:07d}"


def stored(number: int) -> Stored:
    log = entries(key(number), list(story()))
    view = fold_all(new_view(key(number), TENANT), log)
    return Stored(engagement=key(number), tenant=TENANT, cursor=view["cursor"], created_at=START,
                  view_version=VIEW_VERSION, view=view)  # fmt: skip


def entries(engagement: str, events: list[Event], first: int = 1) -> list[Entry]:
    """A log of these events; sequences count per service."""
    last: dict[str, int] = {}
    found = []
    for cursor, event in enumerate(events, first):
        service = event.service()
        last[service] = last.get(service, 0) + 1
        found.append(
            Entry(cursor=cursor, id=f"{engagement}/{service}/{last[service]}", wire_type=event.wire_type(),
                  at=START + timedelta(minutes=cursor), engagement=engagement, tenant=TENANT,
                  sequence=last[service], actor="anna@example.org",
                  correlation="flow-1", causation=f"cmd-{cursor}",
                  traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                  data=event.model_dump_json())
        )  # fmt: skip
    return found


def story() -> Iterator[Event]:
    """An engagement that has requirements, a proposal with its tasks, and incidents."""
    yield intake.EngagementOpened.model_validate({
        "title": "New order system", "client": {"name": "Berg Pumps", "industry": "machinery"},
        "currency": "EUR", "budget": "850000.00", "start_on": "2026-12-01", "target_on": "2027-06-30",
    })  # fmt: skip
    for n in range(REQUIREMENTS):
        yield intake.RequirementRecorded.model_validate({"requirement": _requirement(n), "cycle": 1})
    yield design.ProposalDrafted.model_validate({"proposal": _proposal(), "content_digest": "a" * 64})
    for n in range(INCIDENTS):
        at = (START + timedelta(hours=n)).isoformat()
        yield monitoring.IncidentOpened.model_validate({
            "incident": f"INC-{n}", "alert": f"A{n}-0", "component": "database", "severity": "warning",
            "summary": "orders wait longer than two seconds", "requirements": [f"R{n}"], "at": at,
        })  # fmt: skip
        for alert in range(1, ALERTS):
            yield monitoring.IncidentGrew.model_validate(
                {"incident": f"INC-{n}", "alert": f"A{n}-{alert}", "severity": "warning", "at": at}
            )


def _requirement(n: int) -> dict[str, object]:
    kpi = {"metric": f"lead_time_{n}", "unit": "h", "direction": "decrease", "baseline": 48.0, "target": 4.5,
           "due_on": "2027-06-30", "owner": "anna"}  # fmt: skip
    return {"id": f"R{n}", "title": f"Orders are confirmed within hours, part {n}",
            "description": "A customer hears on the same day whether an order can be delivered.",
            "solves": [f"P{n % 7}"], "importance": 4, "urgency": 3, "effort_days": 12, "needs": [],
            "kpi": kpi}  # fmt: skip


def _proposal() -> dict[str, object]:
    tasks = [{"id": f"T{n}", "title": f"Build part {n}", "role": "developer", "days": 3,
              "depends_on": [f"T{n - 1}"] if n else [], "start_day": n, "finish_day": n + 3,
              "start_on": "2026-12-01", "finish_on": "2026-12-04", "critical": n % 2 == 0,
              "serves": [f"R{n}"]} for n in range(TASKS)]  # fmt: skip
    return {"version": 1, "cycle": 1, "currency": "EUR", "budget": "850000.00", "total_cost": "410000.00",
            "total_value": 91.5, "optimal": True, "selections": [], "rejected_options": [], "components": [],
            "connections": [], "tasks": tasks, "team": {"developer": 2}, "makespan_days": 60,
            "finish_on": "2027-02-01", "risks": [], "coverage": [], "holes": [],
            "environment": {"engine": "postgresql", "component": "database", "database": "orders",
                            "schemas": ["orders"],
                            "roles": [{"name": "app", "login": True, "privileges": ["SELECT"]}]}}  # fmt: skip


QUERY = """query Engagement($id: ID!) { engagement(id: $id) {
  id key title tenant stage cursor cycle budget currency startOn targetOn openedAt updatedAt
  client { name industry sites } health { state reason } stages { name state startedAt doneAt }
  intake { asOf sequence events requirements { id title description solves importance urgency effortDays
    kpi { metric unit direction baseline target dueOn owner } score rank quadrant cycle } }
  design { asOf sequence events proposal { version state totalCost budget currency totalValue optimal finishOn
    tasks { id title role days dependsOn startDay finishDay startOn finishOn critical serves }
    team { role people } environment { engine database schemas } } }
  monitoring { asOf sequence events incidents { id state severity component summary alerts requirements
    openedAt
    acknowledgedBy resolvedAt } } } }"""
