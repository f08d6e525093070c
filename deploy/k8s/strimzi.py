"""Writes the Kubernetes resources that follow from what is declared elsewhere: topics, reactions, alerts.

python deploy/k8s/strimzi.py            writes topics, users, mounts, scaled objects, rules below components/
python deploy/k8s/strimzi.py --check    exits 1 and names the files that are out of date
"""

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from gateway import main as gateway
from gateway.adapters import kafka_dead_letters
from messaging import topics
from messaging.settings import KafkaProfile, KafkaSettings
from schemas import registry

COMPONENTS = Path(__file__).parent / "components"
ALERTS = Path(__file__).parents[1] / "prometheus/alerts.yaml"
HEADER = (
    "# Written by deploy/k8s/strimzi.py from declared topics and reactions: change those, not this file.\n"
)
RULES_HEADER = (
    "# Written by deploy/k8s/strimzi.py from deploy/prometheus/alerts.yaml: change that, not this file.\n"
)
CLUSTER = "throughline"
GATEWAY = "gateway"
SCALER = "keda"
LAG_PER_POD = 500
"""One full batch of a consumer (KafkaSettings.batch_records)."""
Resource = dict[str, Any]


def cluster_settings() -> KafkaSettings:
    return KafkaSettings(profile=KafkaProfile.APACHE, replication_factor=3)


def topic_resources() -> Iterator[Resource]:
    """A KafkaTopic per declared topic, with the partitions and settings it gets where we create it."""
    for topic in topics.TOPICS:
        new = topics._new_topic(topic, cluster_settings())
        spec = {
            "partitions": new.num_partitions,
            "replicas": new.replication_factor,
            "config": dict(sorted(new.topic_configs.items())),
        }
        yield _resource(
            "kafka.strimzi.io/v1", "KafkaTopic", topic.name, spec, {"strimzi.io/cluster": CLUSTER}
        )


def consumed() -> dict[str, list[str]]:
    """Service to the topics it reads: its commands, what it reacts to, the operators' topic."""
    reads = {}
    for service in registry.SERVICES:
        reactions = import_module(f"{service}.reactions").REACTIONS
        upstream = {event.topic() for event in reactions}
        reads[service] = sorted({f"{service}.commands", "operations.commands", *upstream})
    reads[GATEWAY] = sorted([*gateway.EVENT_TOPICS, *gateway.DEAD_TOPICS])
    return reads


def groups(service: str) -> list[str]:
    """Consumer groups: each service's own name, and the gateway's second one for raw dead letters."""
    return [service, kafka_dead_letters.GROUP] if service == GATEWAY else [service]


def produced(service: str) -> list[str]:
    """Topics a service writes. The gateway redrives dead letters, so it may write wherever one came from."""
    if service == GATEWAY:
        others = {f"{name}.dead" for name in registry.SERVICES}
        return sorted({topic.name for topic in topics.TOPICS} - others)
    return [f"{service}.commands", f"{service}.dead", f"{service}.events"]


def user_resources() -> Iterator[Resource]:
    """A KafkaUser per service that may do what it does and no more; nobody may create topics."""
    for service, reads in consumed().items():
        acls = [
            *(_acl("topic", name, ["Read", "Describe"]) for name in reads),
            *(_acl("topic", name, ["Write", "Describe"]) for name in produced(service)),
            *(_acl("group", name, ["Read"]) for name in groups(service)),
        ]
        yield _user(service, acls)


def scaler_resources() -> Iterator[Resource]:
    """KEDA's own user, which sees how far each group is and reads no message, and how it proves who it is."""
    watched = {name for service in registry.SERVICES for name in consumed()[service]}
    acls = [
        *(_acl("topic", name, ["Describe"]) for name in sorted(watched)),
        *(_acl("group", name, ["Describe"]) for name in registry.SERVICES),
    ]
    yield _user(SCALER, acls)
    papers = {
        "ca": (f"{CLUSTER}-cluster-ca-cert", "ca.crt"),
        "cert": (SCALER, "user.crt"),
        "key": (SCALER, "user.key"),
    }
    references = [{"parameter": p, "name": secret, "key": key} for p, (secret, key) in papers.items()]
    yield _resource("keda.sh/v1alpha1", "TriggerAuthentication", "kafka", {"secretTargetRef": references}, {})


