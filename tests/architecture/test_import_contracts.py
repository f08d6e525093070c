"""The import contracts hold, and each of them catches what it is there for."""

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

PLANTED = [
    ("services-are-independent", "design/planted.py", "import intake"),
    ("dependencies-point-down", "persistence/planted.py", "import messaging"),
    ("rules-know-no-technology", "intake/model/planted.py", "import motor"),
    ("rules-know-no-technology", "design/engine/planted.py", "from persistence.mongo import connect"),
    ("numerics-live-in-engines", "feedback/model/planted.py", "import scipy"),
    ("one-file-names-the-driver", "persistence/planted.py", "import pymongo"),
    ("only-messaging-knows-the-broker", "monitoring/planted.py", "from faststream.kafka import KafkaBroker"),
    ("anyone-can-read-the-schemas", "schemas/planted.py", "import httpx"),
    ("test-tools-stay-out", "messaging/planted.py", "from testkit import scenario"),
]


@pytest.fixture(scope="module")
def contracts(root: Path) -> ConfigParser:
    parser = ConfigParser()
    parser.read(root / ".importlinter")
    return parser


def lint(config: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--config",
        str(config),
        "--no-cache",
        "--no-logo",
    ]
    environment = {**os.environ, "COLUMNS": "250"} | ({"PYTHONPATH": path} if path else {})
    return subprocess.run(
        [*command, *options], cwd=config.parent, env=environment, capture_output=True, text=True, timeout=60
    )


def sources(root: Path) -> list[Path]:
    return [*root.glob("schemas/src/*"), *root.glob("libs/*/src/*"), *root.glob("services/*/src/*")]


def test_every_contract_is_kept(root: Path) -> None:
    result = lint(root / ".importlinter")

    assert result.returncode == 0, result.stdout


def test_every_contract_has_a_violation_that_it_is_tried_with(contracts: ConfigParser) -> None:
    named = {s.removeprefix("importlinter:contract:") for s in contracts.sections() if ":contract:" in s}

    assert named == {contract for contract, _, _ in PLANTED}


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED, ids=[f"{c}: {f}" for c, f, _ in PLANTED])
def test_a_planted_violation_breaks_its_contract(
    root: Path, tmp_path: Path, contracts: ConfigParser, contract: str, file: str, line: str
) -> None:
    for package in sources(root):
        shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / ".importlinter", tmp_path)
    plant(tmp_path, file, line)

    result = lint(tmp_path / ".importlinter", "--contract", contract, path=str(tmp_path))

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contracts[f'importlinter:contract:{contract}']['name']} BROKEN" in result.stdout


def plant(tree: Path, file: str, line: str) -> None:
    """Add a module to the copy; a module that is one file in the tree becomes a package of it."""
    target = tree / file
    single = target.parent.with_suffix(".py")
    target.parent.mkdir(exist_ok=True)
    if single.exists():
        single.rename(target.parent / "__init__.py")
    (target.parent / "__init__.py").touch()
    target.write_text(f"{line}\n")


def test_the_rosters_name_every_package(root: Path, contracts: ConfigParser, services: list[str]) -> None:
    packages = {path.name for path in sources(root)}
    layers = contracts["importlinter:contract:dependencies-point-down"]["layers"].replace("|", " ").split()

    assert set(contracts["importlinter"]["root_packages"].split()) == packages
    assert set(layers) == packages
    independent = contracts["importlinter:contract:services-are-independent"]["modules"].split()
    assert sorted(independent) == services
