"""Deployment files and code say the same; each check is shown to find a difference that is planted for it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from architecture import drift
from architecture.drift import ROOT, SERVICES, Resource

Plant = Callable[[list[Resource]], None]


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Resource]]:
    return {overlay: drift.render(overlay) for overlay in ("kind", "production")}


@pytest.fixture
def production(overlays: dict[str, list[Resource]]) -> list[Resource]:
    """A copy to plant something in."""
    return deepcopy(overlays["production"])


@pytest.fixture
def components() -> list[Resource]:
    """What follows from declarations, as it is written out: needs no kustomize."""
    files = ("strimzi/topics.yaml", "kafka-users/users.yaml", "keda/kafka-user.yaml")
    return [r for f in files for r in yaml.safe_load_all((ROOT / "deploy/k8s/components" / f).read_text())]


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    return next(r for r in resources if r["kind"] == kind and r["metadata"]["name"] == name)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("overlay", ["kind", "production"])
def test_a_pod_of_an_overlay_gets_what_its_settings_read_and_all_they_need(
    overlays: dict[str, list[Resource]], monkeypatch: pytest.MonkeyPatch, overlay: str, service: str
) -> None:
    resources = overlays[overlay]
    given = drift.pod_environment(resources, service)

    assert drift.environment_faults(drift.settings_of(service), given, monkeypatch) == []
    assert drift.file_faults(resources, service) == []
    assert drift.port_faults(resources, service) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_of_compose_gets_all_that_its_settings_need(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    given = {name: str(value) for name, value in compose["services"][service]["environment"].items()}

    assert drift.environment_faults(drift.settings_of(service), given, monkeypatch) == []


def test_topics_and_users_are_those_of_the_code(components: list[Resource]) -> None:
    assert drift.topic_faults(components) == []
    assert drift.acl_faults(components) == []


def test_topics_and_users_of_production_are_those_of_the_code(production: list[Resource]) -> None:
    assert drift.topic_faults(production) == []
    assert drift.acl_faults(production) == []


def scrapes() -> Resource:
    found: Resource = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text())
    return found


def test_prometheus_asks_every_service_where_it_listens(compose: dict[str, Any]) -> None:
    assert drift.scrape_faults(compose, scrapes()) == []


def test_a_drift_of_scrape_targets_is_found(compose: dict[str, Any]) -> None:
    moved = deepcopy(compose)
    moved["services"]["monitoring"]["environment"]["HTTP_PORT"] = "8083"

    assert drift.scrape_faults(moved, scrapes()) == [
        "nobody asks monitoring at provisioning:8083",
        "no service is at provisioning:8082",
    ]


def _rename_variable(resources: list[Resource]) -> None:
    data = named(resources, "ConfigMap", "throughline")["data"]
    data["KAFKA_BOOTSTRAP"] = data.pop("KAFKA_BOOTSTRAP_SERVERS")


def _forget_profile(resources: list[Resource]) -> None:
    del named(resources, "ConfigMap", "throughline")["data"]["KAFKA_PROFILE"]


def _forget_folder(resources: list[Resource]) -> None:
    env = drift.container(resources, "migration")["env"]
    env[:] = [entry for entry in env if entry["name"] != "MIGRATION_DATA_DIR"]


def _half_of_a_pair(resources: list[Resource]) -> None:
    del named(resources, "ConfigMap", "throughline")["data"]["KAFKA_SSL_KEY_FILE"]


def _no_key(resources: list[Resource]) -> None:
    env = drift.container(resources, "gateway")["env"]
    env[:] = [entry for entry in env if entry["name"] != "GATEWAY_JWT_KEY_FILE"]


@pytest.mark.parametrize(
    ("service", "plant", "found"),
    [
        ("intake", _rename_variable, "KAFKA_BOOTSTRAP is read by nobody"),
        ("intake", _rename_variable, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        ("design", _forget_profile, "KAFKA_PROFILE is not set"),
        ("migration", _forget_folder, "MIGRATION_DATA_DIR is not set"),
        ("feedback", _half_of_a_pair, "KAFKA_SSL_CERTIFICATE_FILE alone"),
        ("gateway", _no_key, "set one of GATEWAY_JWT_KEY_FILE"),
    ],
)
def test_a_drift_of_variables_is_found(
    production: list[Resource], monkeypatch: pytest.MonkeyPatch, service: str, plant: Plant, found: str
) -> None:
    plant(production)

    given = drift.pod_environment(production, service)
    faults = drift.environment_faults(drift.settings_of(service), given, monkeypatch)

    assert any(found in fault for fault in faults), faults


def test_a_file_that_no_volume_brings_is_found(production: list[Resource]) -> None:
    pod = drift.deployment(production, "design")["spec"]["template"]["spec"]
    kafka = next(volume for volume in pod["volumes"] if volume["name"] == "kafka")
    del kafka["projected"]["sources"][0]

    assert drift.file_faults(production, "design") == [
        "KAFKA_SSL_CA_FILE: nothing is mounted at /var/run/throughline/kafka/ca.crt"
    ]


def _move_port(resources: list[Resource]) -> None:
    named(resources, "ConfigMap", "throughline")["data"]["HTTP_PORT"] = "9090"


def _move_probe(resources: list[Resource]) -> None:
    drift.container(resources, "intake")["readinessProbe"]["httpGet"]["port"] = 8081


def _move_service(resources: list[Resource]) -> None:
    named(resources, "Service", "intake")["spec"]["ports"][0]["targetPort"] = 8081


def _move_policy(resources: list[Resource]) -> None:
    named(resources, "NetworkPolicy", "intake")["spec"]["ingress"][0]["ports"][0]["port"] = 8081


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (_move_port, "intake: livenessProbe asks at http, the service listens on 9090"),
        (_move_probe, "intake: readinessProbe asks at 8081, the service listens on 8080"),
        (_move_service, "intake: Service asks at 8081, the service listens on 8080"),
        (_move_policy, "intake: NetworkPolicy asks at 8081, the service listens on 8080"),
    ],
)
def test_a_drift_of_ports_is_found(production: list[Resource], plant: Plant, found: str) -> None:
    plant(production)

    assert found in drift.port_faults(production, "intake")


def _drop_topic(resources: list[Resource]) -> None:
    resources.remove(named(resources, "KafkaTopic", "design.dead"))


def _add_topic(resources: list[Resource]) -> None:
    extra = deepcopy(named(resources, "KafkaTopic", "design.dead"))
    extra["metadata"]["name"] = "sales.events"
    resources.append(extra)


def _shorten_retention(resources: list[Resource]) -> None:
    named(resources, "KafkaTopic", "intake.events")["spec"]["config"]["retention.ms"] = "1000"


def _fewer_partitions(resources: list[Resource]) -> None:
    named(resources, "KafkaTopic", "intake.events")["spec"]["partitions"] = 6


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (_drop_topic, "design.dead is declared and not deployed"),
        (_add_topic, "sales.events is deployed and not declared"),
        (_shorten_retention, "intake.events is deployed as (12, 3, {'cleanup.policy': 'delete'"),
        (_fewer_partitions, "intake.events is deployed as (6, "),
    ],
)
def test_a_drift_of_topics_is_found(components: list[Resource], plant: Plant, found: str) -> None:
    plant(components)

    (fault,) = drift.topic_faults(components)

    assert fault.startswith(found)


def _acls(resources: list[Resource], user: str) -> list[Resource]:
    found: list[Resource] = named(resources, "KafkaUser", user)["spec"]["authorization"]["acls"]
    return found


def _acl_of(resources: list[Resource], user: str, name: str, operation: str) -> Resource:
    return next(
        a for a in _acls(resources, user) if a["resource"]["name"] == name and operation in a["operations"]
    )


def _read_more(resources: list[Resource]) -> None:
    _acl_of(resources, "intake", "feedback.events", "Read")["resource"]["name"] = "migration.events"


def _write_elsewhere(resources: list[Resource]) -> None:
    _acl_of(resources, "intake", "inbound.events", "Read")["operations"].append("Write")


def _forget_group(resources: list[Resource]) -> None:
    _acls(resources, "gateway").remove(_acl_of(resources, "gateway", "gateway-dead-letters", "Read"))


def _by_prefix(resources: list[Resource]) -> None:
    _acl_of(resources, "design", "design.dead", "Write")["resource"]["patternType"] = "prefix"


def _stranger(resources: list[Resource]) -> None:
    extra = deepcopy(named(resources, "KafkaUser", "intake"))
    extra["metadata"]["name"] = "sales"
    resources.append(extra)


def _nobody(resources: list[Resource]) -> None:
    resources.remove(named(resources, "KafkaUser", "feedback"))


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (_read_more, "intake may Read topic migration.events and does not"),
        (_read_more, "intake has to Read topic feedback.events and may not"),
        (_write_elsewhere, "intake may Write topic inbound.events and does not"),
        (_forget_group, "gateway has to Read group gateway-dead-letters and may not"),
        (_by_prefix, "design may Write topic design.dead* and does not"),
        (_stranger, "sales is nobody's user"),
        (_nobody, "feedback has no user"),
    ],
)
def test_a_drift_of_rights_is_found(components: list[Resource], plant: Plant, found: str) -> None:
    plant(components)

    assert found in drift.acl_faults(components)


def test_a_reaction_that_is_new_needs_a_right_that_is_not_there(
    components: list[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other direction: the code changes and nobody writes the users anew."""
    from design.main import REACTIONS
    from schemas.migration import MigrationCompleted

    monkeypatch.setitem(REACTIONS, MigrationCompleted, lambda _: None)

    assert "design has to Read topic migration.events and may not" in drift.acl_faults(components)


def test_a_topic_that_is_newly_declared_is_missed(
    components: list[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        drift.topics, "TOPICS", (*drift.topics.TOPICS, drift.topics.Topic("sales.events", None))
    )

    assert drift.topic_faults(components) == ["sales.events is declared and not deployed"]
