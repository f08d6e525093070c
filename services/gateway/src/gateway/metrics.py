"""What Prometheus sees of the gateway beyond the backbone; docs/reference/metrics.md is made from here."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.hub import Hub
from gateway.ports import Census

REQUEST_SECONDS: Final = Histogram(
    "throughline_gateway_request_seconds",
    "From a request to the first byte of its answer: of a stream it is the start alone",
    ["route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ERRORS: Final = Counter(
    "throughline_gateway_operation_errors_total",
    "GraphQL operations that failed for no fault of the caller: `INTERNAL_SERVER_ERROR` or `UNAVAILABLE`",
    ["code"],
)
COMMANDS: Final = Counter(
    "throughline_gateway_commands_total",
    "Commands by what came of them while the caller waited: `Accepted`, `Refused` or `Pending`",
    ["outcome"],
)
LISTENERS: Final = Gauge(
    "throughline_gateway_listeners", "Subscriptions and mutations that wait for an engagement to change"
)
VIEW_DELAY: Final = Histogram(
    "throughline_gateway_view_delay_seconds",
    "From an event's commit to the view that contains it: how stale an answer may be",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
VIEWS: Final = Gauge(
    "throughline_gateway_views",
    "Views by whether this version of the code folded them; `outdated` ones are waiting for a rebuild",
    ["state"],
)
LETTERS_OPEN: Final = Gauge(
    "throughline_dead_letters_open",
    "Dead letters that nobody has decided on, by who gave them up",
    ["service"],
)

ROUTES: Final = ("/graphql", "/events", "/webhooks/alertmanager", "/schema.graphql")
CODES: Final = ("INTERNAL_SERVER_ERROR", "UNAVAILABLE")


def begin_at_zero() -> None:
    """Make the counters that alerts watch exist: of a series that begins at 1, no increase can be seen."""
    for code in CODES:
        ERRORS.labels(code)


def count(census: Census) -> None:
    VIEWS.labels("current").set(census.views - census.outdated)
    VIEWS.labels("outdated").set(census.outdated)
    # A service without letters any more must not keep its last number.
    LETTERS_OPEN.clear()
    for service, letters in census.letters.items():
        LETTERS_OPEN.labels(service).set(letters)


def watch(hub: Hub) -> None:
    LISTENERS.set_function(lambda: len(hub))


class Timed:
    """Times requests in front of an application; what is not one of its routes is not kept apart."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ROUTES:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _timing(send, scope["path"], perf_counter()))


def _timing(send: Send, route: str, began: float) -> Callable[[Message], Awaitable[None]]:
    async def timed(message: Message) -> None:
        if message["type"] == "http.response.start":
            REQUEST_SECONDS.labels(route, f"{message['status'] // 100}xx").observe(perf_counter() - began)
        await send(message)

    return timed
