"""What deployment files say against what the code does; each function lists the differences in words."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from gateway import main as gateway
from gateway.adapters import kafka_dead_letters
from gateway.authorization import COMMANDS
from messaging import topics
from messaging.settings import KafkaProfile, KafkaSettings
from schemas import registry

Resource = dict[str, Any]
Grants = set[tuple[str, str, str]]
"""(kind of resource, its name, operation)"""
GATEWAY = "gateway"
SCALER = "keda"
ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def render(overlay: str) -> list[Resource]:
    """What `kubectl apply -k` would send, by kustomize itself; skips aloud where it is not installed."""
    if not (ROOT / ".tools/bin/kustomize").exists():
        pytest.skip("kustomize is not here: scripts/deploy_tools.sh")
    command = [sys.executable, "deploy/check.py", "render"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    text = (ROOT / f".tools/rendered/{overlay}.yaml").read_text()
    return [resource for resource in yaml.safe_load_all(text) if resource]


def settings_of(service: str) -> type[BaseSettings]:
    found: type[BaseSettings] = import_module(f"{service}.settings").Settings
    return found


def _fields(settings: type[BaseSettings]) -> Iterator[tuple[str, Any]]:
    """(environment variable, its default) of a Settings class and of those nested in it."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        nested = [t for t in (field.annotation, *get_args(field.annotation)) if _is_settings(t)]
        if nested:
            yield from _fields(nested[0])
        else:
            yield f"{prefix}{name}".upper(), field.default


def _is_settings(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseSettings)


def variables(settings: type[BaseSettings]) -> set[str]:
    """The environment variables a Settings class reads, those of nested settings included."""
    return {name for name, _ in _fields(settings)}


def _holds_on_one_machine_only(default: Any) -> bool:
    if isinstance(default, Path):
        return not default.is_absolute()
    return default is KafkaProfile.EMBEDDED or (isinstance(default, str) and "127.0.0.1" in default)


