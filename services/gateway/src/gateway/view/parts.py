"""The few moves every fold is made of."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.entry import Entry
from schemas.base import Event, Value

View = dict[str, Any]
"""One JSON document per engagement, shaped like the GraphQL type Engagement in snake_case."""
Apply = Callable[[View, Any, Entry], None]
"""Changes the (already copied) view in place."""
Table = Mapping[type[Event], Apply]

STAGES = ("intake", "design", "provisioning", "migration", "monitoring", "feedback")


def plain(value: Value) -> dict[str, Any]:
    """JSON values only: amounts and moments as strings."""
    return value.model_dump(mode="json")


def item(items: list[dict[str, Any]], key: str, value: Any) -> dict[str, Any] | None:
    return next((one for one in items if one[key] == value), None)


def put(items: list[dict[str, Any]], new: dict[str, Any], *keys: str) -> None:
    """Replace the item with the same keys where it stands, else append."""
    keys = keys or ("id",)
    for place, old in enumerate(items):
        if all(old[key] == new[key] for key in keys):
            items[place] = new
            return
    items.append(new)


def change(items: list[dict[str, Any]], key: str, value: Any, **fields: Any) -> None:
    """Set fields of one item; nothing where it is not known."""
    found = item(items, key, value)
    if found is not None:
        found.update(fields)


def stage(view: View, name: str, state: str, entry: Entry) -> None:
    """Move a stage; its start is kept from the first time it was active in this cycle."""
    one = view["stages"][STAGES.index(name)]
    one["state"] = state
    if state != "pending" and one["started_at"] is None:
        one["started_at"] = entry.at.isoformat()
    one["done_at"] = entry.at.isoformat() if state == "done" else None
