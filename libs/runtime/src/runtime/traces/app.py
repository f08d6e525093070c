"""The sink as an application: OTLP in, the query API, the pages, its own health. Or its pages alone."""

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runtime.traces.otlp import BODY_LIMIT, Unreadable, from_json, from_protobuf, unzip
from runtime.traces.pages import Traces, page_routes
from runtime.traces.query import json_response, problem, query_routes
from runtime.traces.store import TraceStore
from telemetry import health_routes

PROTOBUF = "application/x-protobuf"
READERS = {PROTOBUF: from_protobuf, "application/json": from_json}


class _TooLarge(Exception):
    pass


def build_app(store: TraceStore, gateway_url: str = "") -> Starlette:
    """`gateway_url` is where a trace's page finds its engagement; empty leaves the link out."""

    async def export(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = request.headers.get("content-encoding", "identity").lower()
        if media_type not in READERS:
            return problem(415, f"content-type must be one of {', '.join(READERS)}")
        if encoding not in ("identity", "gzip"):
            return problem(415, "content-encoding must be gzip, or none")
        try:
            body = await _body(request)
            refused = store.add(READERS[media_type](unzip(body) if encoding == "gzip" else body))
        except _TooLarge:
            return problem(413, f"the body has more than {BODY_LIMIT} bytes")
        except Unreadable as error:
            return problem(400, str(error))
        return _exported(media_type, refused)

    return Starlette(
        routes=[
            Route("/v1/traces", export, methods=["POST"]),
            *query_routes(store),
            *page_routes(store, gateway_url),
            *health_routes("traces", {}),
        ]
    )


def build_pages(traces: Traces, gateway_url: str = "") -> Starlette:
    """The pages alone, over traces that are kept elsewhere."""

    async def away(_: Request, error: Exception) -> Response:
        return PlainTextResponse(f"Jaeger does not answer ({type(error).__name__}); see: throughline ps", 503)

    return Starlette(
        routes=[*page_routes(traces, gateway_url), *health_routes("traces", {})],
        exception_handlers={httpx.HTTPError: away},
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _TooLarge
    return bytes(body)


def _exported(media_type: str, refused: int) -> Response:
    """OTLP's partial success names what was refused; an empty answer means all was kept."""
    reason = "the trace alone fills the store"
    if media_type == PROTOBUF:
        answer = ExportTraceServiceResponse()
        if refused:
            answer.partial_success.rejected_spans = refused
            answer.partial_success.error_message = reason
        return Response(answer.SerializeToString(), media_type=PROTOBUF)
    partial = {"partialSuccess": {"rejectedSpans": str(refused), "errorMessage": reason}}
    return json_response(partial if refused else {})
