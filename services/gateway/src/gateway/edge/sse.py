"""Server-sent events, as graphql-sse writes them: one stream per operation, framed by LF."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson

HEARTBEAT_SECONDS = 12.0


async def event_stream(results: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """`next` per result, then `complete`; a comment now and then, so that proxies keep the connection."""
    ended = object()
    iterator = aiter(results)
    waiting: asyncio.Future[Any] = asyncio.ensure_future(_next(iterator, ended))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield b":\n\n"
                continue
            result = waiting.result()
            if result is ended:
                break
            yield b"event: next\ndata: " + orjson.dumps(result) + b"\n\n"
            waiting = asyncio.ensure_future(_next(iterator, ended))
        yield b"event: complete\ndata:\n\n"
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await waiting
        close = getattr(iterator, "aclose", None)
        if close:
            await close()


async def _next(iterator: AsyncIterator[dict[str, Any]], ended: object) -> object:
    try:
        return await anext(iterator)
    except StopAsyncIteration:
        return ended
