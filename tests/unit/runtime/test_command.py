"""The command line as a shell sees it: exit codes, what goes to stdout, how fast it answers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.ports import plan


@pytest.fixture
def throughline(tmp_path: Path):
    def call(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "THROUGHLINE_RUN_DIR": str(tmp_path / "run"), "THROUGHLINE_PORT": "0"}
        for name in ("THROUGHLINE_URL", "THROUGHLINE_TOKEN"):
            environment.pop(name, None)
        program = [sys.executable, "-c", "from runtime.cli import main; main()"]
        return subprocess.run(
            [*program, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60
        )

    return call


def test_version_is_answered_fast(throughline):
    began = time.process_time(), os.times().children_user + os.times().children_system
    answer = throughline("--version")
    spent = os.times().children_user + os.times().children_system - began[1]

    assert (answer.returncode, answer.stdout) == (0, "throughline 0.1.0\n")
    assert spent < 0.3


def test_without_a_stack_the_way_to_start_one_is_named(throughline):
    answer = throughline("engagement", "list", "--json")

    assert (answer.returncode, answer.stdout) == (69, "")
    assert "start one with: throughline up" in answer.stderr


def test_gateway_that_does_not_answer_is_exit_69(throughline, monkeypatch):
    port = plan(0, ("gateway",))["gateway"]
    environment = {**os.environ, "THROUGHLINE_URL": f"http://127.0.0.1:{port}", "THROUGHLINE_TOKEN": "t"}
    answer = subprocess.run(
        [sys.executable, "-c", "from runtime.cli import main; main()", "engagement", "list"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert answer.returncode == 69
    assert answer.stderr == f"no stack on 127.0.0.1:{port}; start one with: throughline up\n"


def test_bad_engagement_file_is_exit_65_before_any_connection(throughline, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("engagement: {title: X}\n")

    answer = throughline("engagement", "open", str(file))

    assert (answer.returncode, answer.stdout) == (65, "")
    assert "bad.yaml:1: engagement.currency: is missing" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_schema_is_json_on_stdout(throughline):
    answer = throughline("engagement", "schema")

    assert json.loads(answer.stdout)["additionalProperties"] is False


def test_unknown_service_is_a_usage_error(throughline):
    answer = throughline("up", "--only", "intake,billing")

    assert answer.returncode == 2
    assert answer.stderr.startswith("no service billing; there are: intake, design, ")


def test_external_without_addresses_is_a_usage_error(throughline, monkeypatch):
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("MONGO_URL", raising=False)

    answer = throughline("up", "--external")

    assert answer.returncode == 2
    assert answer.stderr == "  --external needs KAFKA_BOOTSTRAP_SERVERS and MONGO_URL in the environment\n"


def test_down_without_a_stack_is_fine(throughline):
    answer = throughline("down")

    assert (answer.returncode, answer.stderr) == (0, "  nothing is running here\n")


def test_events_are_validated_with_their_lines(throughline, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(
        '{"type": "inbound.samples_taken",'
        ' "data": {"series": "s", "component": "c", "unit": "s", "points": []}}\n'
        '{"type": "weather.rain", "data": {}}\n'
        "{\n"
    )

    answer = throughline("events", "validate", str(file))

    assert answer.returncode == 65
    faults = answer.stderr.splitlines()
    assert faults[0].startswith("events.jsonl:1: points: tuple should have at least 1 item")
    assert faults[1].startswith("events.jsonl:2: type: type 'weather.rain' is not known")
    assert faults[2].startswith("events.jsonl:3: not JSON: ")


def test_event_data_can_come_from_stdin(throughline):
    data = {
        "series": "s",
        "component": "c",
        "unit": "ms",
        "points": [{"at": "2026-11-23T12:00:00Z", "value": 1}],
    }

    answer = throughline(
        "events", "publish", "inbound.samples_taken", "-", "-e", "ENG-AAAA", "--dry-run", "--json",
        stdin=json.dumps(data),
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)[0]["type"] == "inbound.samples_taken.v1"


def test_reader_that_stops_early_gets_no_traceback(throughline, tmp_path):
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    (logs / "intake.log").write_text("line\n" * 60_000)
    command = f"{sys.executable} -c 'from runtime.cli import main; main()' logs -n 60000 | head -n 1"
    environment = {**os.environ, "THROUGHLINE_RUN_DIR": str(tmp_path / "run")}

    answer = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=60)

    assert (answer.stdout, answer.stderr) == ("line\n", "")
