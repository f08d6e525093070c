"""The committed snapshots and examples, read by all who have to: our models, JSON Schema, CloudEvents."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from messaging.envelope import STRUCTURED, decode
from schemas import registry
from schemas.contracts.check import check
from schemas.contracts.snapshots import ROOT, committed

EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
SNAPSHOTS = committed(ROOT)
ATTRIBUTE = re.compile(r"^[a-z0-9]{1,20}$")


def names(path: Path) -> str:
    return path.name.removesuffix(".json")


def read(path: Path) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return message


def test_models_snapshots_and_examples_agree() -> None:
    """Where this fails, `make contracts` says why and what to do."""
    assert check(ROOT).problems == []


def test_there_is_something_to_agree_on() -> None:
    assert len(SNAPSHOTS) >= len(registry.payloads()) > 100
    assert len(EXAMPLES) == 2 * len(SNAPSHOTS)


@pytest.mark.parametrize("wire_type", SNAPSHOTS)
def test_snapshot_is_valid_json_schema(wire_type: str) -> None:
    Draft202012Validator.check_schema(SNAPSHOTS[wire_type])


@pytest.mark.parametrize("path", EXAMPLES, ids=names)
def test_example_is_valid_by_its_json_schema(path: Path) -> None:
    message = read(path)
    validator = Draft202012Validator(
        SNAPSHOTS[message["type"]], format_checker=Draft202012Validator.FORMAT_CHECKER
    )

    assert [error.message for error in validator.iter_errors(message["data"])] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=names)
def test_example_is_a_cloudevent_to_the_sdk_and_by_the_letter(path: Path) -> None:
    message = read(path)

    event = JSONFormat().read(None, path.read_bytes())

    assert event.get_type() == names(path).rpartition(".")[0]
    assert event.get_data() == message["data"]
    assert event.get_specversion() == "1.0"
    attributes = {name: value for name, value in message.items() if name != "data"}
    assert [name for name in attributes if not ATTRIBUTE.match(name)] == []
    assert {type(value) for value in attributes.values()} == {str}


@pytest.mark.parametrize("path", EXAMPLES, ids=names)
def test_example_is_read_from_its_topic(path: Path) -> None:
    message = read(path)
    cls, _ = registry.find(message["type"])
    headers = [("content-type", STRUCTURED.encode())]

    found = decode(cls.topic(), message["engagement"].encode(), path.read_bytes(), headers, 1_000_000)

    assert type(found.payload) is cls
    assert found.envelope.id == message["id"]
    assert found.envelope.causation == message.get("causationid")


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.name.endswith("complete.json")], ids=names)
def test_writing_a_complete_example_again_loses_nothing(path: Path) -> None:
    """Numbers may be written otherwise (24 and 24.0 are one number), nothing else."""
    message = read(path)

    payload = registry.parse(message["type"], json.dumps(message["data"]))

    if payload.wire_type() == message["type"]:
        assert json.loads(payload.model_dump_json()) == message["data"]
