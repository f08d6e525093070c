"""GraphQL over HTTP: Strawberry's ASGI view with its HTTP side done anew.

Strawberry answers no `graphql-response+json`, gives 500 for bad bodies, streams whatever mentions
SSE, and has no limit on a body; its WebSocket side is kept, with the shapes of messages checked.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from gateway.auth import Authenticator, Unauthenticated
from gateway.context import Context
from gateway.edge.body import BodyRefused, read_body
from gateway.edge.graphql_ws import GatewayWebSocketHandler, decode_message
from gateway.edge.negotiation import GRAPHQL_JSON, JSON, SSE, accepted, media_type
from gateway.edge.sse import event_stream
from gateway.edge.tracing import answered, server_span
from gateway.graphql.documents import Prepared
from gateway.graphql.errors import presentable
from gateway.graphql.operation import documents_of
from gateway.graphql.planned import answer
from gateway.schema import Schema


class Refusal(Exception):
    """A request that is no GraphQL request: its status, code and text."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


@dataclass(frozen=True)
class Asked:
    query: str
    operation_name: str | None
    variables: dict[str, Any] | None


class GatewayGraphQL(GraphQL[Context, None]):
    """GET and POST /graphql, and the WebSocket there."""

    graphql_transport_ws_handler_class = GatewayWebSocketHandler

    def __init__(
        self,
        schema: Schema,
        authenticator: Authenticator,
        context: Callable[[], Context],
        *,
        body_bytes: int,
        allowed_origins: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=5),
            allowed_origins=allowed_origins,
        )
        self._authenticator, self._context, self._body_bytes = authenticator, context, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        with server_span(request, "/graphql") as span:
            response = await self._respond(request)
            answered(span, response.status_code)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        like = accepted(request.headers.get("accept"), (JSON, GRAPHQL_JSON, SSE))
        try:
            if request.method not in ("GET", "POST"):
                raise Refusal(405, "BAD_REQUEST", "only GET and POST", {"allow": "GET, POST"})
            if like is None:
                raise Refusal(406, "BAD_REQUEST", f"only {GRAPHQL_JSON}, {JSON} and {SSE} are written here")
            return await self._answer(request, like)
        except Refusal as refusal:
            return _refused(refusal, like)

    async def _answer(self, request: Request, like: str) -> Response:
        context = self._context()
        try:
            context.caller = self._authenticator.caller(request.headers.get("authorization"))
        except Unauthenticated as error:
            raise Refusal(401, "UNAUTHENTICATED", str(error), {"www-authenticate": "Bearer"}) from error
        asked = await self._asked(request)
        prepared = documents_of(self.schema).prepare(asked.query)
        kind = _operation_type(prepared, asked)
        if kind is OperationType.MUTATION and request.method == "GET":
            raise Refusal(405, "BAD_REQUEST", "a mutation needs POST", {"allow": "POST"})
        if kind is OperationType.SUBSCRIPTION or like == SSE:
            return await self._stream(request, context, asked)
        context.spanned = True
        result = await self._execute(context, asked, prepared)
        return _written(result, like)

    async def _execute(self, context: Context, asked: Asked, prepared: Prepared) -> ExecutionResult:
        operation, documents = prepared.operation(asked.operation_name), documents_of(self.schema)
        if operation:
            planned = await answer(documents, prepared, operation, asked.variables or {}, context)
            if planned:
                return planned
        elif not prepared.errors:
            named = GraphQLError("the document has no such operation, or several and none is named")
            named.extensions = {"code": "OPERATION_RESOLUTION_FAILURE"}
            return ExecutionResult(data=None, errors=[named])
        result = await self.schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        if not isinstance(result, ExecutionResult):
            raise TypeError("incremental delivery is not offered")
        return result

    async def _stream(self, request: Request, context: Context, asked: Asked) -> Response:
        if accepted(request.headers.get("accept"), (SSE,)) is None or not request.headers.get("accept"):
            raise Refusal(406, "BAD_REQUEST", f"a subscription needs Accept: {SSE}, or a WebSocket")
        results = await self.schema.stream(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(event_stream(_formatted(results)), media_type=SSE, headers=headers)

    async def _asked(self, request: Request) -> Asked:
        if request.method == "GET":
            return _from_query(request)
        kind, parameters = media_type(request.headers.get("content-type", ""))
        if kind != JSON or parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
            raise Refusal(415, "BAD_REQUEST", f"send {JSON} in UTF-8", {"accept": JSON})
        try:
            body = await read_body(request, self._body_bytes)
        except BodyRefused as error:
            raise Refusal(error.status, "BAD_REQUEST", error.detail) from error
        return _from_object(_json(body, "the body"))

    async def get_context(self, *_: Any, **__: Any) -> Context:
        return self._context()

    async def on_ws_connect(self, context: Context) -> dict[str, object] | None:
        """The token comes in the payload of `connection_init`, as `Authorization`."""
        given = {str(name).lower(): value for name, value in context.connection_params.items()}
        token = given.get("authorization")
        try:
            context.caller = self._authenticator.caller(token if isinstance(token, str) else None)
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        return None

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        return decode_message(data, self._body_bytes)


async def _formatted(results: Any) -> AsyncIterator[dict[str, Any]]:
    async for result in results:
        yield _body(result)


def _operation_type(prepared: Prepared, asked: Asked) -> OperationType | None:
    operation = prepared.operation(asked.operation_name)
    return operation.operation if operation else None


def _from_query(request: Request) -> Asked:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = _json(given[name].encode(), name)
        else:
            given.pop(name, None)
    return _from_object(given)


def _from_object(given: Any) -> Asked:
    if not isinstance(given, dict):
        raise Refusal(400, "BAD_REQUEST", "the body must be a JSON object; batches are not taken")
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str) or not query:
        raise Refusal(400, "BAD_REQUEST", "query must be a string")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, "BAD_REQUEST", "operationName must be a string")
    for part in ("variables", "extensions"):
        if not isinstance(given.get(part), dict | None):
            raise Refusal(400, "BAD_REQUEST", f"{part} must be an object")
    return Asked(query, name or None, given.get("variables"))


def _json(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "BAD_REQUEST", f"{what} must be JSON") from error


def _body(result: ExecutionResult) -> dict[str, Any]:
    """Errors first; no `data` for a request that was never executed."""
    body: dict[str, Any] = {}
    errors = presentable(result.errors or ())
    if errors:
        body["errors"] = [error.formatted for error in errors]
    if not (result.data is None and errors and not any(error.path for error in errors)):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def _written(result: ExecutionResult, like: str) -> Response:
    body = _body(result)
    status = 200
    # The older media type promises 200 for every well-formed request, whatever came of it.
    if "data" not in body and like == GRAPHQL_JSON:
        codes = {error["extensions"]["code"] for error in body["errors"]}
        status = 403 if codes == {"FORBIDDEN"} else 400
    return Response(orjson.dumps(body), status, media_type=f"{like}; charset=utf-8")


def _refused(refusal: Refusal, like: str | None) -> Response:
    body = {"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]}
    kind = like if like in (GRAPHQL_JSON, JSON) else JSON
    return Response(
        orjson.dumps(body), refusal.status, headers=refusal.headers, media_type=f"{kind}; charset=utf-8"
    )
