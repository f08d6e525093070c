"""Where an engagement stands and whether somebody should look at it, judged from the view alone."""

from typing import Any

from gateway.view.parts import View

Health = dict[str, Any]


def current_stage(view: View) -> str:
    """The first stage that is not through; monitoring runs beside the others and holds nothing up."""
    for one in view["stages"]:
        if one["state"] != "done" and one["name"] != "monitoring":
            return str(one["name"])
    return "feedback"


def health(view: View) -> Health:
    """The worst of: a blocked stage, an open incident, a spent error budget, an anomaly nobody answered."""
    return _blocked(view) or _incidents(view) or _budgets(view) or _good(view)


def _blocked(view: View) -> Health | None:
    blocked = [one["name"] for one in view["stages"] if one["state"] == "blocked"]
    if not blocked:
        return None
    note = view[blocked[0]].get("blocked_reason")
    return {"state": "blocked", "reason": f"{blocked[0]}: {note or 'cannot go on'}"}


def _incidents(view: View) -> Health | None:
    open_ones = [one for one in view["monitoring"]["incidents"] if one["state"] != "resolved"]
    if not open_ones:
        return None
    worst = next((one for one in open_ones if one["severity"] == "critical"), open_ones[0])
    state = "critical" if worst["severity"] == "critical" else "attention"
    return {"state": state, "reason": f"incident {worst['id']} on {worst['component']}: {worst['summary']}"}


def _budgets(view: View) -> Health | None:
    for slo in view["monitoring"]["slos"]:
        if slo["remaining"] is not None and slo["remaining"] < 0:
            return {"state": "attention", "reason": f"the error budget of {slo['title']} is spent"}
    return None


def _good(view: View) -> Health:
    return {
        "state": "ok",
        "reason": f"{view['stage']} is in hand" if view["cursor"] else "nothing has happened yet",
    }
