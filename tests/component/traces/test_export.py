"""What is sent as OTLP comes back, whatever its encoding; what is not OTLP is answered so."""

import asyncio
import gzip
import sys
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, format_trace_id

from runtime.trace_summary import Search
from runtime.traces import TraceStore
from telemetry import TelemetrySettings, start_telemetry

Build = Callable[..., dict[str, Any]]
TRACE = "5b8efff798038103d269b633813fc60c"
JSON = {"content-type": "application/json"}
GZIP = {"content-encoding": "gzip"}
ID = f"/api/v3/traces/{TRACE}"


def spans_of(answer: httpx.Response) -> list[dict[str, Any]]:
    groups = answer.json()["result"]["resourceSpans"]
    return [span for group in groups for scope in group["scopeSpans"] for span in scope["spans"]]


async def test_json_comes_back_as_it_was(sink: httpx.AsyncClient, span: Build, request_of: Build) -> None:
    sent = request_of(
        span(
            1,
            status={"code": 2, "message": "refused"},
            events=[{"timeUnixNano": "1772442000000000001", "name": "exception", "attributes": []}],
            links=[{"traceId": "a" * 32, "spanId": "b" * 16, "attributes": []}],
        )
    )

    answer = await sink.post("/v1/traces", json=sent)

    assert (answer.status_code, answer.json()) == (200, {})
    (group,) = (await sink.get(ID)).json()["result"]["resourceSpans"]
    assert group["resource"] == sent["resourceSpans"][0]["resource"]
    assert group["scopeSpans"] == sent["resourceSpans"][0]["scopeSpans"]


async def test_every_kind_of_attribute_value_survives(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    values: list[dict[str, Any]] = [
        {"stringValue": "ü"},
        {"boolValue": True},
        {"intValue": "9223372036854775807"},
        {"doubleValue": 1.5},
        {"bytesValue": "AAH/"},
        {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}},
        {"kvlistValue": {"values": [{"key": "inner", "value": {"boolValue": False}}]}},
    ]
    sent = span(1)
    sent["attributes"] = [{"key": str(i), "value": value} for i, value in enumerate(values)]

    await sink.post("/v1/traces", json=request_of(sent))

    (found,) = spans_of(await sink.get(ID))
    assert found["attributes"] == sent["attributes"]


@pytest.mark.usefixtures("kept_root_logging")
async def test_the_sdk_exports_to_it(sink: httpx.AsyncClient) -> None:
    endpoint = str(sink.base_url)
    telemetry = start_telemetry("intake", TelemetrySettings(exporter_otlp_endpoint=endpoint))
    earlier = telemetry.tracer("t").start_span("earlier", context=Context()).get_span_context()
    span = telemetry.tracer("messaging").start_span(
        "process intake.commands", context=Context(), kind=SpanKind.CONSUMER, links=[Link(earlier)],
        attributes={"engagement.id": "ENG-AAAA", "messaging.kafka.offset": 7},
    )  # fmt: skip
    span.set_status(Status(StatusCode.ERROR, "broken"))
    span.record_exception(ValueError("no"))
    span.end()

    await asyncio.to_thread(telemetry.close)

    (found,) = spans_of(await sink.get(f"/api/v3/traces/{format_trace_id(span.get_span_context().trace_id)}"))
    assert (found["name"], found["kind"]) == ("process intake.commands", 5)
    assert found["status"] == {"code": 2, "message": "broken"}
    assert {"key": "messaging.kafka.offset", "value": {"intValue": "7"}} in found["attributes"]
    assert found["events"][0]["name"] == "exception"
    assert found["links"][0]["traceId"] == format_trace_id(earlier.trace_id)


async def test_gzip_is_read(
    sink: httpx.AsyncClient, store: TraceStore, span: Build, request_of: Build
) -> None:
    body = gzip.compress(orjson.dumps(request_of(span(1))))
    headers = JSON | GZIP

    answer = await sink.post("/v1/traces", content=body, headers=headers)

    assert answer.status_code == 200
    assert store.spans == 1


@pytest.mark.parametrize(
    ("headers", "body", "status", "reason"),
    [
        ({"content-type": "text/plain"}, b"", 415, "content-type must be one of"),
        (JSON | {"content-encoding": "br"}, b"", 415, "content-encoding must be gzip"),
        (JSON | GZIP, b"nope", 400, "not gzip"),
        (JSON | GZIP, gzip.compress(b"{}")[:-4], 400, "cut off"),
        ({"content-type": "application/x-protobuf"}, b"\xff\xff", 400, "no ExportTraceServiceRequest"),
        (JSON, b"[1]", 400, "no OTLP JSON"),
        (
            JSON,
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
            400,
            "no OTLP JSON",
        ),
        (
            JSON,
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00"}]}]}]}',
            400,
            "trace id of 16 bytes",
        ),
    ],
)  # fmt: skip
async def test_what_is_not_otlp_is_answered_with_its_reason(
    sink: httpx.AsyncClient, store: TraceStore, headers: dict[str, str], body: bytes, status: int, reason: str
) -> None:
    answer = await sink.post("/v1/traces", content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error"]["httpCode"] == status
    assert reason in answer.json()["error"]["message"]
    assert store.spans == 0


async def test_a_bomb_in_gzip_is_refused(sink: httpx.AsyncClient, store: TraceStore) -> None:
    bomb = gzip.compress(b" " * (65 * 1024 * 1024), compresslevel=1)

    answer = await sink.post("/v1/traces", content=bomb, headers=JSON | GZIP)

    assert answer.status_code == 400
    assert "unpacks to more than" in answer.json()["error"]["message"]


async def test_a_trace_that_fills_the_store_is_told_so(
    sink: httpx.AsyncClient, store: TraceStore, span: Build, request_of: Build
) -> None:
    answer = await sink.post("/v1/traces", json=request_of(*(span(i) for i in range(1, 54))))

    assert answer.json()["partialSuccess"]["rejectedSpans"] == "3"
    assert (store.spans, store.dropped) == (50, 3)


async def test_a_span_sent_twice_is_kept_once(
    sink: httpx.AsyncClient, store: TraceStore, span: Build, request_of: Build
) -> None:
    for _ in range(2):
        await sink.post("/v1/traces", json=request_of(span(1)))

    assert store.spans == 1


async def test_the_trace_longest_untouched_makes_room(
    sink: httpx.AsyncClient, store: TraceStore, span: Build, request_of: Build
) -> None:
    first, second, third, fourth = (str(n) * 32 for n in range(1, 5))
    for trace, span_id in ((first, 1), (second, 2), (third, 3), (first, 4), (fourth, 5)):
        await sink.post("/v1/traces", json=request_of(span(span_id, trace=trace)))

    kept = (await store.search(Search(0, sys.maxsize))).summaries
    assert {trace.id for trace in kept} == {first, third, fourth}
    assert await store.get(second) is None
    assert store.spans == 4
