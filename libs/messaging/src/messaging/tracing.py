"""Spans of the backbone, in current messaging semantic conventions: one flow is one trace."""

from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from messaging.envelope import Envelope

_W3C: Final = TraceContextTextMapPropagator()
ENGAGEMENT: Final = "engagement.id"
# Looked up once: it follows the provider that is set later, and a look-up per span cost a fifth of a hop.
_TRACER: Final = trace.get_tracer("throughline.messaging")


def context_of(traceparent: str | None, tracestate: str | None) -> Context:
    if traceparent is None:
        return Context()
    carrier = {"traceparent": traceparent, **({"tracestate": tracestate} if tracestate else {})}
    return _W3C.extract(carrier, context=Context())


def headers_of(span: Span) -> tuple[str | None, str | None]:
    """The span's own W3C headers, for whatever it causes."""
    here = span.get_span_context()
    if not here.is_valid:
        return None, None
    traceparent = f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"
    return traceparent, here.trace_state.to_header() or None


def current_headers() -> tuple[str | None, str | None]:
    return headers_of(trace.get_current_span())


def _attributes(operation: str, topic: str, envelope: Envelope) -> dict[str, str | int]:
    # Nothing twice: every attribute costs two microseconds, and a hop has two spans for each message.
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.message.id": envelope.id,
        "messaging.message.conversation_id": envelope.correlation,
        "cloudevents.event_type": envelope.type,
        ENGAGEMENT: envelope.engagement,
    }


def start_send(topic: str, envelope: Envelope) -> Span:
    """The span of one message being published, under the context stored with it.

    A message without one is sent on behalf of whatever is running now.
    """
    parent = context_of(envelope.traceparent, envelope.tracestate) if envelope.traceparent else None
    return _TRACER.start_span(
        f"send {topic}",
        context=parent,
        kind=SpanKind.PRODUCER,
        attributes=_attributes("send", topic, envelope),
    )


def start_process(topic: str, partition: int, offset: int, group: str, envelope: Envelope) -> Span:
    """The span of one message being handled, child of the one that sent it."""
    attributes = _attributes("process", topic, envelope)
    attributes["messaging.consumer.group.name"] = group
    attributes["messaging.destination.partition.id"] = str(partition)
    attributes["messaging.kafka.offset"] = offset
    return _TRACER.start_span(
        f"process {topic}",
        context=context_of(envelope.traceparent, envelope.tracestate),
        kind=SpanKind.CONSUMER,
        attributes=attributes,
    )


def start_work(activity: str, engagement: str, trace_headers: Sequence[str | None]) -> Span:
    """The span of the first run of a work item, in the trace of the event that started it."""
    attributes = {ENGAGEMENT: engagement, "throughline.activity": activity}
    return _TRACER.start_span(f"work {activity}", context=context_of(*trace_headers), attributes=attributes)


def start_later_round(activity: str, engagement: str, trace_headers: Sequence[str | None]) -> Span:
    """The span of a later round (timers, probes): a trace of its own, linked to where the work began."""
    attributes = {ENGAGEMENT: engagement, "throughline.activity": activity}
    origin = context_of(*trace_headers)
    begun = trace.get_current_span(origin).get_span_context()
    links = [Link(begun)] if begun.is_valid else []
    return _TRACER.start_span(f"work {activity}", context=Context(), links=links, attributes=attributes)


def fail(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR, str(error)[:300]))
