"""graphql-transport-ws with the shapes of messages checked, and the socket closed when the token expires."""

import asyncio
import time
from contextlib import suppress
from json import JSONDecodeError
from typing import Any

import orjson
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from gateway.context import Context

LONGEST_ID = 200


class GatewayWebSocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's handler takes any JSON for a message: an array or a wrong payload kills or hangs it."""

    _expiry: asyncio.Task[None] | None = None

    async def handle_message(self, message: Any) -> None:
        fault = _fault(message)
        if fault:
            await self.handle_invalid_message(fault)
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: Any) -> None:
        await super().handle_connection_init(message)
        if self.connection_acknowledged and self._expiry is None:
            self._expiry = asyncio.create_task(self._close_when_expired(), name="token expiry")

    async def shutdown(self) -> None:
        if self._expiry:
            self._expiry.cancel()
            with suppress(asyncio.CancelledError):
                await self._expiry
        await super().shutdown()

    async def _close_when_expired(self) -> None:
        await asyncio.sleep(max(0.0, self.context.known.expires_at - time.time()))
        with suppress(Exception):
            await self.websocket.close(code=4403, reason="the token has expired")

    @staticmethod
    def _get_pre_execution_close_reason(_: Any) -> str | None:
        # A document that cannot be read is one operation's error, no reason to drop the others.
        return None


def decode_message(data: str | bytes, limit: int) -> object:
    """JSON of a message. Raises JSONDecodeError, also for one over the limit."""
    if len(data) > limit:
        raise JSONDecodeError("message is too large", "", 0)
    return orjson.loads(data)


def _fault(message: Any) -> str | None:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a type"
    kind = message["type"]
    if kind in ("subscribe", "complete"):
        identity = message.get("id")
        if not isinstance(identity, str) or not 0 < len(identity) <= LONGEST_ID:
            return "A message of an operation must have an id"
    return _subscribe_fault(message.get("payload")) if kind == "subscribe" else None


def _subscribe_fault(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str) or not payload["query"]:
        return "A subscribe message must have a payload with a query"
    if not isinstance(payload.get("variables"), dict | None):
        return "variables must be an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "operationName must be a string"
    return None
