"""Trace context as text and the engagement of spans."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from telemetry import context_from, current_traceparent, engagement_scope

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_no_span_gives_no_traceparent() -> None:
    assert current_traceparent() == (None, None)


def test_context_survives_the_way_through_a_message(tracer: Tracer) -> None:
    with tracer.start_as_current_span("send") as span:
        traceparent, tracestate = current_traceparent()

    parent = trace.get_current_span(context_from(traceparent, tracestate)).get_span_context()
    assert parent.trace_id == span.get_span_context().trace_id
    assert parent.span_id == span.get_span_context().span_id
    assert parent.is_remote


def test_tracestate_is_kept(tracer: Tracer) -> None:
    with tracer.start_as_current_span("process", context=context_from(PARENT, "vendor=abc")):
        assert current_traceparent()[1] == "vendor=abc"


def test_malformed_traceparent_starts_a_trace_of_its_own() -> None:
    for text in (None, "", "00-zz-11-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        assert not trace.get_current_span(context_from(text)).get_span_context().is_valid


def test_context_from_headers_ignores_the_span_that_happens_to_be_current(tracer: Tracer) -> None:
    with tracer.start_as_current_span("batch"):
        assert trace.get_current_span(context_from(None)) is trace.INVALID_SPAN


def test_spans_in_a_scope_carry_its_engagement(tracer: Tracer, finished: InMemorySpanExporter) -> None:
    with engagement_scope("ENG-AAAA"):
        tracer.start_span("inside").end()
    tracer.start_span("outside").end()

    inside, outside = finished.get_finished_spans()
    assert (inside.attributes or {})["engagement.id"] == "ENG-AAAA"
    assert "engagement.id" not in (outside.attributes or {})


def test_child_inherits_the_engagement_of_its_parent(tracer: Tracer, finished: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("parent", context=Context(), attributes={"engagement.id": "ENG-BBBB"}):
        tracer.start_span("child").end()

    assert (finished.get_finished_spans()[0].attributes or {})["engagement.id"] == "ENG-BBBB"


def test_an_attribute_given_by_the_caller_wins(tracer: Tracer, finished: InMemorySpanExporter) -> None:
    with engagement_scope("ENG-AAAA"):
        tracer.start_span("span", attributes={"engagement.id": "ENG-CCCC"}).end()

    assert (finished.get_finished_spans()[0].attributes or {})["engagement.id"] == "ENG-CCCC"
