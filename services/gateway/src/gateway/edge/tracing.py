"""The server span of a request; a caller's `traceparent` is continued."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.requests import Request

from telemetry import context_from

tracer = trace.get_tracer("gateway.http")


@contextmanager
def server_span(request: Request, route: str) -> Iterator[Span]:
    parent = context_from(request.headers.get("traceparent"), request.headers.get("tracestate"))
    attributes = {
        "http.request.method": request.method,
        "http.route": route,
        "url.path": route,
        "url.scheme": request.url.scheme,
    }
    name = f"{request.method} {route}"
    with tracer.start_as_current_span(
        name, context=parent, kind=SpanKind.SERVER, attributes=attributes
    ) as span:
        yield span


def answered(span: Span, status: int) -> None:
    """Note the status of the answer; only the server's own failures are errors."""
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def trace_id() -> str | None:
    span = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span.trace_id) if span.is_valid else None
