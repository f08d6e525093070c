"""Traces read back over Jaeger's query API v3, and whether one is complete."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from runtime.errors import CommandFailed, Exit

POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span, flat; times are nanoseconds since the epoch."""

    id: str
    parent: str
    service: str
    name: str
    start: int
    end: int
    failed: bool
    message: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TraceCheck:
    """`missing` says in words what the trace still lacks; empty when it is complete."""

    spans: int
    services: frozenset[str]
    missing: str


async def fetch(url: str, trace_id: str) -> list[SpanRow]:
    """Every span of a trace known so far; [] while there is none. Raises httpx.HTTPError."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        answer = await client.get(f"/api/v3/traces/{trace_id}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return []
    answer.raise_for_status()
    return list(rows(answer.json()))


def rows(answer: Mapping[str, Any]) -> Iterator[SpanRow]:
    """The spans of an answer of `/api/v3/traces`, in its order."""
    yield from (row for _, row in traced_rows(answer))


def traced_rows(answer: Mapping[str, Any]) -> Iterator[tuple[str, SpanRow]]:
    """Each span with its trace's id: the answer to a search holds many traces."""
    for resource in answer.get("result", {}).get("resourceSpans", []):
        service = _attributes(resource.get("resource", {})).get("service.name", "")
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                row = SpanRow(
                    id=span["spanId"],
                    parent=span.get("parentSpanId", ""),
                    service=service,
                    name=span["name"],
                    start=int(span["startTimeUnixNano"]),
                    end=int(span["endTimeUnixNano"]),
                    failed=span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR"),
                    message=span.get("status", {}).get("message", ""),
                    attributes=_attributes(span),
                )
                yield span.get("traceId", ""), row


def _attributes(part: Mapping[str, Any]) -> dict[str, str]:
    return {a["key"]: str(next(iter(a["value"].values()), "")) for a in part.get("attributes", [])}


def check(spans: Iterable[SpanRow], services: Iterable[str]) -> TraceCheck:
    """Complete: a span of every service, one root, and no span whose parent is not there."""
    found = list(spans)
    ids = {span.id for span in found}
    seen = frozenset(span.service for span in found)
    roots = [span for span in found if not span.parent]
    orphans = [span for span in found if span.parent and span.parent not in ids]
    faults = []
    if absent := [name for name in services if name not in seen]:
        faults.append(f"no span of {', '.join(absent)}")
    if len(roots) != 1:
        faults.append(f"{len(roots)} roots: {', '.join(f'{s.service} {s.name}' for s in roots[:3])}")
    if orphans:
        first = orphans[0]
        faults.append(f"{len(orphans)} spans without their parent, first {first.service} {first.name}")
    return TraceCheck(len(found), seen, "; ".join(faults))


async def until_complete(
    url: str, trace_id: str, services: Iterable[str], timeout_seconds: float
) -> TraceCheck:
    """Ask until the trace is complete or the time is up; exporters send in batches."""
    wanted, deadline = tuple(services), time.monotonic() + timeout_seconds
    while True:
        try:
            result = check(await fetch(url, trace_id), wanted)
        except httpx.HTTPError as error:
            result = TraceCheck(0, frozenset(), f"the trace cannot be read: {type(error).__name__}")
        if not result.missing or time.monotonic() > deadline:
            return result
        await asyncio.sleep(POLL_SECONDS)


async def spans_of(url: str, trace_id: str) -> list[SpanRow]:
    """A trace by its id. Raises CommandFailed (1, 69)."""
    try:
        spans = await fetch(url, trace_id)
    except httpx.HTTPError as error:
        raise unreachable(url, error) from None
    if not spans:
        raise CommandFailed(Exit.FAILED, f"there is no trace {trace_id}")
    return spans


def unreachable(url: str, error: httpx.HTTPError) -> CommandFailed:
    return CommandFailed(Exit.UNREACHABLE, f"no traces on {url} ({type(error).__name__})")
