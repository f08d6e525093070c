"""The SDK as a service gets it."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan

from telemetry import TelemetrySettings, context_from, start_telemetry

UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.fixture
def silent_collector() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for thread in threading.enumerate():
        if thread.name.startswith("OtelBatch"):
            thread.join(10)


@pytest.mark.usefixtures("root_logging")
def test_closing_does_not_hang_on_a_collector_that_is_away(silent_collector: str) -> None:
    telemetry = start_telemetry("intake", TelemetrySettings(exporter_otlp_endpoint=silent_collector))
    telemetry.tracer("test").start_span("span", context=Context()).end()

    before = time.monotonic()
    telemetry.close(timeout_seconds=0.5)

    assert time.monotonic() - before < 2


@pytest.mark.usefixtures("root_logging")
def test_spans_say_which_service_version_and_instance_made_them() -> None:
    telemetry = start_telemetry("intake", TelemetrySettings(service_instance="intake-0"))

    span = telemetry.tracer("test").start_span("span", context=Context())

    assert isinstance(span, ReadableSpan)
    attributes = span.resource.attributes
    assert attributes["service.name"] == "intake"
    assert attributes["service.version"] == "0.1.0"
    assert attributes["service.instance.id"] == "intake-0"


@pytest.mark.usefixtures("root_logging")
def test_the_sampling_decision_of_the_caller_is_kept() -> None:
    telemetry = start_telemetry("intake", TelemetrySettings(traces_sampler_arg=1.0))

    own = telemetry.tracer("test").start_span("own", context=Context())
    followed = telemetry.tracer("test").start_span("followed", context=context_from(UNSAMPLED))

    assert own.is_recording()
    assert not followed.is_recording()
