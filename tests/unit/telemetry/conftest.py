"""A tracer whose finished spans can be looked at."""

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from telemetry import EngagementAttribute


@pytest.fixture
def finished() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(finished: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(EngagementAttribute())
    provider.add_span_processor(SimpleSpanProcessor(finished))
    return provider.get_tracer("test")


@pytest.fixture
def root_logging() -> Iterator[None]:
    """Puts the root logger back as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = before, level
