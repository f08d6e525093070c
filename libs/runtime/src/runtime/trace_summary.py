"""What a search for traces asks, and each trace it finds, summed up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from runtime.trace_reader import SpanRow

ENGAGEMENT = "engagement.id"
DEPTH = 1000


@dataclass(frozen=True, slots=True)
class Search:
    """`start_min` <= start of the trace <= `start_max`, in Unix nanoseconds. The newest come first.

    Without `lone` those of a single span that went well are left out.
    """

    start_min: int
    start_max: int
    service: str = ""
    operation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    depth: int = 100
    duration_min: int = 0
    duration_max: int = 0
    lone: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """A trace without its spans; `services` to (spans, failed spans), times in Unix nanoseconds."""

    id: str
    service: str
    operation: str
    spans: int
    errors: int
    services: Mapping[str, tuple[int, int]]
    start: int
    end: int
    engagements: frozenset[str] = frozenset()

    @property
    def lone(self) -> bool:
        """A probe's round that found nothing new is a trace of one span, and there are thousands of them."""
        return self.spans == 1 and not self.errors

    def as_json(self) -> dict[str, Any]:
        """As `/api/v3/trace-summaries` says it."""
        return {
            "traceId": self.id,
            "rootServiceName": self.service,
            "rootOperationName": self.operation,
            "spanCount": self.spans,
            "errorSpanCount": self.errors,
            "services": [
                {"name": name, "spanCount": spans, "errorSpanCount": errors}
                for name, (spans, errors) in self.services.items()
            ],
            "minStartTimeUnixNano": str(self.start),
            "maxEndTimeUnixNano": str(self.end),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """`total` matched, `lone` of them are left out; `cut` where older ones were not looked at."""

    summaries: list[Summary]
    total: int
    lone: int = 0
    cut: bool = False


def latest(*, engagement: str = "", depth: int = DEPTH, lone: bool = True, days: int | None = None) -> Search:
    """The newest traces, or the newest of one engagement; all there are, or those of the last `days`."""
    now = datetime.now(UTC)
    begin = int((now - timedelta(days=days)).timestamp()) if days else 0
    end = int((now + timedelta(minutes=1)).timestamp())
    wanted = {ENGAGEMENT: engagement} if engagement else {}
    return Search(begin * 10**9, end * 10**9, attributes=wanted, depth=depth, lone=lone)


def summed_up(trace: str, spans: Iterable[SpanRow]) -> Summary:
    """`spans` has at least one."""
    ordered = sorted(spans, key=lambda span: span.start)
    ids = {span.id for span in ordered}
    # The earliest span without a parent here: of a trace still arriving, the best there is.
    root = min(ordered, key=lambda span: (span.parent in ids, span.start))
    counts = Counter(span.service for span in ordered)
    failed = Counter(span.service for span in ordered if span.failed)
    return Summary(
        id=trace,
        service=root.service,
        operation=root.name,
        spans=len(ids),
        errors=failed.total(),
        services={name: (count, failed[name]) for name, count in counts.items()},
        start=ordered[0].start,
        end=max(span.end for span in ordered),
        engagements=frozenset(_engagements(ordered)),
    )


def _engagements(spans: Iterable[SpanRow]) -> Iterator[str]:
    yield from (span.attributes[ENGAGEMENT] for span in spans if span.attributes.get(ENGAGEMENT))
