"""Jaeger's `/api/v3` as far as we and our tests use it: services, operations, summaries, one trace."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.trace_summary import Search
from runtime.traces.otlp import to_json
from runtime.traces.store import TraceStore

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_TRACE_ID = re.compile(r"^[0-9a-f]{1,32}$")


class BadQuery(ValueError):
    """A parameter is missing or malformed."""


def query_routes(store: TraceStore) -> list[Route]:
    async def services(_: Request) -> Response:
        return json_response({"services": store.services()})

    async def operations(request: Request) -> Response:
        service = request.query_params.get("service", "")
        if not service:
            return problem(400, "service is required")
        found = store.operations(service)
        return json_response({"operations": [{"name": name, "spanKind": kind} for name, kind in found]})

    async def summaries(request: Request) -> Response:
        try:
            wanted = parse_search(request.query_params)
        except BadQuery as error:
            return problem(400, str(error))
        found = await store.search(wanted)
        return json_response({"summaries": [one.as_json() for one in found.summaries]})

    async def one(request: Request) -> Response:
        trace_id = normal_id(request.path_params["trace_id"])
        if trace_id is None:
            return problem(400, "a trace id is up to 32 hexadecimal digits")
        trace = await store.get(trace_id)
        if trace is None:
            return problem(404, "No traces found")
        return json_response({"result": to_json(trace.spans.values())})

    return [
        Route("/api/v3/services", services),
        Route("/api/v3/operations", operations),
        Route("/api/v3/trace-summaries", summaries),
        Route("/api/v3/traces/{trace_id}", one),
    ]


def json_response(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def problem(status: int, message: str) -> Response:
    return json_response({"error": {"httpCode": status, "message": message}}, status)


def normal_id(text: str) -> str | None:
    """Jaeger's ids may come without leading zeros; None for what is no id."""
    text = text.lower()
    return text.rjust(32, "0") if _TRACE_ID.match(text) else None


def parse_search(params: Mapping[str, str]) -> Search:
    """Reads `query.*`, both times required. Raises BadQuery naming the parameter."""
    return Search(
        start_min=_moment(params, "startTimeMin"),
        start_max=_moment(params, "startTimeMax"),
        service=_get(params, "serviceName"),
        operation=_get(params, "operationName"),
        attributes=_attributes(_get(params, "attributes")),
        depth=_parsed(params, "searchDepth", _depth, 100),
        duration_min=_parsed(params, "durationMin", _duration, 0),
        duration_max=_parsed(params, "durationMax", _duration, 0),
    )


def _get(params: Mapping[str, str], name: str) -> str:
    snake = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    return params.get(f"query.{name}") or params.get(f"query.{snake}") or ""


def _moment(params: Mapping[str, str], name: str) -> int:
    text = _get(params, name)
    if not text:
        raise BadQuery(f"query.{name} is required")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadQuery(f"query.{name} is not a time like 2026-03-01T09:00:00Z")
    return int(moment.timestamp() * 10**6) * 1000


def _attributes(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise BadQuery(f"query.attributes is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadQuery('query.attributes is not an object of texts like {"engagement.id":"ENG-7F3K"}')
    return found


def _parsed(params: Mapping[str, str], name: str, read: Callable[[str], int], default: int) -> int:
    text = _get(params, name)
    try:
        return read(text) if text else default
    except ValueError as error:
        raise BadQuery(f"query.{name}: {error}") from error


def _depth(text: str) -> int:
    depth = int(text)
    if not 1 <= depth <= 10_000:
        raise ValueError("is not between 1 and 10000")
    return depth


def _duration(text: str) -> int:
    """Go's notation: 150ms, 1m30s."""
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError("is not a duration like 150ms or 1m30s")
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts))
