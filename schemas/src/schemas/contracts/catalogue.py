"""The catalogue for readers: every message with its meaning, its senders and readers, fields, an example."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from schemas import registry
from schemas.base import Payload
from schemas.contracts import examples
from schemas.contracts.asyncapi import summary
from schemas.contracts.snapshots import Schema, current
from schemas.contracts.topology import Topology

INTRODUCTION = {
    "event": (
        "# Events",
        "What happened, by the service that publishes it. Each event is a CloudEvent on its topic, keyed by "
        "the engagement; readers ignore fields they do not know, except in what outside systems send.",
    ),
    "command": (
        "# Commands",
        "What can be asked, by the service that takes it. Those that are not internal are mutations of the "
        "gateway. An unknown field is refused. Every command is answered by an event that it caused.",
    ),
}
_BOUNDS = {
    "minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}",
    "maxLength": "at most {} characters", "minItems": "at least {}", "maxItems": "at most {}",
}  # fmt: skip
_PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$": "short name",
    "^[0-9a-f]{64}$": "SHA-256",
    "^[A-Z]{3}$": "currency code",
}
_FORMATS = {"date-time": "time with zone", "date": "date", "decimal": "money as text"}


def render(kind: str, topology: Topology, root: Path) -> str:
    """The page of all events or all commands as Markdown."""
    classes = [cls for cls in registry.payloads().values() if cls.kind == kind]
    title, text = INTRODUCTION[kind]
    schemas = current()
    found = examples.read(root)
    lines = [
        title,
        "",
        text,
        "",
        "Generated from the classes by `make contracts-update`.",
        "",
        *_contents(classes),
    ]
    for cls in classes:
        lines += _section(cls, topology, schemas[cls.wire_type()], found[cls.wire_type(), "complete"])
    lines += _parts(schemas[cls.wire_type()] for cls in classes)
    return "\n".join(lines).rstrip() + "\n"


def _contents(classes: list[type[Payload]]) -> Iterator[str]:
    for service in dict.fromkeys(cls.service() for cls in classes):
        links = [f"[{_short(cls)}](#{_anchor(cls)})" for cls in classes if cls.service() == service]
        yield f"- **{service}**: {', '.join(links)}"
    yield ""


def _short(cls: type[Payload]) -> str:
    return cls.type.partition(".")[2]


def _anchor(cls: type[Payload]) -> str:
    return cls.wire_type().replace(".", "")


def _section(
    cls: type[Payload], topology: Topology, schema: Schema, example: dict[str, Any]
) -> Iterator[str]:
    internal = " Internal: never taken from outside." if getattr(cls, "internal", False) else ""
    yield from (f"## {cls.wire_type()}", "", summary(cls) + internal, "")
    yield from _parties(cls, topology)
    yield from _fields(schema)
    data = json.dumps(example["data"], indent=2, ensure_ascii=False)
    yield from ("<details><summary>Example</summary>", "", "```json", data, "```", "", "</details>", "")


def _parties(cls: type[Payload], topology: Topology) -> Iterator[str]:
    yield f"- Topic `{cls.topic()}`"
    verb = "Sent" if cls.kind == "event" else "Asked"
    yield f"- {verb} by {', '.join(topology.senders(cls))}{_occasion(cls, topology)}"
    asked = {reader.service: reader.command for reader in topology.readers.get(cls.type, ())}
    receivers = [_receiver(service, asked.get(service, "")) for service in topology.receivers(cls)]
    yield f"- Read by {', '.join(receivers) or 'nobody yet'}"
    yield ""


def _occasion(cls: type[Payload], topology: Topology) -> str:
    """The upstream events that make a service ask itself this."""
    asked = [
        name for name, readers in topology.readers.items() if cls.wire_type() in {r.command for r in readers}
    ]
    events = [registry.payloads()[name] for name in sorted(asked)]
    links = [f"[{event.wire_type()}](events.md#{_anchor(event)})" for event in events]
    return f", on {', '.join(links)}" if links else ""


def _receiver(service: str, command: str) -> str:
    return (
        f"{service} (asks itself [{command}](commands.md#{command.replace('.', '')}))" if command else service
    )


def _fields(schema: Schema) -> Iterator[str]:
    if not schema.get("properties"):
        yield from ("No fields.", "")
        return
    yield from ("| field | type | | meaning |", "|---|---|---|---|")
    for name, node in schema["properties"].items():
        needed = "required" if name in schema.get("required", ()) else _default(node)
        yield f"| `{name}` | {_type(node)} | {needed} | {node.get('description', '')} |"
    yield ""


def _default(node: Schema) -> str:
    default = node.get("default")
    if default is None:
        return "optional"
    if default in ([], {}):
        return "default: none"
    return f"default `{json.dumps(default, ensure_ascii=False)}`"


def _type(node: Schema) -> str:
    if "$ref" in node:
        part = node["$ref"].rpartition("/")[2]
        return f"[{part}](#{part.lower()})"
    if "anyOf" in node:
        return " or ".join(_type(branch) for branch in node["anyOf"] if branch != {"type": "null"})
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    return ", ".join([_kind(node), *(text.format(node[key]) for key, text in _BOUNDS.items() if key in node)])


def _kind(node: Schema) -> str:
    if node.get("type") == "array":
        return f"list of {_type(node['items'])}"
    if "patternProperties" in node:
        ((_, values),) = node["patternProperties"].items()
        return f"map from short name to {_type(values)}"
    if "format" in node:
        return _FORMATS.get(node["format"], str(node["format"]))
    plain = "text" if node["type"] == "string" else str(node["type"])
    return _PATTERNS.get(node.get("pattern", ""), plain)


def _parts(schemas: Iterable[Schema]) -> Iterator[str]:
    """The values that messages are made of, each told once."""
    parts = {name: part for schema in schemas for name, part in schema.get("$defs", {}).items()}
    if not parts:
        return
    yield from ("# Parts", "")
    for name in sorted(parts):
        yield from (f"## {name}", "")
        if text := parts[name].get("description"):
            yield from (" ".join(text.split()), "")
        yield from ([f"One of {_type(parts[name])}.", ""] if "enum" in parts[name] else _fields(parts[name]))
