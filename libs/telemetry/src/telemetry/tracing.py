"""Traces: the OpenTelemetry SDK set up by one call, exported over OTLP/HTTP."""

import threading
import uuid
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME, SERVICE_VERSION

from telemetry.context import EngagementAttribute
from telemetry.logs import configure_logs
from telemetry.settings import TelemetrySettings

# The default of 2,048 spans drops silently when a burst of messages outruns the exporter.
QUEUE_SPANS = 20_000
EXPORT_DELAY_MS = 500
EXPORT_TIMEOUT_SECONDS = 3.0
CLOSE_SECONDS = 5.0


class Telemetry:
    """What a process's traces go through; `close()` sends what is still queued."""

    def __init__(self, provider: TracerProvider, exporter: SpanExporter | None) -> None:
        self.provider = provider
        self._exporter = exporter

    def tracer(self, name: str) -> trace.Tracer:
        return self.provider.get_tracer(name)

    def flush(self, timeout_seconds: float = CLOSE_SECONDS) -> bool:
        """Send what is queued. False when that took longer than the limit; blocks, so not for event loops."""
        return _within(timeout_seconds, self.provider.force_flush)

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Flush and stop. With the collector away it gives up after the limit: an exit never hangs on it."""
        if not _within(timeout_seconds, self.provider.shutdown) and self._exporter:
            self._exporter.shutdown()


def start_telemetry(service: str, settings: TelemetrySettings) -> Telemetry:
    """Start logs and traces of a service; call it first. A process's first call sets the global provider."""
    configure_logs(service, settings.log_level)
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces_sampler_arg)),
        resource=_resource(service, settings),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(EngagementAttribute())
    exporter = _exporter(settings.exporter_otlp_endpoint)
    if exporter:
        provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS, schedule_delay_millis=EXPORT_DELAY_MS)
        )
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
    return Telemetry(provider, exporter)


def _exporter(endpoint: str) -> OTLPSpanExporter | None:
    if not endpoint:
        return None
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_SECONDS)


def _resource(service: str, settings: TelemetrySettings) -> Resource:
    return Resource.create(
        {
            SERVICE_NAME: service,
            SERVICE_VERSION: _version(service),
            "service.instance.id": settings.service_instance or str(uuid.uuid4()),
        }
    )


def _version(service: str) -> str:
    try:
        return version(f"throughline-{service}")
    except PackageNotFoundError:
        return "0"


def _within(seconds: float, work: Callable[[], object]) -> bool:
    """Run blocking work in a thread that nobody waits for longer than this."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
