"""What compose and Kubernetes set are variables that a service's Settings read, and all that they require."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from architecture.drift import SERVICES, settings_of, variables
from messaging import KafkaSettings


def compose_variables(compose: dict[str, Any], service: str) -> dict[str, str]:
    return {name: str(value) for name, value in compose["services"][service]["environment"].items()}


def cluster_variables(root: Path, service: str) -> dict[str, str]:
    """What the pod gets: the shared config map and its own `env`; values from elsewhere stand as text."""
    base = root / "deploy/k8s/base"
    shared = yaml.safe_load((base / "configuration.yaml").read_text())["data"]
    documents = yaml.safe_load_all((base / f"{service}.yaml").read_text())
    deployment = next(d for d in documents if d["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"configMapRef": {"name": "throughline"}}]
    return {**shared, **{entry["name"]: entry.get("value", "given") for entry in container["env"]}}


@pytest.mark.parametrize("service", SERVICES)
def test_compose_sets_only_variables_that_the_service_reads(compose: dict[str, Any], service: str) -> None:
    assert set(compose_variables(compose, service)) - variables(settings_of(service)) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_the_cluster_sets_only_variables_that_the_service_reads(root: Path, service: str) -> None:
    assert set(cluster_variables(root, service)) - variables(settings_of(service)) == set()


def test_the_topics_job_sets_only_variables_of_kafka(compose: dict[str, Any]) -> None:
    assert set(compose_variables(compose, "topics")) - variables(KafkaSettings) == set()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("place", ["compose", "cluster"])
def test_what_is_set_is_enough_to_construct_the_settings(
    root: Path, compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, place: str, service: str
) -> None:
    given = compose_variables(compose, service) if place == "compose" else cluster_variables(root, service)
    settings = settings_of(service)
    for name in variables(settings):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    built: Any = settings()

    assert built.kafka.profile == "apache"
    assert (built.http.host, built.http.port) == ("0.0.0.0", int(given["HTTP_PORT"]))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_listens_where_its_health_is_asked(compose: dict[str, Any], service: str) -> None:
    check = " ".join(compose["services"][service]["healthcheck"]["test"])

    assert f"127.0.0.1:{compose_variables(compose, service)['HTTP_PORT']}/health/ready" in check
