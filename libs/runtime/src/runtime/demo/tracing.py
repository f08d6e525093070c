"""One trace around a whole play: a root span, a span per step, and the headers that carry them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

SERVICE = "throughline-cli"
ROOT = "demo"


class Tracing(Protocol):
    @property
    def trace_id(self) -> str: ...
    def span(self, name: str, engagement: str) -> AbstractContextManager[None]: ...
    def headers(self) -> Mapping[str, str]: ...
    def belongs_to(self, engagement: str) -> None:
        """Said inside a span that began before its engagement had a key."""


class NoTracing:
    """For plays that nobody traces."""

    trace_id = ""

    @contextmanager
    def span(self, name: str, engagement: str) -> Iterator[None]:  # noqa: ARG002
        yield

    def headers(self) -> Mapping[str, str]:
        return {}

    def belongs_to(self, engagement: str) -> None:  # noqa: ARG002
        return


class OtlpTracing:
    """Spans of this process, sent to an OTLP/HTTP endpoint when `finish` is called."""

    def __init__(self, endpoint: str) -> None:
        from opentelemetry import trace

        from telemetry import TelemetrySettings, start_telemetry

        settings = TelemetrySettings(exporter_otlp_endpoint=endpoint, log_level="CRITICAL")
        self._telemetry = start_telemetry(SERVICE, settings)
        self._tracer = self._telemetry.tracer("runtime.demo")
        self._root = self._tracer.start_span(ROOT, kind=trace.SpanKind.INTERNAL)
        self._context = trace.set_span_in_context(self._root)

    @property
    def trace_id(self) -> str:
        return f"{self._root.get_span_context().trace_id:032x}"

    @contextmanager
    def span(self, name: str, engagement: str) -> Iterator[None]:
        from telemetry import engagement_scope

        with engagement_scope(engagement or None):
            with self._tracer.start_as_current_span(name, context=self._context):
                yield

    def headers(self) -> Mapping[str, str]:
        from telemetry import current_traceparent

        traceparent, _ = current_traceparent()
        return {"traceparent": traceparent} if traceparent else {}

    def belongs_to(self, engagement: str) -> None:
        from opentelemetry import trace

        trace.get_current_span().set_attribute("engagement.id", engagement)

    def finish(self, engagement: str) -> None:
        """End the root span and send everything; blocks for at most some seconds."""
        self._root.set_attribute("engagement.id", engagement)
        self._root.end()
        self._telemetry.close()
