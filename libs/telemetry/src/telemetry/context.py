"""Where we are: the trace context as text for messages, and the engagement a piece of work belongs to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

ENGAGEMENT_ATTRIBUTE = "engagement.id"
engagement_id: ContextVar[str | None] = ContextVar("engagement_id", default=None)
_W3C = TraceContextTextMapPropagator()


def current_traceparent() -> tuple[str | None, str | None]:
    """The current span as W3C `traceparent` and `tracestate`; None for what there is not."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent"), carrier.get("tracestate")


def context_from(traceparent: str | None, tracestate: str | None = None) -> Context:
    """A context whose parent is the span those headers name; empty where they are absent or malformed."""
    carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
    return _W3C.extract(carrier, context=Context())


@contextmanager
def engagement_scope(engagement: str | None) -> Iterator[None]:
    """Within it every span and log line carries this engagement."""
    token = engagement_id.set(engagement)
    try:
        yield
    finally:
        engagement_id.reset(token)


@contextmanager
def engagement_span(
    name: str, engagement: str, attributes: Mapping[str, AttributeValue] | None = None
) -> Iterator[trace.Span]:
    """A span of the global tracer and its engagement scope in one; an exception marks it as failed."""
    with engagement_scope(engagement):
        with trace.get_tracer("telemetry").start_as_current_span(name, attributes=attributes) as span:
            yield span


class EngagementAttribute(SpanProcessor):
    """Sets `engagement.id` on every span: from the scope it starts in, else from its local parent."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        engagement = current_engagement(parent_context)
        if engagement and ENGAGEMENT_ATTRIBUTE not in (span.attributes or {}):
            span.set_attribute(ENGAGEMENT_ATTRIBUTE, engagement)


def current_engagement(context: Context | None = None) -> str | None:
    """The engagement of the scope, else of the span that is current (or of `context`)."""
    if engagement := engagement_id.get():
        return engagement
    span = trace.get_current_span(context)
    found = (span.attributes or {}).get(ENGAGEMENT_ATTRIBUTE) if isinstance(span, ReadableSpan) else None
    return found if isinstance(found, str) else None
