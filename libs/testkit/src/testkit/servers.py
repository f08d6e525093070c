"""Brokers, embedded or Apache, and the embedded database, as child processes of a test run."""

import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.embedded import broker_command, database_command
from runtime.ports import HOST

_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def kafka(port: int | None = None, advertised: int | None = None) -> Iterator[str]:
    """The embedded broker, empty; yields its address. `advertised` is the port of what stands before it."""
    port = port or free_port()
    with child(broker_command(port, f"test-{port}", advertised)) as process:
        until_listening(port, process, 10)
        yield f"{HOST}:{port}"


@contextmanager
def mongo(storage: Path | None = None, port: int | None = None) -> Iterator[str]:
    """The embedded database; yields its URL. Without `storage` it lives in a directory that goes away."""
    port = port or free_port()
    with tempfile.TemporaryDirectory() as scratch:
        with child(database_command(port, storage or Path(scratch))) as process:
            until_listening(port, process, 30)
            yield f"mongodb://{HOST}:{port}/"


@contextmanager
def child(argv: Sequence[str], log: Path = Path(os.devnull)) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends with the context, and with this process whatever happens to it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": tempfile.gettempdir()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_parent,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def until_listening(port: int, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Raises RuntimeError when the process ends before, TimeoutError when it takes longer."""
    until(lambda: _listening(port), process, seconds)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0


def until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Raises RuntimeError when the process ends first, TimeoutError when it takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"a test server ended with {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise TimeoutError(f"a test server was not ready within {seconds} s")
        time.sleep(0.02)
