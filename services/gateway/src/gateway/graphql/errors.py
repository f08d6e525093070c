"""Errors as a client sees them: a message that is safe to show and a code, or nothing but a trace id."""

import logging
from collections.abc import Iterable

from graphql import GraphQLError
from graphql.error import GraphQLSyntaxError
from opentelemetry import trace

from gateway.auth import Unauthenticated
from gateway.authorization import Forbidden
from gateway.commands import NotFound, Unavailable
from gateway.dead_letters import NotOpen
from gateway.metrics import ERRORS
from messaging import NotPublished
from persistence import DatabaseError

MASKED = "something went wrong here; the trace id leads to it"
SHOWN_ERRORS = 8
logger = logging.getLogger("gateway.graphql")


class BadInput(Exception):
    """An argument that makes no sense; the text is safe to show."""


class TooCostly(GraphQLError):
    """A document over a limit, refused before anything runs."""


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (Unauthenticated, "UNAUTHENTICATED"),
    (Forbidden, "FORBIDDEN"),
    (NotFound, "NOT_FOUND"),
    (BadInput, "BAD_USER_INPUT"),
    (NotOpen, "CONFLICT"),
    (Unavailable, "UNAVAILABLE"),
)
_AWAY = (DatabaseError, NotPublished)


def presentable(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """What may leave the house: at most eight, each with `extensions.code`, what is internal masked."""
    return [_presentable(error) for error in list(errors)[:SHOWN_ERRORS]]


def _presentable(error: GraphQLError) -> GraphQLError:
    cause = error.original_error
    for kind, code in _CODES:
        if isinstance(cause, kind):
            if code == "UNAVAILABLE":
                ERRORS.labels(code).inc()
            more = {"commandId": cause.command_id} if isinstance(cause, Unavailable) else {}
            return _coded(error, str(cause), code, **more)
    if isinstance(cause, _AWAY):
        ERRORS.labels("UNAVAILABLE").inc()
        return _coded(error, "a server behind the gateway is away; try again", "UNAVAILABLE", **_trace())
    if cause is not None and not isinstance(cause, GraphQLError):
        ERRORS.labels("INTERNAL_SERVER_ERROR").inc()
        logger.error("an operation failed at %s", error.path, exc_info=cause)
        return _coded(error, MASKED, "INTERNAL_SERVER_ERROR", **_trace())
    return _coded(error, error.message, _code_of(error))


def _code_of(error: GraphQLError) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    if isinstance(error, TooCostly):
        return "LIMIT_EXCEEDED"
    given = (error.extensions or {}).get("code")
    if isinstance(given, str):
        return given
    return "GRAPHQL_VALIDATION_FAILED" if error.path is None else "BAD_USER_INPUT"


def _coded(error: GraphQLError, message: str, code: str, **more: str) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code, **more},
    )


def _trace() -> dict[str, str]:
    span = trace.get_current_span().get_span_context()
    return {"traceId": trace.format_trace_id(span.trace_id)} if span.is_valid else {}
