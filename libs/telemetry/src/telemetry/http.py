"""An HTTP server inside a process that has other things to do: no signals taken, the port known."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from telemetry.settings import HttpSettings

GRACE_SECONDS = 2
START_SECONDS = 10.0


class _Server(uvicorn.Server):
    """Signals belong to the process's own main; a server that took them would swallow its shutdown."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(app: ASGIApp, settings: HttpSettings) -> AsyncIterator[int]:
    """Serve `app` while inside; gives the bound port.

    Raises OSError when the address is taken, RuntimeError when the application does not start.
    Open requests get two seconds on leaving, then they are cut.
    """
    listener = _listen(settings.host, settings.port)
    server = _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS, lifespan="auto"
        )
    )
    task = asyncio.create_task(_run(server, listener), name="http server")
    try:
        await _started(server, task)
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:
        # uvicorn exits the process when an application's start fails; here that is one task's failure.
        raise RuntimeError("the HTTP application did not start; the log says why") from error


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the HTTP server ended before it started")
            await asyncio.sleep(0.01)
