"""What a person reads of an event in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.telling import LINES, tell
from schemas import registry

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"


def _example(event_type: str) -> dict[str, Any]:
    version = registry.payloads()[event_type].version
    event: dict[str, Any] = json.loads((EXAMPLES / f"{event_type}.v{version}.complete.json").read_text())
    return dict(event["data"])


@pytest.mark.parametrize("event_type", sorted(LINES))
def test_every_line_can_be_told_of_its_event(event_type: str) -> None:
    line = LINES[event_type](_example(event_type))

    assert line
    assert "None" not in line
    assert "{" not in line


def test_a_type_without_a_line_tells_its_first_facts() -> None:
    assert tell("intake.x_happened", {"id": "a", "n": 3}) == "X happened: id a, n 3"


def test_data_that_lack_what_the_line_asks_for_are_told_by_their_facts() -> None:
    assert tell("migration.migration_aborted", {"run": 3}) == "Migration aborted: run 3"
