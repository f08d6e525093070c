"""The ring of traces: bounded by traces and by spans, the longest untouched goes first."""

import sys
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.trace_summary import ENGAGEMENT, Found, Search, Summary
from runtime.traces.model import Span


@dataclass(slots=True)
class Trace:
    """All spans of one id that have come so far, in the order they came."""

    id: str
    spans: dict[str, Span] = field(default_factory=dict)
    engagements: set[str] = field(default_factory=set)
    start: int = sys.maxsize
    end: int = 0

    def put(self, span: Span) -> None:
        self.spans[span.span_id] = span
        self.start, self.end = min(self.start, span.start), max(self.end, span.end)
        if engagement := span.attributes.get(ENGAGEMENT):
            self.engagements.add(str(engagement))

    @property
    def root(self) -> Span:
        """The earliest span without a parent here: of a trace still arriving, the best there is."""
        return min(self.spans.values(), key=lambda span: (span.parent_id in self.spans, span.start))

    @property
    def errors(self) -> int:
        return sum(span.failed for span in self.spans.values())

    @property
    def lone(self) -> bool:
        return len(self.spans) == 1 and not self.errors

    def services(self) -> dict[str, tuple[int, int]]:
        """Service to its number of spans and of failed ones, in order of first appearance in time."""
        ordered = sorted(self.spans.values(), key=lambda span: span.start)
        spans = Counter(span.service for span in ordered)
        failed = Counter(span.service for span in ordered if span.failed)
        return {service: (count, failed[service]) for service, count in spans.items()}

    def summary(self) -> Summary:
        root = self.root
        return Summary(
            id=self.id,
            service=root.service,
            operation=root.name,
            spans=len(self.spans),
            errors=self.errors,
            services=self.services(),
            start=self.start,
            end=self.end,
            engagements=frozenset(self.engagements),
        )

    def has(self, service: str, operation: str, attributes: Mapping[str, str]) -> bool:
        """One span matches all that is asked; empty criteria match."""
        wanted = attributes.get(ENGAGEMENT)
        if wanted and wanted not in self.engagements:
            return False
        return any(_matches(span, service, operation, attributes) for span in self.spans.values())


class TraceStore:
    """Not thread-safe: one event loop owns it. A span that comes twice is kept once."""

    def __init__(self, max_traces: int = 5_000, max_spans: int = 200_000) -> None:
        self._max_traces, self._max_spans = max_traces, max_spans
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self.spans = 0
        self.dropped = 0

    def add(self, spans: Iterable[Span]) -> int:
        """Keep spans; gives how many were refused because their trace alone fills the store."""
        refused = 0
        for span in spans:
            refused += not self._add(span)
        self.dropped += refused
        return refused

    def __len__(self) -> int:
        return len(self._traces)

    async def get(self, trace_id: str) -> Trace | None:
        return self._traces.get(trace_id)

    def services(self) -> list[str]:
        return sorted({span.service for trace in self._traces.values() for span in trace.spans.values()})

    def operations(self, service: str) -> list[tuple[str, str]]:
        """(name, kind) of every operation of a service."""
        spans = (span for trace in self._traces.values() for span in trace.spans.values())
        return sorted({(span.name, span.kind_name) for span in spans if span.service == service})

    async def search(self, query: Search) -> Found:
        matching = [trace for trace in self._traces.values() if _within(trace, query)]
        shown = [trace for trace in matching if query.lone or not trace.lone]
        newest = sorted(shown, key=lambda trace: trace.start, reverse=True)[: query.depth]
        return Found([trace.summary() for trace in newest], len(matching), len(matching) - len(shown))

    def _add(self, span: Span) -> bool:
        trace = self._traces.setdefault(span.trace_id, Trace(span.trace_id))
        self._traces.move_to_end(span.trace_id)
        if span.span_id not in trace.spans:
            if len(trace.spans) >= self._max_spans:
                return False
            self.spans += 1
        trace.put(span)
        self._evict()
        return True

    def _evict(self) -> None:
        while len(self._traces) > self._max_traces or self.spans > self._max_spans:
            _, oldest = self._traces.popitem(last=False)
            self.spans -= len(oldest.spans)


def _within(trace: Trace, query: Search) -> bool:
    if not query.start_min <= trace.start <= query.start_max:
        return False
    duration = trace.end - trace.start
    if duration < query.duration_min or (query.duration_max and duration > query.duration_max):
        return False
    return trace.has(query.service, query.operation, query.attributes)


def _matches(span: Span, service: str, operation: str, attributes: Mapping[str, str]) -> bool:
    return (
        service in ("", span.service)
        and operation in ("", span.name)
        and all(_text(_attribute(span, key)) == value for key, value in attributes.items())
    )


def _attribute(span: Span, key: str) -> Any:
    return span.attributes.get(key, span.source.resource.get(key))


def _text(value: Any) -> str | None:
    """Values are compared as text, booleans as JSON writes them: Jaeger's attribute filter does so."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
