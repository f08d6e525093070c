"""What holds wherever traces are kept: run with --traces=jaeger, on a real Jaeger."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import httpx
import orjson
import pytest
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id

from runtime.errors import CommandFailed, Exit
from runtime.trace_reader import fetch
from runtime.trace_search import search, services, traces_of
from runtime.trace_summary import Summary, latest
from telemetry import TelemetrySettings, start_telemetry

Build = Callable[..., dict[str, Any]]
MS = 10**6


class Backend(Protocol):
    otlp: str
    query: str
    pages: str


@pytest.fixture
def engagement() -> str:
    return f"ENG-{secrets.token_hex(4).upper()}"


@pytest.fixture
def now() -> int:
    return time.time_ns() // MS * MS


async def send(backend: Backend, request: dict[str, Any]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{backend.otlp}/v1/traces", json=request)
    assert answer.status_code == 200, answer.text


async def page(backend: Backend, path: str, **query: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=backend.pages, trust_env=False) as client:
        return await client.get(path, params=query)


@pytest.fixture
def flow(span: Build, request_of: Build, engagement: str, now: int) -> list[dict[str, Any]]:
    """Two requests with one new trace: gateway asks and sends, intake processes, and fails."""
    trace = secrets.token_hex(16)

    def one(number: int, at: int, length: int, **fields: Any) -> dict[str, Any]:
        times = {
            "startTimeUnixNano": str(now + at * MS),
            "endTimeUnixNano": str(now + (at + length) * MS),
        }
        return span(number, trace=trace, attributes={"engagement.id": engagement}, **times, **fields)

    asked = one(1, 0, 20, name="POST /graphql", kind=2)
    sent = one(2, 5, 5, parent=1, name="send intake.commands", kind=4)
    status = {"code": 2, "message": "no"}
    processed = one(3, 30, 20, parent=2, name="process intake.commands", kind=5, status=status)
    return [request_of(asked, sent, service="gateway"), request_of(processed)]


def id_of(flow: list[dict[str, Any]]) -> str:
    trace: str = flow[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    return trace


async def test_spans_are_read_back_with_their_parents_failures_and_attributes(
    backend: Backend, flow: list[dict[str, Any]], engagement: str, now: int
) -> None:
    assert await fetch(backend.query, id_of(flow)) == []

    for request in flow:
        await send(backend, request)

    asked, sent, processed = sorted(await fetch(backend.query, id_of(flow)), key=lambda row: row.start)
    assert (asked.service, asked.name, asked.parent) == ("gateway", "POST /graphql", "")
    assert (sent.parent, processed.parent) == (asked.id, sent.id)
    assert (processed.service, processed.failed, processed.message) == ("intake", True, "no")
    assert (processed.start, processed.end) == (now + 30 * MS, now + 50 * MS)
    assert {row.attributes["engagement.id"] for row in (asked, sent, processed)} == {engagement}


@pytest.mark.usefixtures("kept_root_logging")
async def test_what_the_sdk_exports_is_there_when_it_says_so(backend: Backend, engagement: str) -> None:
    telemetry = start_telemetry("intake", TelemetrySettings(exporter_otlp_endpoint=backend.otlp))
    attributes = {"engagement.id": engagement, "messaging.kafka.offset": 7}
    span = telemetry.tracer("messaging").start_span(
        "process intake.commands", context=Context(), kind=SpanKind.CONSUMER, attributes=attributes
    )
    span.set_status(Status(StatusCode.ERROR, "broken"))
    span.end()

    await asyncio.to_thread(telemetry.close)

    (row,) = await fetch(backend.query, format_trace_id(span.get_span_context().trace_id))
    assert (row.service, row.name, row.failed, row.message) == (
        "intake", "process intake.commands", True, "broken",
    )  # fmt: skip
    assert row.attributes["messaging.kafka.offset"] == "7"


async def test_an_engagements_traces_are_found_and_summed_up(
    backend: Backend, flow: list[dict[str, Any]], span: Build, request_of: Build, engagement: str, now: int
) -> None:
    times = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + MS)}
    other = span(9, trace=secrets.token_hex(16), attributes={"engagement.id": "ENG-OTHER"}, **times)
    for request in (*flow, request_of(other)):
        await send(backend, request)

    found = await traces_of(backend.query, engagement)

    assert found.summaries == [
        Summary(
            id=id_of(flow),
            service="gateway",
            operation="POST /graphql",
            spans=3,
            errors=1,
            services={"gateway": (2, 0), "intake": (1, 1)},
            start=now,
            end=now + 50 * MS,
            engagements=frozenset([engagement]),
        )
    ]
    assert not found.cut


async def test_a_search_says_when_it_did_not_look_at_older_traces(
    backend: Backend, flow: list[dict[str, Any]], engagement: str
) -> None:
    for request in flow:
        await send(backend, request)

    async with httpx.AsyncClient(base_url=backend.query, trust_env=False) as client:
        found = await search(client, latest(depth=1))
        named = await services(client)

    assert found.cut
    assert len(found.summaries) == 1
    assert {"gateway", "intake"} <= set(named)


@pytest.mark.parametrize(("depth", "count", "cut"), [(1000, 6, False), (4, 4, True)])
async def test_every_trace_down_to_the_depth_is_found_newest_first(
    backend: Backend, span: Build, request_of: Build, now: int, depth: int, count: int, cut: bool
) -> None:
    service, ids = f"intake-{secrets.token_hex(4)}", [secrets.token_hex(16) for _ in range(6)]
    for number, trace in enumerate(ids):
        begin = now + number * MS
        times = {"startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + MS)}
        await send(backend, request_of(span(1, trace=trace, **times), service=service))

    async with httpx.AsyncClient(base_url=backend.query, trust_env=False) as client:
        found = await search(client, replace(latest(depth=depth), service=service))

    assert [one.id for one in found.summaries] == ids[::-1][:count]
    assert found.cut == cut


async def test_no_answer_is_said_and_not_taken_for_no_traces() -> None:
    with pytest.raises(CommandFailed, match=r"no traces on http://127\.0\.0\.1:1") as failure:
        await traces_of("http://127.0.0.1:1", "ENG-AAAA")

    assert failure.value.exit_code == Exit.UNREACHABLE


async def test_the_pages_list_an_engagements_trace_and_draw_it(
    backend: Backend, flow: list[dict[str, Any]], span: Build, request_of: Build, engagement: str, now: int
) -> None:
    times = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + MS)}
    lone = span(9, trace=secrets.token_hex(16), attributes={"engagement.id": engagement}, **times)
    for request in (*flow, request_of(lone)):
        await send(backend, request)

    listed = (await page(backend, "/traces", engagement=engagement)).text
    every = (await page(backend, "/traces", engagement=engagement, lone="1")).text
    drawn = (await page(backend, f"/traces/{id_of(flow)}")).text

    assert id_of(flow) in listed
    assert "gateway: POST /graphql" in listed
    assert lone["traceId"] not in listed
    assert "1 of a single span not shown" in listed
    assert lone["traceId"] in every
    data = orjson.loads(
        drawn.partition('<script type="application/json"')[2].partition(">")[2].partition("<")[0]
    )
    assert [(s["service"], s["kind"], s["failed"]) for s in data["spans"]] == [
        ("gateway", "server", False), ("gateway", "producer", False), ("intake", "consumer", True),
    ]  # fmt: skip
    assert data["duration"] == 50_000
    assert (await page(backend, f"/traces/{secrets.token_hex(16)}")).status_code == 404
