"""The part of Jaeger's /api/v3 that we offer."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Build = Callable[..., dict[str, Any]]
TRACE = "5b8efff798038103d269b633813fc60c"
OTHER = "a" * 32
DAY = {"query.startTimeMin": "2026-03-02T00:00:00Z", "query.startTimeMax": "2026-03-03T00:00:00+00:00"}


@pytest.fixture
async def filled(sink: httpx.AsyncClient, span: Build, request_of: Build) -> httpx.AsyncClient:
    """One flow from the gateway through intake to design, where it fails; another trace a second later."""
    asked = span(1, name="POST /graphql", kind=2)
    sent = span(2, parent=1, name="send intake.commands", kind=4)
    await sink.post("/v1/traces", json=request_of(asked, sent, service="gateway"))
    await sink.post("/v1/traces", json=request_of(span(3, parent=2, at=20)))
    await sink.post(
        "/v1/traces", json=request_of(span(4, parent=3, at=90, status={"code": 2}), service="design")
    )
    later = span(5, trace=OTHER, at=1000, attributes={"engagement.id": "ENG-BBBB", "retry": "yes"})
    await sink.post("/v1/traces", json=request_of(later))
    return sink


async def summaries(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    params = DAY | {f"query.{key}": value for key, value in query.items()}
    answer = await client.get("/api/v3/trace-summaries", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["summaries"]
    return found


async def test_summary_counts_spans_failures_and_services(filled: httpx.AsyncClient) -> None:
    (found,) = await summaries(filled, attributes='{"engagement.id":"ENG-AAAA"}')

    assert found == {
        "traceId": TRACE,
        "rootServiceName": "gateway",
        "rootOperationName": "POST /graphql",
        "spanCount": 4,
        "errorSpanCount": 1,
        "services": [
            {"name": "gateway", "spanCount": 2, "errorSpanCount": 0},
            {"name": "intake", "spanCount": 1, "errorSpanCount": 0},
            {"name": "design", "spanCount": 1, "errorSpanCount": 1},
        ],
        "minStartTimeUnixNano": "1772442000000000000",
        "maxEndTimeUnixNano": "1772442000100000000",
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [OTHER, TRACE]),
        ({"searchDepth": "1"}, [OTHER]),
        ({"serviceName": "design"}, [TRACE]),
        ({"service_name": "design"}, [TRACE]),
        ({"serviceName": "intake", "operationName": "process intake.commands"}, [OTHER, TRACE]),
        ({"serviceName": "design", "operationName": "POST /graphql"}, []),
        ({"attributes": '{"retry":"yes"}'}, [OTHER]),
        ({"attributes": '{"engagement.id":"ENG-AAAA","retry":"yes"}'}, []),
        ({"durationMin": "50ms"}, [TRACE]),
        ({"durationMax": "50ms"}, [OTHER]),
        ({"startTimeMax": "2026-03-02T09:00:00.5Z"}, [TRACE]),
    ],
)
async def test_search_finds_what_is_asked_for(
    filled: httpx.AsyncClient, query: dict[str, str], ids: list[str]
) -> None:
    assert [found["traceId"] for found in await summaries(filled, **query)] == ids


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"query.startTimeMin": ""}, "query.startTimeMin is required"),
        ({"query.startTimeMax": "yesterday"}, "query.startTimeMax is not a time"),
        ({"query.startTimeMax": "2026-03-02T09:00:00"}, "query.startTimeMax is not a time"),
        ({"query.attributes": "{"}, "query.attributes is not JSON"),
        ({"query.attributes": '{"a":1}'}, "query.attributes is not an object of texts"),
        ({"query.searchDepth": "0"}, "query.searchDepth: is not between"),
        ({"query.durationMin": "5 parsecs"}, "query.durationMin: is not a duration"),
    ],
)
async def test_a_wrong_parameter_is_named(
    filled: httpx.AsyncClient, query: dict[str, str], reason: str
) -> None:
    answer = await filled.get("/api/v3/trace-summaries", params=DAY | query)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(reason)


async def test_services_and_operations_are_listed(filled: httpx.AsyncClient) -> None:
    services = await filled.get("/api/v3/services")
    operations = await filled.get("/api/v3/operations", params={"service": "gateway"})

    assert services.json() == {"services": ["design", "gateway", "intake"]}
    assert operations.json() == {
        "operations": [
            {"name": "POST /graphql", "spanKind": "server"},
            {"name": "send intake.commands", "spanKind": "producer"},
        ]
    }
    assert (await filled.get("/api/v3/operations")).status_code == 400


async def test_a_trace_is_not_found_until_its_spans_arrive(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    before = await sink.get(f"/api/v3/traces/{TRACE}")
    await sink.post("/v1/traces", json=request_of(span(1)))
    after = await sink.get(f"/api/v3/traces/{TRACE.upper()}")

    assert (before.status_code, before.json()["error"]["message"]) == (404, "No traces found")
    assert after.status_code == 200
    assert (await sink.get("/api/v3/traces/not-an-id")).status_code == 400
