"""A span as the store keeps it: plain Python values, ids in lower-case hex, times in Unix nanoseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUS_ERROR = 2


@dataclass(frozen=True, slots=True)
class Source:
    """What made a span: the resource (a process of a service) and the instrumentation scope."""

    service: str
    resource: Mapping[str, Any]
    scope_name: str = ""
    scope_version: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    time: int
    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    source: Source
    attributes: Mapping[str, Any]
    events: tuple[SpanEvent, ...] = ()
    links: tuple[Link, ...] = ()
    status: int = 0
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0

    @property
    def service(self) -> str:
        return self.source.service

    @property
    def failed(self) -> bool:
        return self.status == STATUS_ERROR

    @property
    def kind_name(self) -> str:
        return KINDS[self.kind] if 0 <= self.kind < len(KINDS) else KINDS[0]
