"""Kubernetes resources are valid, hardened, reachable only where needed, and true to the code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from architecture.drift import render

Resource = dict[str, Any]
ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy/k8s"
CRDS = Path(__file__).parent / "crds"
OVERLAYS = ["kind", "production"]
# kubernetes-validate knows no custom resources: what their operators require, as far as we use it.
CUSTOM: dict[tuple[str, str], dict[str, type | tuple[type, ...]]] = {
    ("kafka.strimzi.io/v1", "Kafka"): {"kafka.version": str, "kafka.listeners": list, "entityOperator": dict},
    ("kafka.strimzi.io/v1", "KafkaNodePool"): {"replicas": int, "roles": list, "storage.type": str},
    ("kafka.strimzi.io/v1", "KafkaTopic"): {"partitions": int, "replicas": int, "config": dict},
    ("kafka.strimzi.io/v1", "KafkaUser"): {"authentication.type": str, "authorization.acls": list},
    ("keda.sh/v1alpha1", "ScaledObject"): {
        "scaleTargetRef.name": str,
        "maxReplicaCount": int,
        "triggers": list,
    },
    ("keda.sh/v1alpha1", "TriggerAuthentication"): {"secretTargetRef": list},
}


def load(path: Path) -> list[Resource]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifests() -> Iterator[tuple[Path, Resource]]:
    """Every resource that is written out; what overlays hold are patches."""
    for path in sorted([*K8S.glob("base/*.yaml"), *K8S.glob("components/*/*.yaml")]):
        for document in load(path):
            if (
                "kind" in document
                and document["kind"] not in ("Kustomization", "Component")
                and path.name != "mounts.yaml"
            ):
                yield path, document


def identified(found: Iterator[tuple[Path, Resource]]) -> list[Any]:
    return [
        pytest.param(
            document, id=f"{path.relative_to(K8S)}: {document['kind']}/{document['metadata']['name']}"
        )
        for path, document in found
    ]


def check(resource: Resource) -> None:
    definition = CRDS / f"{resource['kind']}.yaml"
    if resource["apiVersion"] == "monitoring.coreos.com/v1":
        jsonschema.validate(resource["spec"], yaml.safe_load(definition.read_text()))
        return
    shape = CUSTOM.get((resource["apiVersion"], resource["kind"]))
    if shape is None:
        kubernetes_validate.validate(resource, "1.37", strict=True)
        return
    for path, kind in shape.items():
        value: Any = resource["spec"]
        for name in path.split("."):
            assert name in value, f"{resource['kind']} {resource['metadata']['name']}: spec.{path} is missing"
            value = value[name]
        assert isinstance(value, kind), f"spec.{path} must be {kind}"


def pods(resources: Iterator[tuple[Path, Resource]]) -> Iterator[tuple[Path, Resource]]:
    return ((p, d) for p, d in resources if d["kind"] in ("Deployment", "StatefulSet", "Job"))


@pytest.mark.parametrize("resource", identified(manifests()))
def test_a_resource_is_valid(resource: Resource) -> None:
    check(resource)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_valid_resources_and_none_twice(overlay: str) -> None:
    resources = render(overlay)

    for resource in resources:
        check(resource)
    names = [(r["apiVersion"], r["kind"], r["metadata"]["name"]) for r in resources]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_every_secret_and_config_map_its_pods_read(overlay: str) -> None:
    resources = render(overlay)
    given = {r["metadata"]["name"] for r in resources if r["kind"] in ("ConfigMap", "Secret")}
    text = yaml.safe_dump([r for r in resources if r["kind"] in ("Deployment", "StatefulSet")])
    asked = set(
        re.findall(
            r"(?:secretName|configMapRef|secretKeyRef|configMap):\s+(?:key: \S+\s+)?(?:name: )?(\S+)", text
        )
    )

    # Production brings its own secrets, by name: docs/how-to/deploy.md.
    brought = {"throughline-mongo", "throughline-gateway"} if overlay == "production" else set()
    assert asked - given - brought == set()


@pytest.mark.parametrize("workload", identified(pods(manifests())))
def test_a_pod_is_hardened(workload: Resource) -> None:
    pod = workload["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert len(pod["containers"]) == 1
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


@pytest.mark.parametrize("workload", identified(pods(manifests())))
def test_a_pod_has_limits_and_probes(workload: Resource) -> None:
    container = workload["spec"]["template"]["spec"]["containers"][0]

    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    # A limit on processor time would throttle a service in the middle of a batch.
    assert set(container["resources"]["limits"]) == {"memory"}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


@pytest.mark.parametrize("workload", identified(pods(manifests())))
def test_an_image_has_a_version(workload: Resource) -> None:
    image = workload["spec"]["template"]["spec"]["containers"][0]["image"]

    # Our own get theirs in the production overlay.
    assert image.startswith("throughline/") or re.search(r":\d", image)


def test_a_service_lives_by_its_loop_and_is_ready_by_its_truth(services: list[str]) -> None:
    for service in services:
        deployment = next(d for d in load(K8S / f"base/{service}.yaml") if d["kind"] == "Deployment")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        paths = {probe: container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
        assert paths == {"livenessProbe": "/health/live", "readinessProbe": "/health/ready"}
        assert container["ports"] == [{"name": "http", "containerPort": 8080}]


def test_every_pod_has_a_network_policy_beside_it() -> None:
    found = list(manifests())
    policies = [d for _, d in found if d["kind"] == "NetworkPolicy"]
    chosen = [p["spec"]["podSelector"]["matchLabels"] for p in policies]

    for _, workload in pods(iter(found)):
        assert {"app.kubernetes.io/name": workload["metadata"]["name"]} in chosen
    assert {"app.kubernetes.io/part-of": "throughline"} in chosen, "nothing denies the rest"


def test_a_selector_finds_what_it_is_for() -> None:
    found = list(manifests())
    labels = [d["spec"]["template"]["metadata"]["labels"] for _, d in pods(iter(found))]

    for path, document in found:
        if document["kind"] == "Service":
            assert any(document["spec"]["selector"].items() <= given.items() for given in labels), path


def test_resources_made_from_declarations_are_up_to_date(root: Path) -> None:
    made = subprocess.run(
        [sys.executable, "deploy/k8s/strimzi.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (made.returncode, made.stdout) == (0, ""), "run: python deploy/k8s/strimzi.py\n" + made.stderr


def test_a_user_may_read_and_write_only_what_its_service_does() -> None:
    users = {d["metadata"]["name"]: d for d in load(K8S / "components/kafka-users/users.yaml")}
    acls = users["intake"]["spec"]["authorization"]["acls"]
    granted = {(a["resource"]["type"], a["resource"]["name"], op) for a in acls for op in a["operations"]}

    assert {name for kind, name, op in granted if op == "Write"} == {
        "intake.commands",
        "intake.dead",
        "intake.events",
    }
    assert ("group", "intake", "Read") in granted
    assert ("topic", "design.events", "Read") not in granted
    every = [a for u in users.values() for a in u["spec"]["authorization"]["acls"]]
    assert {a["resource"]["patternType"] for a in every} == {"literal"}
    assert not {op for a in every for op in a["operations"]} & {"All", "Create", "Alter", "Delete"}


def test_a_wrong_field_is_found() -> None:
    deployment = next(d for d in load(K8S / "base/intake.yaml") if d["kind"] == "Deployment")
    deployment["spec"]["replica"] = deployment["spec"].pop("replicas")

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        check(deployment)


def test_a_custom_resource_without_a_required_field_is_found() -> None:
    topic = load(K8S / "components/strimzi/topics.yaml")[0]
    del topic["spec"]["partitions"]

    with pytest.raises(AssertionError, match=r"spec\.partitions is missing"):
        check(topic)


@pytest.mark.parametrize(
    ("file", "field", "wrong", "said"),
    [
        ("alerts.yaml", "expression", "up == 0", "'expression' was unexpected"),
        ("alerts.yaml", "for", "5 minutes", "does not match"),
        ("alerts.yaml", "record", "up:zero", "is valid under each of"),
    ],
)
def test_a_rule_that_the_operator_would_refuse_is_found(file: str, field: str, wrong: str, said: str) -> None:
    (rules,) = load(K8S / f"components/prometheus/{file}")
    rules["spec"]["groups"][0]["rules"][0][field] = wrong

    with pytest.raises(jsonschema.ValidationError, match=said):
        check(rules)


def test_the_cluster_has_the_rules_that_promtool_has_checked(root: Path) -> None:
    (deployed,) = load(K8S / "components/prometheus/alerts.yaml")

    assert deployed["spec"] == yaml.safe_load((root / "deploy/prometheus/alerts.yaml").read_text())


def test_the_operator_finds_every_service_by_a_label_and_a_port_that_its_pods_have(
    services: list[str],
) -> None:
    (monitor,) = load(K8S / "components/prometheus/pod-monitor.yaml")
    (chosen,) = monitor["spec"]["selector"]["matchExpressions"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    assert sorted(chosen["values"]) == services
    for service in services:
        deployment = next(d for d in load(K8S / f"base/{service}.yaml") if d["kind"] == "Deployment")
        template = deployment["spec"]["template"]
        assert template["metadata"]["labels"][chosen["key"]] == service
        assert endpoint["port"] in [p["name"] for p in template["spec"]["containers"][0]["ports"]]
