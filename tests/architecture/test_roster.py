"""Every service is everywhere it has to be. A new one adds: a folder, a schema module, a compose block, a
Kubernetes file of its name, a word in two import contracts; these tests name what is missing.
"""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import main as gateway_main
from messaging import Service, topics
from schemas import registry

EVERY_SERVICE = ("README.md", "pyproject.toml", "src/{}/__init__.py", "src/{}/__main__.py", "src/{}/main.py",
                 "src/{}/settings.py", "src/{}/py.typed")  # fmt: skip
GATEWAY = "gateway"
SERVICES = sorted(path.parent.name for path in Path(__file__).parents[2].glob("services/*/pyproject.toml"))


def test_the_registry_knows_every_publishing_service(services: list[str]) -> None:
    assert sorted([*registry.SERVICES, GATEWAY]) == services


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_files_that_all_have(root: Path, service: str) -> None:
    folder = root / "services" / service

    missing = [
        name.format(service) for name in EVERY_SERVICE if not (folder / name.format(service)).is_file()
    ]

    assert missing == []


@pytest.mark.parametrize("service", registry.SERVICES)
def test_a_deciding_service_keeps_its_rules_and_reactions_where_all_do(root: Path, service: str) -> None:
    package = root / "services" / service / "src" / service

    assert (package / "model.py").is_file() or (package / "model" / "__init__.py").is_file()
    assert (package / "reactions.py").is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_one_word_is_folder_package_and_distribution(root: Path, service: str) -> None:
    project = tomllib.loads((root / "services" / service / "pyproject.toml").read_text())

    assert project["project"]["name"] == f"throughline-{service}"
    assert project["tool"]["uv"]["build-backend"]["module-name"] == service
    assert list(project["project"].get("scripts", {service: None})) == [service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_in_compose_under_its_own_name(compose: dict[str, Any], service: str) -> None:
    block = compose["services"][service]

    assert block["image"] == f"throughline/{service}:${{THROUGHLINE_TAG:-local}}"
    assert block["build"]["dockerfile"] == "deploy/Dockerfile"
    assert block["build"]["args"]["SERVICE"] == service


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_in_the_kubernetes_base_under_its_own_name(root: Path, service: str) -> None:
    base = root / "deploy/k8s/base"
    documents = list(yaml.safe_load_all((base / f"{service}.yaml").read_text()))

    assert f"{service}.yaml" in yaml.safe_load((base / "kustomization.yaml").read_text())["resources"]
    assert {d["metadata"]["name"] for d in documents} == {service}
    assert sorted(d["kind"] for d in documents) == [
        "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount",
    ]  # fmt: skip


def test_images_of_production_are_pinned_for_every_service(root: Path, services: list[str]) -> None:
    overlay = yaml.safe_load((root / "deploy/k8s/overlays/production/kustomization.yaml").read_text())

    assert sorted(image["name"] for image in overlay["images"]) == [f"throughline/{s}" for s in services]
    assert all(image["newTag"] != "latest" for image in overlay["images"])


def test_every_topic_is_read_by_the_one_who_answers_for_its_unreadable_messages() -> None:
    """Consumers pass over what they cannot read and do not answer for: one of them has to."""
    reads = {GATEWAY: set(gateway_main.EVENT_TOPICS)}
    for service in registry.SERVICES:
        reactions = import_module(f"{service}.reactions").REACTIONS
        own = Service(name=service, state=object, decide=lambda *_: (), evolve=max, reactions=reactions)
        reads[service] = set(own.topics())
    shared = [topic.name for topic in topics.TOPICS if not topic.name.endswith(".dead")]

    assert [name for name in shared if name not in reads[topics.unreadable_owner(name)]] == []
