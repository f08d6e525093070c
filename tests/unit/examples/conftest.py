"""Readers of the example files that the tests of this folder share."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = ("rheintal-order-system", "harbour-clinic-identity")
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_MOMENT = re.compile(r"^@(date)?([+-])((?:\d+[dhms])+)$")
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def resolve(value: Any) -> Any:
    """Replace relative times as a player does when the story starts at START."""
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    match = _MOMENT.match(value) if isinstance(value, str) else None
    if match is None:
        return value
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", match[3]))
    moment = START + timedelta(seconds=seconds if match[2] == "+" else -seconds)
    return (moment.date() if match[1] else moment).isoformat()


def jsonl(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield resolve(json.loads(line))


def script(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{file.parent.name}.{file.stem}".replace("-", "_"), file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name while they are made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest) -> Path:
    return EXAMPLES / str(request.param)


@pytest.fixture
def document(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "engagement.yaml").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def playbook(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "playbook.yaml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def load_script() -> Callable[[Path], ModuleType]:
    return script


@pytest.fixture(scope="session")
def read_jsonl() -> Callable[[Path], Iterator[dict[str, Any]]]:
    return jsonl


@pytest.fixture(scope="session")
def resolved() -> Callable[[Any], Any]:
    return resolve
