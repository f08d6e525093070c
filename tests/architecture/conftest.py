"""What the architecture tests look at: the tree, its services, its deployment files."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def services(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.glob("services/*/pyproject.toml"))


@pytest.fixture(scope="session")
def compose(root: Path) -> dict[str, Any]:
    document = yaml.safe_load((root / "docker-compose.yml").read_text())
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="session")
def project_files(root: Path) -> list[Path]:
    """Every file that is in the repository or about to be: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for name in listed.split("\0") if name and (path := root / name).is_file()]


@pytest.fixture(scope="session")
def metric_names(root: Path) -> set[str]:
    """Every metric of ours, from the page that is generated from the code and held to it."""
    page = (root / "docs/reference/metrics.md").read_text()
    return set(re.findall(r"^\| `(throughline_\w+)`", page, re.MULTILINE))
