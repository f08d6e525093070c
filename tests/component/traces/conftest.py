"""The sink on a free port, and requests to it."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from runtime.traces import TraceStore, build_app
from telemetry import HttpSettings, serve

TRACE = "5b8efff798038103d269b633813fc60c"
START = 1_772_442_000_000_000_000


@pytest.fixture
def store() -> TraceStore:
    return TraceStore(max_traces=3, max_spans=50)


@pytest.fixture
async def sink(store: TraceStore) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(store, "http://127.0.0.1:8400")
    async with serve(app, HttpSettings(host="127.0.0.1", port=0)) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client


@pytest.fixture
def span() -> Callable[..., dict[str, Any]]:
    """One span in OTLP JSON; times in milliseconds after START."""

    def build(
        span_id: int, *, trace: str = TRACE, parent: int = 0, at: int = 0, **fields: Any
    ) -> dict[str, Any]:
        attributes = fields.pop("attributes", {"engagement.id": "ENG-AAAA"})
        return {
            "traceId": trace,
            "spanId": f"{span_id:016x}",
            **({"parentSpanId": f"{parent:016x}"} if parent else {}),
            "name": "process intake.commands",
            "kind": 5,
            "startTimeUnixNano": str(START + at * 10**6),
            "endTimeUnixNano": str(START + (at + 10) * 10**6),
            "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
            **fields,
        }

    return build


@pytest.fixture
def request_of() -> Callable[..., dict[str, Any]]:
    """An OTLP JSON request of one service's spans."""

    def build(*spans: dict[str, Any], service: str = "intake") -> dict[str, Any]:
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        scope = {"name": "messaging", "version": "1"}
        return {
            "resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": list(spans)}]}]
        }

    return build


@pytest.fixture
def kept_root_logging() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = before, level
