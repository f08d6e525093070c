"""One event as the gateway keeps it: its attributes, its place in the engagement's log, its payload."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from gateway.telling import tell
from schemas import registry
from schemas.base import Payload


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`cursor` counts an engagement's entries from 1 in the order they arrived; `data` is JSON text."""

    cursor: int
    id: str
    wire_type: str
    at: datetime
    engagement: str
    tenant: str
    sequence: int
    actor: str
    correlation: str
    causation: str | None
    traceparent: str | None
    data: str

    @property
    def service(self) -> str:
        return self.wire_type.partition(".")[0]

    @property
    def type(self) -> str:
        """The name without its version, as `design.proposal_approved`."""
        return self.wire_type.rpartition(".")[0]

    @property
    def trace_id(self) -> str | None:
        return self.traceparent.split("-")[1] if self.traceparent else None

    @cached_property
    def payload(self) -> Payload | None:
        """None for what only a newer gateway knows: it folds its views anew out of this log."""
        try:
            return registry.parse(self.wire_type, self.data)
        except (registry.UnknownType, registry.UnknownVersion):
            return None

    def to_document(self) -> dict[str, Any]:
        """BSON-ready. The data stays text: what came is what is kept, whatever keys it holds."""
        return {
            "cursor": self.cursor,
            "id": self.id,
            "type": self.wire_type,
            "at": self.at.isoformat(),
            "sequence": self.sequence,
            "actor": self.actor,
            "correlation": self.correlation,
            "causation": self.causation,
            "traceparent": self.traceparent,
            "tenant": self.tenant,
            "data": self.data,
        }

    @classmethod
    def from_document(cls, engagement: str, document: dict[str, Any]) -> "Entry":
        return cls(
            cursor=document["cursor"],
            id=document["id"],
            wire_type=document["type"],
            at=datetime.fromisoformat(document["at"]),
            engagement=engagement,
            tenant=document["tenant"],
            sequence=document["sequence"],
            actor=document["actor"],
            correlation=document["correlation"],
            causation=document["causation"],
            traceparent=document["traceparent"],
            data=document["data"],
        )

    def to_timeline(self) -> dict[str, Any]:
        """Shaped like the GraphQL type TimelineEntry."""
        return {
            "cursor": self.cursor,
            "id": self.id,
            "type": self.type,
            "service": self.service,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "causation_id": self.causation,
            "correlation_id": self.correlation,
            "trace_id": self.trace_id,
            "data": orjson.loads(self.data),
            "summary": summary(self),
        }


def summary(entry: Entry) -> str:
    """One line for a person."""
    return tell(entry.type, orjson.loads(entry.data))