def environment_faults(
    settings: type[BaseSettings], given: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Variables nobody reads, defaults of a local stack that were left, values that are refused."""
    faults = [f"{name} is read by nobody" for name in sorted(set(given) - variables(settings))]
    for name, default in _fields(settings):
        if _holds_on_one_machine_only(default) and not {name, f"{name}_FILE"} & set(given):
            faults.append(f"{name} is not set: {default} holds on one machine only")
    for name in variables(settings):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    try:
        built: Any = settings()
        with suppress(OSError):  # its file is in the pod, not here
            if hasattr(built, GATEWAY):
                gateway.keys_of(built.gateway)
    except ValidationError as fault:
        faults += [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in fault.errors()]
    except ValueError as fault:
        faults.append(str(fault))
    return faults


def deployment(resources: Iterable[Resource], name: str) -> Resource:
    return next(r for r in resources if r["kind"] == "Deployment" and r["metadata"]["name"] == name)


def container(resources: Iterable[Resource], name: str) -> Resource:
    found: Resource = deployment(resources, name)["spec"]["template"]["spec"]["containers"][0]
    return found


def pod_environment(resources: list[Resource], name: str) -> dict[str, str]:
    """What the pod gets: its config maps, then its own `env`; values from elsewhere stand as text."""
    maps = {r["metadata"]["name"]: r["data"] for r in resources if r["kind"] == "ConfigMap"}
    own = container(resources, name)
    given: dict[str, str] = {}
    for source in own.get("envFrom", []):
        given |= maps[source["configMapRef"]["name"]]
    return given | {entry["name"]: entry.get("value", "given") for entry in own["env"]}


def file_faults(resources: list[Resource], name: str) -> list[str]:
    """Files and folders that variables name and no volume brings into the pod."""
    pod = deployment(resources, name)["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted: set[str] = set()
    for mount in container(resources, name)["volumeMounts"]:
        files = _files(volumes[mount["name"]])
        mounted |= {f"{mount['mountPath']}/{file}" for file in files} if files else {mount["mountPath"]}
    return [
        f"{variable}: nothing is mounted at {path}"
        for variable, path in sorted(pod_environment(resources, name).items())
        if path.startswith("/") and not _within(path, mounted)
    ]


def _files(volume: Resource) -> list[str]:
    """What a volume of secrets holds; nothing for a folder to write in."""
    sources = volume.get("projected", {}).get("sources", [{"secret": volume.get("secret", {})}])
    return [item["path"] for source in sources for item in source["secret"].get("items", [])]


def _within(path: str, mounted: set[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in mounted)


def port_faults(resources: list[Resource], name: str) -> list[str]:
    """Probes, Services and policies that ask at another port than the service listens on."""
    own = container(resources, name)
    ports = {port["name"]: port["containerPort"] for port in own["ports"]}
    listening = int(pod_environment(resources, name)["HTTP_PORT"])
    asked = [(probe, own[probe]["httpGet"]["port"]) for probe in own if probe.endswith("Probe")]
    for resource in resources:
        if resource["metadata"]["name"] == name:
            asked += [(resource["kind"], port) for port in _asked(resource)]
    return [
        f"{name}: {who} asks at {port}, the service listens on {listening}"
        for who, port in asked
        if ports.get(port, port) != listening
    ]


def _asked(resource: Resource) -> list[str | int]:
    if resource["kind"] == "Service":
        return [port["targetPort"] for port in resource["spec"]["ports"]]
    if resource["kind"] == "NetworkPolicy":
        return [port["port"] for rule in resource["spec"]["ingress"] for port in rule["ports"]]
    return []


def scrape_faults(compose: Resource, scrapes: Resource) -> list[str]:
    """Where Prometheus asks beside Compose's network: services nobody asks, and targets nobody is at."""
    asked = {t for job in scrapes["scrape_configs"] for c in job["static_configs"] for t in c["targets"]}
    found = {}
    for name in SERVICES:
        block = compose["services"][name]
        host = block.get("network_mode", f"service:{name}").removeprefix("service:")
        found[f"{host}:{block['environment']['HTTP_PORT']}"] = name
    return [
        *(f"nobody asks {found[target]} at {target}" for target in sorted(found.keys() - asked)),
        *(f"no service is at {target}" for target in sorted(asked - found.keys())),
    ]


def topic_faults(resources: Iterable[Resource]) -> list[str]:
    """KafkaTopics beside the declared ones: missing, undeclared, or with another shape."""
    settings = KafkaSettings(profile=KafkaProfile.APACHE, replication_factor=3)
    declared = {}
    for topic in topics.TOPICS:
        new = topics._new_topic(topic, settings)
        declared[topic.name] = (new.num_partitions, new.replication_factor, dict(new.topic_configs))
    found = {
        r["metadata"]["name"]: (r["spec"]["partitions"], r["spec"]["replicas"], r["spec"]["config"])
        for r in resources
        if r["kind"] == "KafkaTopic"
    }
    return [
        *(f"{name} is declared and not deployed" for name in sorted(declared.keys() - found.keys())),
        *(f"{name} is deployed and not declared" for name in sorted(found.keys() - declared.keys())),
        *(
            f"{name} is deployed as {found[name]}, declared as {declared[name]}"
            for name in sorted(declared.keys() & found.keys())
            if declared[name] != found[name]
        ),
    ]


def reads(service: str) -> set[str]:
    """Topics that the service's process subscribes to."""
    if service == GATEWAY:
        return {*gateway.EVENT_TOPICS, *gateway.DEAD_TOPICS}
    app = import_module(f"{service}.main").build_app(settings_of(service)())
    return set(app.service.topics())


def writes(service: str) -> set[str]:
    """Topics of what it says, of what it asks itself, and of what it gives up."""
    if service == GATEWAY:
        offered = {p.topic() for p in registry.payloads().values() if p.type in COMMANDS}
        inbound = {e.topic() for e in registry.events() if e.service() not in registry.SERVICES}
        # A dead letter is sent again to where it came from, and that is any topic somebody reads.
        redriven = {topic for one in registry.SERVICES for topic in reads(one)} | set(gateway.EVENT_TOPICS)
        return offered | inbound | redriven | {f"{GATEWAY}.dead"}
    said = {p.topic() for p in registry.events() if p.service() == service}
    asked = {p.topic() for p in registry.commands() if p.service() == service}
    return said | asked | {f"{service}.dead"}


def needed(user: str) -> Grants:
    """What a user's process cannot do its work without."""
    if user == SCALER:
        watched = {topic for service in registry.SERVICES for topic in reads(service)}
        seen = {("topic", name, "Describe") for name in watched}
        return seen | {("group", name, "Describe") for name in registry.SERVICES}
    groups = [user, kafka_dead_letters.GROUP] if user == GATEWAY else [user]
    grants = {("topic", name, op) for name in reads(user) for op in ("Read", "Describe")}
    grants |= {("topic", name, op) for name in writes(user) for op in ("Write", "Describe")}
    return grants | {("group", name, "Read") for name in groups}


def granted(user: Resource) -> Grants:
    """What a KafkaUser may do. A pattern stands with its star, so that it equals nothing needed."""
    return {
        (acl["resource"]["type"], _pattern(acl["resource"]), operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


def _pattern(resource: Resource) -> str:
    name: str = resource["name"]
    return name if resource["patternType"] == "literal" else f"{name}*"


def acl_faults(resources: Iterable[Resource]) -> list[str]:
    """Users that may do more, or less, than their process does."""
    users = {r["metadata"]["name"]: r for r in resources if r["kind"] == "KafkaUser"}
    faults = [f"{name} is nobody's user" for name in sorted(users.keys() - {*SERVICES, SCALER})]
    for name in (*SERVICES, SCALER):
        if name not in users:
            faults.append(f"{name} has no user")
            continue
        may, must = granted(users[name]), needed(name)
        faults += [f"{name} may {op} {kind} {what} and does not" for kind, what, op in sorted(may - must)]
        faults += [f"{name} has to {op} {kind} {what} and may not" for kind, what, op in sorted(must - may)]
    return faults
