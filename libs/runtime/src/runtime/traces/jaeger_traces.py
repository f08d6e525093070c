"""Traces that a Jaeger keeps, as the pages want them."""

import httpx
import orjson

from runtime import trace_search
from runtime.trace_summary import Found, Search
from runtime.traces.otlp import from_document
from runtime.traces.store import Trace


class JaegerTraces:
    """Over its query API v3; every call raises httpx.HTTPError where that does not answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def search(self, query: Search) -> Found:
        return await trace_search.search(self._client, query)

    async def get(self, trace_id: str) -> Trace | None:
        answer = await self._client.get(f"/api/v3/traces/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        trace = Trace(trace_id)
        for span in from_document(orjson.loads(answer.content)["result"]):
            trace.put(span)
        return trace
