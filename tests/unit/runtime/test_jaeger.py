"""Jaeger's settings, and what is said where it is not there or not wanted."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runtime import jaeger
from runtime.bring_up import Wish
from runtime.errors import CommandFailed, Exit
from runtime.preflight import check_installed

ROOT = Path(__file__).parents[3]


def settings(folder: Path, *, keep: bool) -> dict[str, Any]:
    one = jaeger.Jaeger(folder=folder, query_port=8407, grpc_port=8405, otlp_port=8404, keep=keep)
    one.write_settings()
    found: dict[str, Any] = json.loads(one.settings_file.read_text())
    return found


def endpoints(part: Any) -> list[str]:
    if not isinstance(part, dict):
        return []
    own = [part["endpoint"]] if "endpoint" in part else []
    return own + [found for value in part.values() for found in endpoints(value)]


def test_it_listens_on_its_three_ports_of_the_loopback_only(tmp_path: Path) -> None:
    found = settings(tmp_path, keep=False)

    assert sorted(endpoints(found)) == ["127.0.0.1:8404", "127.0.0.1:8405", "127.0.0.1:8407"]
    assert found["service"]["telemetry"]["metrics"] == {"level": "none"}


def test_kept_spans_are_below_its_folder_and_others_nowhere(tmp_path: Path) -> None:
    kept, passing = (
        settings(tmp_path, keep=keep)["extensions"]["jaeger_storage"]["backends"]["traces"]
        for keep in (True, False)
    )

    assert {Path(folder).parent for folder in kept["badger"]["directories"].values()} == {tmp_path}
    assert kept["badger"]["ephemeral"] is False
    assert list(passing) == ["memory"]


def test_the_version_is_the_one_that_is_built() -> None:
    pinned = (ROOT / "libs/runtime/jaeger/go.mod").read_text()

    said = re.search(r"^// Jaeger ([\d.]+) is the module at (v[\d.]+),", pinned, re.MULTILINE)
    assert said
    assert said[1] == jaeger.VERSION
    assert f"github.com/jaegertracing/jaeger {said[2]} " in pinned


def test_a_jaeger_that_is_not_there_is_said_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaeger, "home", lambda: tmp_path)

    with pytest.raises(CommandFailed, match=r"Jaeger .* is not in \.tools") as failure:
        check_installed(with_jaeger=True)

    assert failure.value.exit_code == Exit.USAGE
    assert "scripts/jaeger.sh" in failure.value.lines[1]


def test_servers_of_others_and_a_jaeger_of_ours_are_not_one_stack() -> None:
    with pytest.raises(CommandFailed, match="OTEL_EXPORTER_OTLP_ENDPOINT") as failure:
        Wish(external=True, jaeger=True).options()

    assert failure.value.exit_code == Exit.USAGE
