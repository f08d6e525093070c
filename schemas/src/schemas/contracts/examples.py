"""Golden examples: a message with everything set, one with nothing that could be left out; kept for ever."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas import registry
from schemas.base import Payload
from schemas.contracts.snapshots import Schema, schema_of
from schemas.contracts.vocabulary import VALUES

VARIANTS = ("complete", "minimal")
ENGAGEMENT = "ENG-7F3K"
_START = datetime.fromisoformat("2026-03-02T09:15:00+00:00")


def path_of(root: Path, wire_type: str, variant: str) -> Path:
    return root / "examples" / f"{wire_type}.{variant}.json"


def read(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(wire type, variant) to message, of every example there is."""
    found = {}
    for path in sorted((root / "examples").glob("*.json")):
        wire_type, _, variant = path.name.removesuffix(".json").rpartition(".")
        found[wire_type, variant] = json.loads(path.read_text("utf-8"))
    return found


def make(cls: type[Payload], variant: str) -> dict[str, Any]:
    """A first example of a message: a CloudEvent in structured mode. The same for the same class, always."""
    schema = schema_of(cls)
    data = _Maker(schema, complete=variant == "complete").value(schema, cls.__name__, "", 0)
    if "command_type" in data:
        data["command_type"] = _a_cause(cls.service())
    return {**_attributes(cls, complete=variant == "complete"), "data": data}


def completed(cls: type[Payload], example: Mapping[str, Any]) -> dict[str, Any]:
    """A complete example again complete: fields it lacks are added, nothing that is there changes."""
    return {**example, "data": _fill(example["data"], make(cls, "complete")["data"])}


def faults(wire_type: str, variant: str, example: Mapping[str, Any]) -> list[str]:
    """What is wrong with an example, as sentences: unreadable today, not complete, or not minimal."""
    if example.get("type") != wire_type:
        return [f"type is {example.get('type')!r}"]
    try:
        payload = registry.parse(wire_type, json.dumps(example.get("data")))
    except (LookupError, ValidationError) as error:
        return [f"cannot be read any more: {error}"]
    if payload.wire_type() != wire_type:
        return []
    return _unset(payload, "data") if variant == "complete" else _needless(payload, "data")


class _Maker:
    """Walks a schema and makes a value for each node; `index` tells the items of a list apart."""

    def __init__(self, root: Schema, *, complete: bool) -> None:
        self._root, self._complete = root, complete

    def value(self, node: Schema, part: str, name: str, index: int) -> Any:
        node = self._resolved(node)
        known = VALUES.get(f"{part}.{name}", VALUES.get(name))
        scalar = node.get("type") not in ("object", "array") or "patternProperties" in node
        if known is not None and scalar and known[0] in node.get("enum", known):
            return known[index % len(known)]
        match node.get("type"):
            case "object":
                return self._object(node, index)
            case "array":
                return self._array(node, part, name)
            case "string":
                return _text(node, name, index)
            case "integer" | "number":
                return _number(node)
            case "boolean":
                return True
        raise TypeError(f"{part}.{name}: no example is known for {node}")

    def _object(self, node: Schema, index: int) -> dict[str, Any]:
        part = node.get("title", "")
        if "properties" not in node:
            return {}
        wanted = node["properties"] if self._complete else node.get("required", ())
        return {name: self.value(node["properties"][name], part, name, index) for name in wanted}

    def _array(self, node: Schema, part: str, name: str) -> list[Any]:
        known = len(VALUES.get(f"{part}.{name}", VALUES.get(name, (None,))))
        count = max(node.get("minItems", 0), min(known, 2) if self._complete else 1)
        item = self._resolved(node["items"])
        if self._complete and item.get("type") == "object":
            count = max(count, min(2, _variety(item)))
        return [self.value(item, part, name, index) for index in range(count)]

    def _resolved(self, node: Schema) -> Schema:
        while True:
            if "$ref" in node:
                node = {**self._root["$defs"][node["$ref"].rpartition("/")[2]]}
            elif "anyOf" in node:
                node = next(branch for branch in node["anyOf"] if branch != {"type": "null"})
            else:
                return node


