"""The sink on a free port, and requests to it."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from runtime.jaeger import Jaeger
from runtime.traces import JaegerTraces, TraceStore, build_app, build_pages
from telemetry import HttpSettings, serve
from testkit.jaeger import running_jaeger

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


@dataclass(frozen=True)
class Backend:
    """Addresses: spans are sent to `otlp`, read from `query`, seen on `pages`."""

    otlp: str
    query: str
    pages: str


@pytest.fixture(scope="session")
def jaeger(request: pytest.FixtureRequest) -> Iterator[Jaeger | None]:
    """One for the whole run, as tests keep apart by their ids. None on the sink."""
    if request.config.getoption("--traces") != "jaeger":
        yield None
        return
    with running_jaeger() as running:
        yield running


@pytest.fixture
async def backend(jaeger: Jaeger | None) -> AsyncIterator[Backend]:
    """The one that --traces names."""
    settings = HttpSettings(host="127.0.0.1", port=0)
    if jaeger is None:
        async with serve(build_app(TraceStore()), settings) as port:
            url = f"http://127.0.0.1:{port}"
            yield Backend(url, url, url)
        return
    async with httpx.AsyncClient(base_url=jaeger.url, trust_env=False) as client:
        async with serve(build_pages(JaegerTraces(client)), settings) as port:
            yield Backend(jaeger.otlp, jaeger.url, f"http://127.0.0.1:{port}")


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