def mounts() -> Iterator[Resource]:
    """A patch per service: the certificate Strimzi makes for its user, and the authority of the brokers."""
    for service in consumed():
        sources = [
            {"secret": {"name": f"{CLUSTER}-cluster-ca-cert", "items": [_item("ca.crt")]}},
            {"secret": {"name": service, "items": [_item("user.crt"), _item("user.key")]}},
        ]
        volume = {"name": "kafka", "projected": {"defaultMode": 0o440, "sources": sources}}
        mount = {"name": "kafka", "mountPath": "/var/run/throughline/kafka", "readOnly": True}
        container = {"name": service, "volumeMounts": [mount]}
        spec = {"template": {"spec": {"containers": [container], "volumes": [volume]}}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": service}, "spec": spec}


def scaled_objects() -> Iterator[Resource]:
    """A KEDA ScaledObject per service but the gateway: never more pods than a topic has partitions."""
    for service in registry.SERVICES:
        trigger = {
            "bootstrapServers": f"{CLUSTER}-kafka-bootstrap.throughline.svc:9093",
            "tls": "enable",
            "consumerGroup": service,
            "lagThreshold": str(LAG_PER_POD),
            "offsetResetPolicy": "earliest",
            "allowIdleConsumers": "false",
        }
        spec = {
            "scaleTargetRef": {"name": service},
            # A pod that is lost leaves another; from 0 every wake-up would pay a rebalance.
            "minReplicaCount": 2,
            "maxReplicaCount": cluster_settings().partitions,
            "cooldownPeriod": 300,
            "triggers": [{"type": "kafka", "metadata": trigger, "authenticationRef": {"name": "kafka"}}],
        }
        yield _resource(
            "keda.sh/v1alpha1", "ScaledObject", service, spec, {"app.kubernetes.io/name": service}
        )


def alert_rules() -> Iterator[Resource]:
    """The alert rules that promtool has checked, as the Prometheus operator takes them."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    yield _resource("monitoring.coreos.com/v1", "PrometheusRule", "throughline", {"groups": groups}, {})


def pod_monitors() -> Iterator[Resource]:
    """Every pod of a service is asked for its metrics, each of several replicas by itself."""
    names = {"key": "app.kubernetes.io/name", "operator": "In", "values": [*registry.SERVICES, GATEWAY]}
    # `service` is the service that a number is about, and must not be renamed.
    endpoint = {"port": "http", "path": "/metrics", "interval": "15s", "honorLabels": True}
    spec = {"selector": {"matchExpressions": [names]}, "podMetricsEndpoints": [endpoint]}
    yield _resource("monitoring.coreos.com/v1", "PodMonitor", "throughline", spec, {})


def files() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        COMPONENTS / "strimzi/topics.yaml": _dump(topic_resources()),
        COMPONENTS / "kafka-users/users.yaml": _dump(user_resources()),
        COMPONENTS / "kafka-users/mounts.yaml": _dump(mounts()),
        COMPONENTS / "keda/scaled-objects.yaml": _dump(scaled_objects()),
        COMPONENTS / "keda/kafka-user.yaml": _dump(scaler_resources()),
        COMPONENTS / "prometheus/pod-monitor.yaml": _dump(pod_monitors()),
        COMPONENTS / "prometheus/alerts.yaml": _dump(alert_rules(), RULES_HEADER),
    }


def _user(name: str, acls: list[Resource]) -> Resource:
    spec = {"authentication": {"type": "tls"}, "authorization": {"type": "simple", "acls": acls}}
    return _resource("kafka.strimzi.io/v1", "KafkaUser", name, spec, {"strimzi.io/cluster": CLUSTER})


def _item(key: str) -> dict[str, str]:
    return {"key": key, "path": key}


def _acl(kind: str, name: str, operations: list[str]) -> dict[str, Any]:
    return {"resource": {"type": kind, "name": name, "patternType": "literal"}, "operations": operations}


def _resource(api: str, kind: str, name: str, spec: Resource, labels: dict[str, str]) -> Resource:
    labels = {**labels, "app.kubernetes.io/part-of": "throughline"}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def _dump(resources: Iterable[Resource], header: str = HEADER) -> str:
    return header + str(yaml.safe_dump_all(resources, sort_keys=False, width=120))


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    stale = {p: text for p, text in files().items() if not p.exists() or p.read_text() != text}
    for path, text in stale.items():
        sys.stdout.write(f"{path.relative_to(COMPONENTS)}\n")
        if not arguments:
            path.write_text(text)
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
