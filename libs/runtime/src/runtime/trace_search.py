"""Traces searched for over Jaeger's query API v3, each summed up, however old that Jaeger is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from runtime.trace_reader import SpanRow, traced_rows, unreachable
from runtime.trace_summary import ENGAGEMENT, Found, Search, Summary, latest, summed_up

ANSWER_LIMIT = 32 * 1024 * 1024
GROWTH = 4
DAYS = 30


async def traces_of(url: str, engagement: str) -> Found:
    """The traces of an engagement, of the last thirty days. Raises CommandFailed (69)."""
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            return await search(client, latest(engagement=engagement, days=DAYS))
    except httpx.HTTPError as error:
        raise unreachable(url, error) from None


async def search(client: httpx.AsyncClient, query: Search) -> Found:
    """Asks service by service, as Jaeger's stores on disk cannot search otherwise. Raises httpx.HTTPError."""
    found: dict[str, Summary] = {}
    cut = False
    for service in [query.service] if query.service else await services(client):
        some, more = await _of_service(client, replace(query, service=service))
        found |= {one.id: one for one in some}
        cut |= more
    return _selected(found.values(), query, cut=cut)


def _selected(every: Iterable[Summary], query: Search, *, cut: bool) -> Found:
    ordered = sorted(every, key=lambda one: one.start, reverse=True)
    shown = [one for one in ordered if query.lone or not one.lone]
    return Found(shown[: query.depth], len(ordered), len(ordered) - len(shown), cut)


async def services(client: httpx.AsyncClient) -> list[str]:
    """Raises httpx.HTTPError."""
    answer = await client.get("/api/v3/services")
    answer.raise_for_status()
    found: list[str] = orjson.loads(answer.content).get("services") or []
    return found


async def _of_service(client: httpx.AsyncClient, query: Search) -> tuple[list[Summary], bool]:
    params = {
        "query.serviceName": query.service,
        "query.operationName": query.operation,
        "query.startTimeMin": _moment(query.start_min),
        "query.startTimeMax": _moment(query.start_max),
        "query.searchDepth": str(query.depth),
        "query.durationMin": _duration(query.duration_min),
        "query.durationMax": _duration(query.duration_max),
        "query.attributes": orjson.dumps(query.attributes).decode() if query.attributes else "",
    }
    answer = await client.get("/api/v3/trace-summaries", params={k: v for k, v in params.items() if v})
    document = _json(answer.content)
    # Before 2.19 there are no summaries, and what is not there is answered with 200 and the pages' frame.
    if document is None or answer.status_code == httpx.codes.NOT_FOUND:
        return await _by_spans(client, query)
    answer.raise_for_status()
    found = [_summary_of(one, query) for one in document.get("summaries") or []]
    return found, len(found) >= query.depth


def _summary_of(one: Mapping[str, Any], query: Search) -> Summary:
    asked = query.attributes.get(ENGAGEMENT)
    return Summary(
        id=one["traceId"],
        service=one.get("rootServiceName", ""),
        operation=one.get("rootOperationName", ""),
        spans=int(one["spanCount"]),
        errors=int(one.get("errorSpanCount", 0)),
        services={
            s["name"]: (int(s["spanCount"]), int(s.get("errorSpanCount", 0))) for s in one.get("services", [])
        },
        start=int(one["minStartTimeUnixNano"]),
        end=int(one.get("maxEndTimeUnixNano", one["minStartTimeUnixNano"])),
        engagements=frozenset([asked] if asked else []),
    )


async def _by_spans(client: httpx.AsyncClient, query: Search) -> tuple[list[Summary], bool]:
    """Whole traces, judged here: a Jaeger without summaries searches for no attributes either.

    It makes its whole answer before it sends any of it, so it is asked for one, then for ever more.
    """
    depth, traces, more = 1, dict[str, list[SpanRow]](), True
    while more and (body := await _spans(client, query, depth)) is not None:
        traces = _by_trace(body)
        more = len(traces) >= depth
        if depth == query.depth or len(body) * GROWTH > ANSWER_LIMIT:
            break
        depth = min(depth * GROWTH, query.depth)
    found = [
        summed_up(trace, spans)
        for trace, spans in traces.items()
        if any(_has(span, query.attributes) for span in spans)
    ]
    return found, more


def _by_trace(body: bytes) -> dict[str, list[SpanRow]]:
    traces: dict[str, list[SpanRow]] = {}
    for trace, row in traced_rows(_json(body) or {}):
        traces.setdefault(trace, []).append(row)
    return traces


async def _spans(client: httpx.AsyncClient, query: Search, depth: int) -> bytes | None:
    """None where the answer is larger than ANSWER_LIMIT, and a smaller one could be asked for."""
    params = {
        "query.service_name": query.service,
        "query.operation_name": query.operation,
        "query.start_time_min": _moment(query.start_min),
        "query.start_time_max": _moment(query.start_max),
        "query.num_traces": str(depth),
        "query.duration_min": _duration(query.duration_min),
        "query.duration_max": _duration(query.duration_max),
    }
    wanted = {k: v for k, v in params.items() if v}
    body = bytearray()
    async with client.stream("GET", "/api/v3/traces", params=wanted) as answer:
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_LIMIT and depth > 1:
                return None
    return bytes(body)


def _has(span: SpanRow, attributes: Mapping[str, str]) -> bool:
    return all(span.attributes.get(name) == value for name, value in attributes.items())


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _moment(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat().replace("+00:00", "Z")


def _duration(nanoseconds: int) -> str:
    return f"{nanoseconds}ns" if nanoseconds else ""
