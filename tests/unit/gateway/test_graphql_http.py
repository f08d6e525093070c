"""GraphQL over HTTP: media types, statuses, bodies, and answers that give nothing away."""

import gzip
import json
import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.edge import tracing

JSON, GRAPHQL = "application/json", "application/graphql-response+json"
GOOD = {"query": "{ __typename }"}


@pytest.fixture
def post(house, kit):
    async def send(body=GOOD, *, accept=JSON, kind=JSON, **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {
            "authorization": f"Bearer {kit.token('viewer')}",
            "accept": accept,
            "content-type": kind,
            **headers,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return await house.client.post("/graphql", content=content, headers=given)

    return send


ACCEPTED = [
    (JSON, JSON),
    (GRAPHQL, GRAPHQL),
    ("*/*", JSON),
    (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
    (f"{GRAPHQL};q=0.1, {JSON}", JSON),
    (f"{GRAPHQL}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", JSON),
    (f"{GRAPHQL};q=0.9, text/event-stream;q=0.1", GRAPHQL),
    ("application/*", JSON),
]


@pytest.mark.parametrize(("accept", "kind"), ACCEPTED)
async def test_the_answer_has_the_type_the_client_likes_best(post, accept, kind):
    response = await post(accept=accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    assert response.json()["data"] == {"__typename": "Query"}


async def test_what_nobody_here_writes_is_not_acceptable(post):
    assert (await post(accept="text/html")).status_code == 406


@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ __typename ", "query($a: Int!) { __typename }"])
async def test_a_request_that_was_not_executed_has_no_data(post, accept, query):
    response = await post({"query": query}, accept=accept)

    assert "data" not in response.json()
    assert response.status_code == (400 if accept == GRAPHQL else 200)
    assert response.json()["errors"][0]["extensions"]["code"].startswith("GRAPHQL_")


async def test_wrong_variables_are_a_request_error(post):
    query = "query($n: Int!) { engagements(first: $n) { edges { cursor } } }"

    response = await post({"query": query, "variables": {"n": "many"}}, accept=GRAPHQL)

    assert response.status_code == 400
    assert "data" not in response.json()


BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b"null", 400),
    (b"[]", 400),
    (b'[{"query": "{ __typename }"}]', 400),
    (b'"{ __typename }"', 400),
    (b"[" * 100_000, 400),
    (b"{}", 400),
    (b'{"query": 3}', 400),
    (b'{"query": ""}', 400),
    (b'{"query": "{ __typename }", "variables": []}', 400),
    (b'{"query": "{ __typename }", "variables": "{}"}', 400),
    (b'{"query": "{ __typename }", "operationName": 3}', 400),
    (b'{"query": "{ __typename }", "extensions": 3}', 400),
    (b'{"query": "' + b"x" * 1_100_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES)
async def test_a_bad_body_is_the_clients_fault(post, body, status):
    response = await post(body)

    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", f"{JSON}; charset=latin1"]
)
async def test_only_json_is_read(post, kind):
    assert (await post(kind=kind)).status_code == 415


async def test_a_compressed_body_is_refused(post):
    response = await post(gzip.compress(b"{}"), **{"content-encoding": "gzip"})

    assert response.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_told_which_are_allowed(house, method):
    response = await house.client.request(method, "/graphql")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_query_may_be_got_and_a_mutation_may_not(house, kit):
    headers = {"authorization": f"Bearer {kit.token('consultant')}"}
    mutation = 'mutation { proposePlan(input: {engagement: "ENG-TEST1"}) { __typename } }'

    got = await house.client.get("/graphql", params={"query": "{ __typename }"}, headers=headers)
    refused = await house.client.get("/graphql", params={"query": mutation}, headers=headers)
    empty = await house.client.get("/graphql", headers={**headers, "accept": "text/html, */*"})

    assert got.json()["data"] == {"__typename": "Query"}
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert empty.status_code == 400
    assert house.broker.sent == []


async def test_the_named_operation_runs(post):
    two = "query a { __typename } query b { b: __typename }"

    named = await post({"query": two, "operationName": "b"})
    unnamed = await post({"query": two}, accept=GRAPHQL)
    unknown = await post({"query": two, "operationName": "c"}, accept=GRAPHQL)

    assert named.json()["data"] == {"b": "Query"}
    for response in (unnamed, unknown):
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"


async def test_without_a_token_nothing_is_answered_not_even_validation(house):
    response = await house.client.post("/graphql", json={"query": "{ nothing }"})

    assert response.status_code == 401
    assert response.json() == {
        "errors": [
            {
                "message": "send a bearer token in the Authorization header",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }


async def test_forbidden_is_403_for_those_who_read_statuses(post):
    response = await post({"query": "{ deadLetters { endCursor } }"}, accept=GRAPHQL)

    assert response.status_code == 403


async def test_wrong_field_names_get_no_suggestions(post):
    response = await post({"query": "{ engagementz { key } }"})

    assert "did you mean" not in response.text.lower()


async def test_what_fails_inside_is_masked_and_logged_with_its_trace(house, post, caplog):
    async def broken(*_):
        raise RuntimeError("mongodb://user:secret@db:27017 refused")

    house.store.view = broken
    with caplog.at_level(logging.ERROR):
        response = await post({"query": '{ engagement(id: "ENG-TEST1") { key } }'})

    assert response.status_code == 200
    assert "secret" not in response.text
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert response.json()["data"] == {"engagement": None}
    assert "secret@db" in caplog.text


@pytest.fixture
def spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    return exporter


async def test_a_request_is_one_server_span_that_continues_the_callers_trace(post, spans):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    await post({"query": 'query Look { engagement(id: "ENG-SEEN1") { title } }'}, traceparent=parent)

    (span,) = [one for one in spans.get_finished_spans() if one.name == "POST /graphql"]
    assert format(span.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert span.attributes["graphql.operation.name"] == "Look"
    assert span.attributes["graphql.operation.type"] == "query"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["engagement.id"] == "ENG-SEEN1"
    assert "title" not in str(dict(span.attributes))


async def test_health_and_the_schema_need_no_token(house):
    live = await house.client.get("/health/live")
    sdl = await house.client.get("/schema.graphql")

    assert live.status_code == 200
    assert "type Engagement implements Node" in sdl.text


async def test_no_page_and_no_ide_is_served(house, kit):
    headers = {"authorization": f"Bearer {kit.token('viewer')}", "accept": "text/html"}

    response = await house.client.get("/graphql", headers=headers)

    assert response.status_code == 406
    assert "<" not in response.text
