"""The supervisor as a process: what it leaves behind when it is stopped, killed or let down."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import state
from runtime.ports import is_free
from runtime.state import Phase, RunState
from runtime.sweep import leftovers

HERE = Path(__file__).parent


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


class Supervised:
    """One supervisor process and what it says."""

    def __init__(self, folder: Path, base: int = 0, **modes: str) -> None:
        self.run_dir = folder / "run"
        self._output = folder / f"said-{time.monotonic_ns()}"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "run_stack.py"), str(self.run_dir), str(base),
                 *(f"{name}={mode}" for name, mode in modes.items())],
                stdout=output, stderr=output,
            )  # fmt: skip

    def said(self) -> str:
        return self._output.read_text()

    def state(self) -> RunState:
        found = state.load(self.run_dir / "state.json")
        assert found is not None
        return found

    def until_up(self) -> "Supervised":
        eventually(lambda: "UP" in self.said() or self.process.poll() is not None)
        assert "UP" in self.said(), self.said()
        return self

    def left(self) -> set[int]:
        return leftovers(self.run_id, self.run_dir / "data")

    @property
    def run_id(self) -> str:
        return self.state().run_id


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(base: int = 0, **modes: str) -> Supervised:
        started.append(Supervised(tmp_path, base, **modes))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(30)


def test_servers_and_services_come_up_and_the_run_file_names_them(supervise):
    up = supervise().until_up()

    assert up.state().phase is Phase.READY
    assert set(up.state().pids) == {"kafka", "mongo", "intake", "design", "gateway"}
    assert (up.run_dir / "secrets" / "jwt.key").stat().st_mode & 0o777 == 0o600
    assert "3 ready: intake design gateway" in up.said()


def test_ctrl_c_stops_everything_in_reverse_and_discards_the_data(supervise):
    up = supervise(gateway="grandchild").until_up()
    run_id, ports = up.run_id, up.state().ports

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(30) == 0
    assert "stopping     gateway design intake mongo kafka" in up.said()
    assert "nothing left running; data discarded" in up.said()
    assert leftovers(run_id, up.run_dir / "data") == set()
    assert all(is_free(port) for port in ports.values())
    assert not (up.run_dir / "state.json").exists()
    assert not (up.run_dir / "mongo").exists()


def test_killed_supervisor_leaves_no_process_not_even_a_grandchild(supervise):
    up = supervise(intake="grandchild").until_up()
    before, run_id = up.left(), up.run_id
    assert len(before) == 6

    up.process.kill()
    up.process.wait(10)

    eventually(lambda: leftovers(run_id, up.run_dir / "data") == set(), 15)


def test_state_of_a_dead_run_is_cleaned_with_a_message(supervise):
    first = supervise().until_up()
    pid = first.process.pid
    first.process.kill()
    first.process.wait(10)

    second = supervise().until_up()

    assert f"found state of a dead run (pid {pid} gone); cleaned run/" in second.said()
    assert second.state().supervisor == second.process.pid


def test_second_supervisor_of_a_folder_is_turned_away(supervise):
    up = supervise().until_up()

    second = supervise()

    assert second.process.wait(20) == 3
    assert second.said() == "already running\n"
    assert up.process.poll() is None


def test_port_taken_names_the_owner_and_the_way_out(supervise):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        base = taken.getsockname()[1] - 1

        refused = supervise(base=base)

        assert refused.process.wait(20) == 2
    assert f"port {base + 1} (kafka) is in use by " in refused.said()
    assert f"(pid {os.getpid()}, in " in refused.said()
    assert f"fix: make demo PORT={base + 100}" in refused.said()


def test_service_that_keeps_crashing_ends_the_stack_with_its_last_words(supervise):
    down = supervise(design="crash")

    assert down.process.wait(30) == 1
    assert "(attempt 3 of 3)" in down.said()
    assert "FATAL: the fake was told to crash" in down.said()
    assert "nothing left running" in down.said()
    assert "Traceback" not in down.said()


def test_service_that_never_gets_ready_says_what_it_waits_for(supervise):
    down = supervise(intake="never-ready", ready_seconds="2")

    assert down.process.wait(30) == 1
    assert "not ready after 2 s; waited for " in down.said()
    assert "partition assignment of group fake" in down.said()


def test_killed_service_is_started_again(supervise):
    up = supervise().until_up()
    old = up.state().pids["intake"]

    os.kill(old, signal.SIGKILL)

    eventually(lambda: up.state().restarts.get("intake") == 1)
    assert up.state().pids["intake"] != old
    assert "was killed by SIGKILL; starting it again" in up.said()


def test_killing_a_healthy_service_often_does_not_end_the_stack(supervise):
    up = supervise(servers="kafka").until_up()

    for round_ in range(1, 5):
        os.kill(up.state().pids["intake"], signal.SIGKILL)
        eventually(lambda wanted=round_: up.state().restarts.get("intake") == wanted)
        eventually(lambda: not is_free(up.state().ports["intake"]))
        time.sleep(0.6)  # the supervisor must have seen it ready, or the kill counts as its own failure

    assert up.process.poll() is None


def test_second_ctrl_c_kills_at_once(supervise):
    up = supervise().until_up()
    run_id = up.run_id

    up.process.send_signal(signal.SIGINT)
    up.process.send_signal(signal.SIGINT)
    up.process.wait(10)

    eventually(lambda: leftovers(run_id, up.run_dir / "data") == set())
