"""What counts as ready when a stack is started."""

import io
import sys
from pathlib import Path

import pytest

from runtime.console import Console
from runtime.processes import ProcessSpec
from runtime.stack import Stack
from runtime.sweep import MARK


async def _broken() -> str:
    raise ValueError("the answer cannot be read")


async def test_a_process_whose_probe_breaks_is_not_taken_for_ready(tmp_path: Path) -> None:
    stack = Stack("run-of-broken-probe", tmp_path, Console(io.StringIO()), lambda: None)
    spec = ProcessSpec(
        name="intake",
        argv=(sys.executable, "-c", "import time; time.sleep(60)"),
        env={MARK: "run-of-broken-probe"},
        log=tmp_path / "log",
        port=1,
        tier=3,
        ready=_broken,
        stop_seconds=1,
    )

    try:
        with pytest.raises(ValueError, match="cannot be read"):
            await stack.launch([spec])
    finally:
        await stack.stop()

    assert not stack.processes["intake"].child.alive
