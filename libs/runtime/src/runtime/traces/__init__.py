"""The embedded trace store of the local stack: takes OTLP, answers Jaeger's query API, draws a trace."""

from runtime.traces.app import build_app
from runtime.traces.store import TraceStore

__all__ = ["TraceStore", "build_app"]
