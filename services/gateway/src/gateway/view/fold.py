"""The fold itself: which module folds an event, and what every event does whatever it says."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import orjson

from gateway.entry import Entry
from gateway.view import design, feedback, intake, migration, monitoring, provisioning
from gateway.view.health import current_stage, health
from gateway.view.parts import STAGES, Table, View
from schemas.base import CommandNoEffect, CommandRefusal, Event

VIEW_VERSION = 3
"""Raised whenever a fold changes: views of another version are folded anew from the log."""
REFUSALS_KEPT = 50

_MODULES = {
    "intake": intake,
    "design": design,
    "provisioning": provisioning,
    "migration": migration,
    "monitoring": monitoring,
    "feedback": feedback,
}
TABLE: Table = {event: apply for module in _MODULES.values() for event, apply in module.TABLE.items()}


def new_view(engagement: str, tenant: str) -> View:
    """The view before anything happened."""
    return {
        "id": b64encode(f"Engagement:{engagement}".encode()).decode(),
        "key": engagement,
        "tenant": tenant,
        "title": "",
        "client": None,
        "currency": None,
        "budget": None,
        "start_on": None,
        "target_on": None,
        "opened_at": None,
        "updated_at": None,
        "cursor": 0,
        "cycle": 1,
        "cycles": [],
        "stage": "intake",
        "stages": [{"name": s, "state": "pending", "started_at": None, "done_at": None} for s in STAGES],
        "health": {"state": "ok", "reason": "nothing has happened yet"},
        **{
            name: {**module.empty(), "as_of": None, "sequence": 0, "events": 0}
            for name, module in _MODULES.items()
        },
        "refusals": [],
    }


def fold(view: View, entry: Entry) -> View:
    """The view after one more entry; the given one is left as it is. Total: knows every event there is."""
    return fold_all(view, [entry])


def fold_all(view: View, entries: Iterable[Entry]) -> View:
    """Fold several entries with one copy of the view."""
    result: View = orjson.loads(orjson.dumps(view))
    fold_into(result, entries)
    return result


def fold_into(view: View, entries: Iterable[Entry]) -> None:
    """The same without the copy: for whoever made the view and lets nobody else see it meanwhile."""
    for entry in entries:
        _apply(view, entry)
    view["stage"] = current_stage(view)
    view["health"] = health(view)


def encode(view: View) -> bytes:
    """The bytes that are stored: equal logs give equal bytes."""
    return orjson.dumps(view)


def seen(view: View) -> dict[str, int]:
    """The last sequence folded from each service's stream."""
    return {name: view[name]["sequence"] for name in STAGES}


def _apply(view: View, entry: Entry) -> None:
    at = entry.at.isoformat()
    view["cursor"] = entry.cursor
    # Services are not in step: the last to arrive need not be the latest (all are UTC, so text compares).
    view["updated_at"] = max(view["updated_at"] or at, at)
    section = view.get(entry.service) if entry.service in STAGES else None
    if section is not None:
        section["as_of"] = at
        section["sequence"] = entry.sequence
        section["events"] += 1
    # An engagement belongs to whoever opened it; what another tenant's command led to is not shown in it.
    if entry.tenant != view["tenant"]:
        return
    payload = entry.payload
    if isinstance(payload, CommandRefusal):
        _refusal(view, payload, entry)
    elif isinstance(payload, Event) and not isinstance(payload, CommandNoEffect):
        apply = TABLE.get(type(payload))
        if apply is not None:
            apply(view, payload, entry)


def _refusal(view: View, event: CommandRefusal, entry: Entry) -> None:
    refusal: dict[str, Any] = {
        "command_id": event.command_id,
        "command": event.command_type,
        "code": event.code,
        "field": event.field,
        "rule": event.rule,
        "message": event.reason,
        "actor": entry.actor,
        "at": entry.at.isoformat(),
    }
    # By time, not by arrival: which are the last must not depend on who reads the topics (ADR 0017).
    refusals = sorted([*view["refusals"], refusal], key=_moment)
    view["refusals"] = refusals[-REFUSALS_KEPT:]


def _moment(refusal: dict[str, Any]) -> tuple[str, ...]:
    # Of one moment and one command, as when several services refuse it: by all else that they say.
    return (refusal["at"], refusal["command_id"], *(str(value) for value in refusal.values()))