def _variety(item: Schema) -> int:
    """How many different items of a part the vocabulary can tell apart."""
    part = item.get("title", "")
    return max((len(VALUES.get(f"{part}.{name}", ())) for name in item.get("properties", {})), default=1)


def _text(node: Schema, name: str, index: int) -> str:
    if "enum" in node:
        return str(node["enum"][index % len(node["enum"])])
    match node.get("format"):
        case "date-time":
            return (_START + timedelta(minutes=30 * index)).isoformat().replace("+00:00", "Z")
        case "date":
            return (_START + timedelta(days=30 * index)).date().isoformat()
        case "decimal":
            return "1250.00"
    if node.get("pattern") == "^[0-9a-f]{64}$":
        return sha256(f"{name}{index}".encode()).hexdigest()
    return f"{name.replace('_', '-') or 'value'}-{index + 1}"


def _number(node: Schema) -> int | float:
    low: float = next((node[key] for key in ("minimum", "exclusiveMinimum") if key in node), 0)
    high: float = next((node[key] for key in ("maximum", "exclusiveMaximum") if key in node), low + 6)
    middle = (low + high) / 2
    return round(middle) if node["type"] == "integer" else middle


def _attributes(cls: type[Payload], *, complete: bool) -> dict[str, Any]:
    service, event, inbound = cls.service(), cls.kind == "event", cls.service() == "inbound"
    source = "/hallmark/collector" if inbound else f"/throughline/{service if event else 'gateway'}"
    own_event = event and not inbound
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{ENGAGEMENT}/{service}/12" if own_event else "0b0e6a39-53c7-4b8e-9a53-6b6d2f6c1f10",
        "source": source,
        "type": cls.wire_type(),
        "time": _START.isoformat().replace("+00:00", "Z"),
        "engagement": ENGAGEMENT,
        "tenant": "hallmark",
    }
    if own_event:
        attributes["sequence"] = "12"
    if complete:
        attributes |= {
            "datacontenttype": "application/json",
            "correlationid": "9f0c4c1e-6a55-4a35-9a0e-1c1f1b7f1d55",
            "actor": "anna-berg",
            "traceparent": "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01",
            "tracestate": "throughline=1",
        }
    if complete and own_event:
        attributes |= {
            "causationid": "0b0e6a39-53c7-4b8e-9a53-6b6d2f6c1f10",
            "causationtype": _a_cause(service),
        }
    return attributes


def _a_cause(service: str) -> str:
    return min(cls.wire_type() for cls in registry.commands() if cls.service() == service)


def _fill(there: Any, template: Any) -> Any:
    if isinstance(there, dict) and isinstance(template, dict):
        return {
            **there,
            **{key: _fill(there[key], made) if key in there else made for key, made in template.items()},
        }
    if isinstance(there, list) and isinstance(template, list) and template:
        return [_fill(item, template[0]) for item in there] or template
    return template if there is None else there


def _unset(value: Any, path: str) -> list[str]:
    """Paths of fields that a complete example leaves out, null or empty."""
    if isinstance(value, BaseModel):
        left_out = type(value).model_fields.keys() - value.model_fields_set
        here = [f"{path}.{name} is not set" for name in sorted(left_out)]
        return here + [
            fault
            for name in value.model_fields_set
            for fault in _unset(getattr(value, name), f"{path}.{name}")
        ]
    if isinstance(value, tuple | list):
        inside = [fault for index, item in enumerate(value) for fault in _unset(item, f"{path}[{index}]")]
        return inside or ([] if value else [f"{path} is empty"])
    return [f"{path} is null or empty"] if value is None or value in ({}, "") else []


def _needless(value: Any, path: str) -> list[str]:
    """Paths of fields that a minimal example sets though it need not."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        here = [
            f"{path}.{name} is not required"
            for name in sorted(value.model_fields_set)
            if not fields[name].is_required()
        ]
        return here + [
            fault
            for name in value.model_fields_set
            for fault in _needless(getattr(value, name), f"{path}.{name}")
        ]
    if isinstance(value, tuple | list):
        return [fault for index, item in enumerate(value) for fault in _needless(item, f"{path}[{index}]")]
    return []
