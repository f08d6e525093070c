"""The outside systems of a story: they publish CloudEvents over HTTP or straight on Kafka."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from messaging import KafkaSettings
from messaging.envelope import Message, inbound_message
from messaging.producer import Producer
from runtime.errors import CommandFailed, Exit
from schemas import registry
from schemas.base import Event

Json = dict[str, Any]


def wire_type(name: str) -> str:
    """`inbound.samples_taken` as `inbound.samples_taken.v1`; a name that has a version keeps it."""
    if name.rpartition(".v")[2].isdigit() or name not in registry.payloads():
        return name
    return registry.payloads()[name].wire_type()


def read_lines(file: Path, change: Callable[[Any], Any]) -> list[Json]:
    """The JSON objects of a file with one per line; `change` is applied to each. Raises CommandFailed."""
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(change(json.loads(line)))
        except ValueError as error:
            raise CommandFailed(Exit.BAD_DATA, f"{file.name}:{number}: not JSON: {error}") from None
    return found


def read_document(file: Path, change: Callable[[Any], Any]) -> Json:
    """The one JSON object of a file; `change` is applied to it. Raises CommandFailed."""
    try:
        found = change(json.loads(file.read_text(encoding="utf-8")))
    except ValueError as error:
        raise CommandFailed(Exit.BAD_DATA, f"{file.name}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise CommandFailed(Exit.BAD_DATA, f"{file.name}: must be a JSON object")
    return found


def structured(entries: Iterable[Json], engagement: str, source: str, play: str) -> list[Json]:
    """CloudEvents in structured mode, with ids that are the same when they are sent again."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return [
        {
            "specversion": "1.0",
            "id": entry.get("id", f"{play}-{number}"),
            "source": entry.get("source", source),
            "type": wire_type(entry["type"]),
            "time": entry.get("time", now),
            "engagement": engagement,
            "datacontenttype": "application/json",
            "data": entry["data"],
        }
        for number, entry in enumerate(entries, start=1)
    ]


class KafkaOutsider:
    """A producer of its own, as an outside system has one."""

    def __init__(self, bootstrap: str, tenant: str) -> None:
        self._producer = Producer(KafkaSettings(bootstrap_servers=bootstrap), "throughline-cli")
        self._tenant = tenant

    async def __aenter__(self) -> "KafkaOutsider":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(self, events: Iterable[Json]) -> None:
        """Structured events, sent in binary mode under the current span; returns after the acks."""
        await self._producer.publish([self._message(event) for event in events])

    async def publish_raw(
        self, topic: str, key: str, value: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        pairs = [(name, text.encode()) for name, text in (headers or {}).items()]
        await self._producer.publish_raw(topic, key.encode(), value, pairs)

    def _message(self, event: Json) -> Message:
        payload = registry.parse(event["type"], json.dumps(event["data"]))
        assert isinstance(payload, Event)
        return inbound_message(
            payload,
            id=event["id"],
            source=event["source"],
            engagement=event["engagement"],
            tenant=self._tenant,
            actor=event["source"],
        )
