"""mongo-java-server, a second server of MongoDB's protocol, as a child process of a test run."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.layout import project_root
from runtime.ports import HOST
from testkit.servers import child, free_port, until_listening

VERSION = "1.47.0"
FIX = "scripts/mongo-java-server.sh"


def home() -> Path:
    """Where the script puts it."""
    return project_root() / ".tools" / f"mongo-java-server-{VERSION}"


def missing() -> str:
    """What keeps it from starting here, or nothing."""
    if shutil.which("java") is None:
        return "Java 17 or newer is not on PATH"
    if not (home() / "complete").exists():
        return f"mongo-java-server {VERSION} is not in .tools"
    return ""


@contextmanager
def java_mongo() -> Iterator[str]:
    """The server, empty; yields its URL. Raises RuntimeError where Java or the server is missing."""
    if lack := missing():
        raise RuntimeError(f"{lack}; fix: {FIX}")
    port = free_port()
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{home()}:{home()}/lib/*"
        command = (
            "java",
            "-Xmx400m",
            "-XX:+UseSerialGC",
            "-cp",
            path,
            "Server",
            str(port),
            f"{scratch}/store.mv",
        )
        with child(command) as process:
            until_listening(port, process, 30)
            yield f"mongodb://{HOST}:{port}/"
