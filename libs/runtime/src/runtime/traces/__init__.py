"""The local stack's traces: a store that takes OTLP and answers Jaeger's query API, and pages that draw."""

from runtime.traces.app import build_app, build_pages
from runtime.traces.jaeger_traces import JaegerTraces
from runtime.traces.store import TraceStore

__all__ = ["JaegerTraces", "TraceStore", "build_app", "build_pages"]
