"""`down`: asks the supervisor to stop, and makes sure that everything is gone."""

import os
import signal
import sys
import time

from runtime import state
from runtime.console import Console, moment
from runtime.errors import Exit
from runtime.layout import Layout, base_port
from runtime.sweep import sweep

STOP_SECONDS = 45.0


def take_down(*, wipe: bool = False) -> int:
    """Stop what runs here; `wipe` deletes what it has kept."""
    layout, console = Layout.for_port(base_port()), Console(sys.stderr)
    _stop(layout, console)
    if wipe:
        layout.wipe()
        console.line(f"  deleted what was kept in {layout.run_dir}")
    return Exit.OK


def _stop(layout: Layout, console: Console) -> None:
    running = state.load(layout.state_file)
    if running is None:
        console.line("  nothing is running here")
        return
    if layout.is_supervised():
        _signal(running.supervisor, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while layout.is_supervised() and time.monotonic() < deadline:
            time.sleep(0.1)
        if layout.is_supervised():
            console.line(f"  pid {running.supervisor} did not stop in {STOP_SECONDS:.0f} s and is killed")
            _signal(running.supervisor, signal.SIGKILL)
    left = sweep(running.run_id, layout.data, grace_seconds=5.0)
    layout.state_file.unlink(missing_ok=True)
    ended = f", {left} leftover processes ended" if left else ""
    console.line(f"  stopped (was running since {moment(running.started_at)}){ended}")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
