"""A real Jaeger as a child process of a test run."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from runtime.jaeger import FIX, Jaeger, missing
from testkit.servers import child, free_port, until

START_SECONDS = 30


@contextmanager
def running_jaeger() -> Iterator[Jaeger]:
    """Empty, in memory, answering. Raises RuntimeError where it is missing."""
    if lack := missing():
        raise RuntimeError(f"{lack}; fix: {FIX}")
    with tempfile.TemporaryDirectory() as scratch:
        jaeger = Jaeger(
            folder=Path(scratch), query_port=free_port(), grpc_port=free_port(), otlp_port=free_port()
        )
        jaeger.write_settings()
        with child(jaeger.command()) as process:
            until(lambda: answers(f"{jaeger.url}/api/v3/services"), process, START_SECONDS)
            yield jaeger


def answers(url: str) -> bool:
    """Whether GET is answered with 200."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
