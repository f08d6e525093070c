"""Health that tells the truth: the loop answers, every check passes, the numbers are there to read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is wrong, in words for an operator."""
CHECK_SECONDS = 2.0


def health_routes(name: str, checks: Mapping[str, Check]) -> list[BaseRoute]:
    """GET /health/live, /health/ready and /metrics, for an application that has routes of its own."""

    async def live(_: Request) -> Response:
        return JSONResponse({"service": name, "status": "live"})

    async def ready(_: Request) -> Response:
        wrong = await failures(checks)
        if wrong:
            return JSONResponse(wrong, status_code=503)
        return JSONResponse({"service": name, "status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]


def health_app(name: str, checks: Mapping[str, Check], extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The health of a service as an application; `checks` is read at every request, so it may grow."""
    return Starlette(routes=[*extra_routes, *health_routes(name, checks)])


async def failures(checks: Mapping[str, Check]) -> dict[str, str]:
    """What is wrong, by check; checks run at once, each within its limit, and an exception is a failure."""
    names = list(checks)
    answers = await asyncio.gather(*(_answer(checks[name]) for name in names))
    return {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}


async def _answer(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
