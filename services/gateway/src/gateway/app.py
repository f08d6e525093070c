"""The ASGI application: what answers where, given its parts."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from gateway.auth import Authenticator
from gateway.commands import CommandDesk
from gateway.context import Context
from gateway.dead_letters import Operators
from gateway.edge.graphql_http import GatewayGraphQL
from gateway.edge.ingress import Ingress
from gateway.edge.problems import Problem
from gateway.hub import Hub
from gateway.metrics import Timed
from gateway.ports import Publisher, Store
from gateway.schema import build_schema
from gateway.sdl import printed
from gateway.settings import GatewaySettings
from telemetry import Check, health_routes


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the application stands on; tests give fakes."""

    store: Store
    hub: Hub
    publisher: Publisher
    authenticator: Authenticator
    settings: GatewaySettings
    checks: Mapping[str, Check]


def build_asgi(parts: Parts) -> Starlette:
    """Every route of the gateway. GraphQL, events and webhooks need a token; health and the SDL do not."""
    schema = build_schema()
    desk = CommandDesk(parts.store, parts.hub, parts.publisher)
    operators = Operators(parts.store, parts.publisher, operator_tenant=parts.settings.operator_tenant)

    def context() -> Context:
        return Context(store=parts.store, hub=parts.hub, desk=desk, operators=operators)

    graphql = GatewayGraphQL(
        schema,
        parts.authenticator,
        context,
        body_bytes=parts.settings.body_bytes,
        allowed_origins=parts.settings.allowed_origins,
    )
    ingress = Ingress(parts.store, parts.publisher, parts.authenticator, limit=parts.settings.event_bytes)
    sdl = printed(schema)

    async def schema_text(_: Request) -> Response:
        return PlainTextResponse(sdl)

    return Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/events", ingress.events, methods=["POST"]),
            Route("/webhooks/alertmanager", ingress.alertmanager, methods=["POST"]),
            Route("/schema.graphql", schema_text),
            *health_routes("gateway", parts.checks),
        ],
        middleware=[Middleware(Timed)],
        exception_handlers={404: _not_found, 405: _not_allowed},
    )


async def _not_found(request: Request, _: Exception) -> Response:
    return Problem(404, "not-found", "nothing answers here").response(request.url.path)


async def _not_allowed(request: Request, error: Exception) -> Response:
    allowed = getattr(error, "headers", None) or {}
    problem = Problem(
        405, "method-not-allowed", f"{request.method} is not answered here", headers=dict(allowed)
    )
    return problem.response(request.url.path)
