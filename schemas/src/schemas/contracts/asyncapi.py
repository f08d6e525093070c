"""The AsyncAPI 3.0 document: every channel with its messages, headers and key, and who sends and receives."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas import registry
from schemas.base import Payload
from schemas.contracts import examples
from schemas.contracts.topology import GATEWAY, RETENTION_FOR_EVER, Topology

Document = dict[str, Any]
_TEXT = {"type": "string", "minLength": 1}
_HEADERS: Document = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**_TEXT, "description": "with `ce_source` the identity a duplicate is known by"},
    "ce_source": {**_TEXT, "description": "URI reference of the sender"},
    "ce_type": {**_TEXT, "description": "name and version of the message"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_engagement": {"$ref": "#/components/schemas/engagement"},
    "ce_tenant": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"},
    "ce_sequence": {
        "type": "string",
        "pattern": "^[1-9][0-9]*$",
        "description": "number in the service's stream",
    },
    "ce_correlationid": {**_TEXT, "description": "the whole flow"},
    "ce_causationid": {**_TEXT, "description": "the message that caused this one"},
    "ce_causationtype": _TEXT,
    "ce_actor": {**_TEXT, "description": "who asked"},
    "content-type": {"const": "application/json"},
    "traceparent": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
    "tracestate": {"type": "string"},
}
_REQUIRED = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_engagement", "ce_tenant", "content-type"]
_DEAD_HEADERS: Document = {
    "dl-id": {
        **_TEXT,
        "description": "topic/partition/offset of the original: a letter written twice is one",
    },
    "dl-status": {"enum": ["dead", "blocked", "unblocked"]},
    "dl-service": _TEXT,
    "dl-topic": _TEXT,
    "dl-partition": _TEXT,
    "dl-offset": _TEXT,
    "dl-field": {"type": "string", "description": "the field that is wrong, where one is"},
    "dl-reason": _TEXT,
    "dl-code": _TEXT,
    "dl-at": {"type": "string", "format": "date-time"},
    "dl-traceparent": {"type": "string"},
}
_TRACE = ("traceparent", "tracestate")


def document(topology: Topology, root: Path, snapshots: str) -> Document:
    """`root` holds the examples; `snapshots` is the folder of the schemas as seen from the document."""
    classes = sorted(registry.payloads().values(), key=lambda cls: cls.wire_type())
    channels = sorted({cls.topic() for cls in classes})
    found = examples.read(root)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Throughline",
            "version": "1",
            "description": "CloudEvents 1.0 on Kafka, binary mode; the key is the engagement.",
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8401", "protocol": "kafka"}},
        "channels": {topic: _channel(topic, classes, topology) for topic in channels}
        | _dead_channels(topology),
        "operations": dict([*_operations(classes, topology), *_dead_operations(topology)]),
        "components": {
            "messages": {
                **{cls.wire_type(): _message(cls, snapshots, found) for cls in classes},
                "dead_letter": _DEAD_LETTER,
            },
            "schemas": {
                "engagement": {"type": "string", "pattern": "^ENG-[0-9A-Z]{4,12}$"},
                "headers": {"type": "object", "properties": _HEADERS, "required": _REQUIRED},
            },
        },
    }


_DEAD_LETTER: Document = {
    "name": "dead_letter",
    "title": "Dead letter",
    "summary": "A message that was given up or waits: value, key and headers as they came, and why.",
    "headers": {"type": "object", "properties": _DEAD_HEADERS, "required": [*_DEAD_HEADERS]},
    "payload": {"description": "the original bytes, readable or not"},
}


def _dead_channels(topology: Topology) -> Document:
    topics = sorted(topic for topic in topology.retention_ms if topic.endswith(".dead"))
    messages = {"dead_letter": _ref("components/messages", "dead_letter")}
    return {
        topic: _with_retention({"address": topic, "messages": messages}, topic, topology) for topic in topics
    }


def _dead_operations(topology: Topology) -> Iterator[tuple[str, Document]]:
    for topic in _dead_channels(topology):
        service = topic.partition(".")[0]
        messages = [{"$ref": f"#/channels/{topic}/messages/dead_letter"}]
        for action, party in (("send", service), ("receive", GATEWAY)):
            summary = f"{party} {'gives up' if action == 'send' else 'shows and redrives'}"
            operation = {"action": action, "channel": _ref("channels", topic), "summary": summary}
            yield f"{party}.{action}.{topic}", {**operation, "messages": messages}


def _channel(topic: str, classes: list[type[Payload]], topology: Topology) -> Document:
    messages = {
        cls.wire_type(): _ref("components/messages", cls.wire_type())
        for cls in classes
        if cls.topic() == topic
    }
    return _with_retention({"address": topic, "messages": messages}, topic, topology)


def _with_retention(channel: Document, topic: str, topology: Topology) -> Document:
    if topic not in topology.retention_ms:
        return channel
    retention = topology.retention_ms[topic]
    configuration = {"cleanup.policy": ["delete"], "retention.ms": retention}
    return {
        **channel,
        "description": "Kept for ever." if retention == RETENTION_FOR_EVER else _kept(retention),
        "bindings": {"kafka": {"topicConfiguration": configuration, "bindingVersion": "0.5.0"}},
    }


def _kept(retention_ms: int) -> str:
    return f"Kept for {retention_ms // 86_400_000} days."


def _operations(classes: list[type[Payload]], topology: Topology) -> Iterator[tuple[str, Document]]:
    services = [*registry.SERVICES, GATEWAY]
    for action, parties in (("send", topology.senders), ("receive", topology.receivers)):
        for service in services:
            mine = [cls for cls in classes if service in parties(cls)]
            for topic in sorted({cls.topic() for cls in mine}):
                yield (
                    f"{service}.{action}.{topic}",
                    _operation(action, topic, [c for c in mine if c.topic() == topic], service),
                )


def _operation(action: str, topic: str, classes: list[type[Payload]], service: str) -> Document:
    operation: Document = {
        "action": action,
        "channel": _ref("channels", topic),
        "summary": f"{service} {'publishes' if action == 'send' else 'takes'}",
        "messages": [{"$ref": f"#/channels/{topic}/messages/{cls.wire_type()}"} for cls in classes],
    }
    if action == "receive":
        group = {"groupId": {"const": service}, "bindingVersion": "0.5.0"}
        operation["bindings"] = {"kafka": group}
    return operation


def _message(cls: type[Payload], snapshots: str, found: dict[tuple[str, str], Document]) -> Document:
    wire_type = cls.wire_type()
    sequenced = cls.kind == "event" and cls.service() != "inbound"
    return {
        "name": wire_type,
        "title": cls.__name__,
        "summary": summary(cls),
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/headers"},
                {
                    "type": "object",
                    "properties": {"ce_type": {"const": wire_type}},
                    "required": ["ce_sequence"] if sequenced else [],
                },
            ]
        },
        "payload": {"$ref": f"{snapshots}/{wire_type}.json"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": _ref("components/schemas", "engagement"), "bindingVersion": "0.5.0"}},
        "examples": [_example("complete", found[wire_type, "complete"])],
    }


def summary(cls: type[Payload]) -> str:
    """The class's own docstring; a command without one is named for what it does."""
    own = vars(cls).get("__doc__")
    if own:
        return " ".join(own.split())
    words = cls.type.rpartition(".")[2].replace("_", " ")
    return f"{words.capitalize()}."


def _example(variant: str, message: Document) -> Document:
    attributes = {key: value for key, value in message.items() if key not in ("data", "datacontenttype")}
    headers = {key if key in _TRACE else f"ce_{key}": value for key, value in attributes.items()}
    return {
        "name": variant,
        "headers": {**headers, "content-type": "application/json"},
        "payload": message["data"],
    }


def _ref(where: str, name: str) -> Document:
    return {"$ref": f"#/{where}/{name}"}


def render(topology: Topology, root: Path, snapshots: str) -> str:
    return json.dumps(document(topology, root, snapshots), indent=2, ensure_ascii=False) + "\n"
