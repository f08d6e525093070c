"""Health answers over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from telemetry import HttpSettings, health_app, serve
from telemetry import health as health_module

ANY_PORT = HttpSettings(host="127.0.0.1", port=0)


async def fine() -> str | None:
    return None


async def stuck() -> str | None:
    return "no poll for 31 s"


async def hanging() -> str | None:
    await asyncio.Event().wait()
    return None


async def broken() -> str | None:
    raise ConnectionError("refused")


async def get(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_ready_when_every_check_is_fine() -> None:
    async with serve(health_app("intake", {"consumer": fine, "database": fine}), ANY_PORT) as port:
        ready = await get(port, "/health/ready")

    assert (ready.status_code, ready.json()) == (200, {"service": "intake", "status": "ready"})


async def test_not_ready_names_each_failing_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "CHECK_SECONDS", 0.05)
    checks = {"fine": fine, "consumer": stuck, "database": hanging, "broker": broken}
    async with serve(health_app("intake", checks), ANY_PORT) as port:
        ready, live = await get(port, "/health/ready"), await get(port, "/health/live")

    assert ready.status_code == 503
    assert ready.json() == {
        "consumer": "no poll for 31 s",
        "database": "no answer within 0.05 s",
        "broker": "ConnectionError: refused",
    }
    assert live.status_code == 200


async def test_metrics_are_in_prometheus_text() -> None:
    async with serve(health_app("intake", {}), ANY_PORT) as port:
        metrics = await get(port, "/metrics")

    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert "python_info{" in metrics.text


async def test_a_service_adds_routes_of_its_own() -> None:
    async def hello(_: Request) -> Response:
        return PlainTextResponse("hello")

    async with serve(health_app("gateway", {}, [Route("/hello", hello)]), ANY_PORT) as port:
        assert (await get(port, "/hello")).text == "hello"


async def test_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve(health_app("x", {}), HttpSettings(host="127.0.0.1", port=port)):
                pass


async def test_application_that_does_not_start_is_an_error() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        async with serve(Starlette(lifespan=lifespan), ANY_PORT):
            pass


async def test_leaving_cuts_open_requests_after_the_grace() -> None:
    async def never(_: Request) -> Response:
        await asyncio.Event().wait()
        return PlainTextResponse("")

    loop = asyncio.get_running_loop()
    async with serve(Starlette(routes=[Route("/never", never)]), ANY_PORT) as port:
        request = asyncio.create_task(get(port, "/never"))
        await asyncio.sleep(0.2)
        left = loop.time()

    assert loop.time() - left < 4
    await asyncio.gather(request, return_exceptions=True)
