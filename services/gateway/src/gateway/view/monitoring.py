"""How monitoring's events change the view."""

from typing import Any

from gateway.entry import Entry
from gateway.view.parts import Table, View, change, item, plain, put, stage
from schemas import monitoring


def empty() -> View:
    return {
        "components": [],
        "probes": [],
        "rules": [],
        "alerts": [],
        "incidents": [],
        "slos": [],
        "series": [],
        "unbound": [],
        "quarantined_points": 0,
        "quarantined_alerts": 0,
    }


def watch_started(view: View, event: monitoring.WatchStarted, entry: Entry) -> None:
    view["monitoring"]["components"] = [component.id for component in event.components]
    view["monitoring"]["unbound"] = list(event.unbound)
    stage(view, "monitoring", "active", entry)


def probe_defined(view: View, event: monitoring.ProbeDefined, _: Entry) -> None:
    unchecked: dict[str, Any] = {
        "up": None,
        "checked_at": None,
        "checks": 0,
        "failures": 0,
        "mean_ms": None,
        "detail": None,
    }
    defined = {**plain(event.probe), "generation": event.generation}
    del defined["endpoint"]
    known = item(view["monitoring"]["probes"], "id", event.probe.id) or {}
    checked = {field: known.get(field, nothing) for field, nothing in unchecked.items()}
    put(view["monitoring"]["probes"], {**defined, **checked})


def probe_recorded(view: View, event: monitoring.ProbeRecorded, _: Entry) -> None:
    found = item(view["monitoring"]["probes"], "id", event.probe)
    if found is None:
        return
    found["checks"] += event.checks
    found["failures"] += event.failures
    found.update(
        up=event.up, checked_at=plain(event)["checked_at"], mean_ms=event.mean_ms, detail=event.detail
    )


def rule_defined(view: View, event: monitoring.RuleDefined, _: Entry) -> None:
    known = item(view["monitoring"]["rules"], "id", event.rule.id)
    pending = known["pending_since"] if known else None
    put(view["monitoring"]["rules"], {**plain(event.rule), "pending_since": pending})


def slo_defined(view: View, event: monitoring.SloDefined, _: Entry) -> None:
    unmeasured = {"good": 0, "total": 0, "attained": None, "remaining": None, "measured_at": None}
    put(view["monitoring"]["slos"], {**plain(event.slo), **unmeasured})


def budget_measured(view: View, event: monitoring.BudgetMeasured, entry: Entry) -> None:
    change(
        view["monitoring"]["slos"],
        "id",
        event.slo,
        good=event.good,
        total=event.total,
        attained=event.attained,
        remaining=event.remaining,
        measured_at=entry.at.isoformat(),
    )


def samples_judged(view: View, event: monitoring.SamplesJudged, _: Entry) -> None:
    unmeasured: dict[str, Any] = {"points": 0, "late": 0, "at": None, "value": None}
    same = (event.series, event.component)
    known = [one for one in view["monitoring"]["series"] if (one["name"], one["component"]) == same]
    before = known[0] if known else unmeasured
    judged = plain(event)["points"]
    latest = judged[-1] if judged else before
    series = {
        "name": event.series,
        "component": event.component,
        "unit": event.unit,
        "at": latest["at"],
        "value": latest["value"],
        "points": before["points"] + len(judged),
        "late": before["late"] + event.late,
    }
    put(view["monitoring"]["series"], series, "name", "component")


def samples_quarantined(view: View, event: monitoring.SamplesQuarantined, _: Entry) -> None:
    view["monitoring"]["quarantined_points"] += event.points


def alert_quarantined(view: View, _: monitoring.AlertQuarantined, __: Entry) -> None:
    view["monitoring"]["quarantined_alerts"] += 1


def alert_pending(view: View, event: monitoring.AlertPending, _: Entry) -> None:
    change(view["monitoring"]["rules"], "id", event.rule, pending_since=plain(event)["since"])


def alert_cleared(view: View, event: monitoring.AlertCleared, _: Entry) -> None:
    change(view["monitoring"]["rules"], "id", event.rule, pending_since=None)


def alert_fired(view: View, event: monitoring.AlertFired, _: Entry) -> None:
    fired = plain(event)
    started = fired.pop("at")
    change(view["monitoring"]["rules"], "id", event.alert, pending_since=None)
    named = {"id": fired.pop("alert"), "firing": True, "started_at": started, "ended_at": None}
    put(view["monitoring"]["alerts"], {**fired, **named})


def alert_resolved(view: View, event: monitoring.AlertResolved, _: Entry) -> None:
    change(view["monitoring"]["alerts"], "id", event.alert, firing=False, ended_at=plain(event)["at"])


def incident_opened(view: View, event: monitoring.IncidentOpened, _: Entry) -> None:
    opened = plain(event)
    put(
        view["monitoring"]["incidents"],
        {
            "id": event.incident,
            "state": "open",
            "severity": opened["severity"],
            "component": event.component,
            "summary": event.summary,
            "alerts": [event.alert],
            "requirements": opened["requirements"],
            "opened_at": opened["at"],
            "acknowledged_by": None,
            "resolved_at": None,
            "resolved_by": None,
            "duration_seconds": None,
            "note": None,
        },
    )


def incident_grew(view: View, event: monitoring.IncidentGrew, _: Entry) -> None:
    found = item(view["monitoring"]["incidents"], "id", event.incident)
    if found is not None:
        found["severity"] = event.severity.value
        if event.alert not in found["alerts"]:
            found["alerts"].append(event.alert)


def incident_acknowledged(view: View, event: monitoring.IncidentAcknowledged, _: Entry) -> None:
    taken = {"state": "acknowledged", "acknowledged_by": event.acknowledged_by}
    change(view["monitoring"]["incidents"], "id", event.incident, **taken)


def incident_resolved(view: View, event: monitoring.IncidentResolved, _: Entry) -> None:
    change(
        view["monitoring"]["incidents"],
        "id",
        event.incident,
        state="resolved",
        resolved_at=plain(event)["at"],
        resolved_by=event.resolved_by,
        duration_seconds=event.duration_seconds,
        note=event.note,
    )


TABLE: Table = {
    monitoring.WatchStarted: watch_started,
    monitoring.ProbeDefined: probe_defined,
    monitoring.ProbeRecorded: probe_recorded,
    monitoring.RuleDefined: rule_defined,
    monitoring.SloDefined: slo_defined,
    monitoring.BudgetMeasured: budget_measured,
    monitoring.SamplesJudged: samples_judged,
    monitoring.SamplesQuarantined: samples_quarantined,
    monitoring.AlertQuarantined: alert_quarantined,
    monitoring.AlertPending: alert_pending,
    monitoring.AlertCleared: alert_cleared,
    monitoring.AlertFired: alert_fired,
    monitoring.AlertResolved: alert_resolved,
    monitoring.IncidentOpened: incident_opened,
    monitoring.IncidentGrew: incident_grew,
    monitoring.IncidentAcknowledged: incident_acknowledged,
    monitoring.IncidentResolved: incident_resolved,
}
