"""What a local stack consists of: the processes, their order, their flags and their environment."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from runtime.apache_kafka import VERSION, Broker
from runtime.brokers import BrokerKind
from runtime.embedded import broker_command, database_command
from runtime.jaeger import VERSION as JAEGER_VERSION
from runtime.jaeger import Jaeger
from runtime.layout import Layout
from runtime.ports import HOST
from runtime.processes import ProcessSpec
from runtime.readiness import broker_ready, http_ready, mongo_ready
from runtime.sweep import MARK
from runtime.tokens import ISSUER, LOCAL_TENANT

SERVICES = ("intake", "design", "provisioning", "migration", "monitoring", "feedback", "gateway")
SERVERS = ("kafka", "mongo", "jaeger", "traces")
CONTROLLER = "controller"
_OF_JAEGER = ("jaeger-otlp", "jaeger-grpc")
SECOND_PORTS = (CONTROLLER, *_OF_JAEGER)
"""Of a process that has one already."""
_OURS = ("HTTP_HOST", "HTTP_PORT", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "GATEWAY_JWT_KEY_FILE")
# Also the bare names: `make up KAFKA=apache` hands KAFKA down, and a service would read its settings from it.
_SERVERS_OF_OTHERS = ("KAFKA", "MONGO", "OTEL_EXPORTER_")


@dataclass(frozen=True, kw_only=True)
class StackPlan:
    """One run, decided before anything starts. `external`: Kafka and MongoDB are not ours.

    `stored_cluster` is what the broker's kept log belongs to, where there is one.
    """

    layout: Layout
    run_id: str
    ports: Mapping[str, int]
    services: tuple[str, ...] = SERVICES
    external: bool = False
    keep: bool = False
    broker: BrokerKind = BrokerKind.EMBEDDED
    stored_cluster: str = ""
    with_jaeger: bool = False

    @property
    def kafka(self) -> str:
        return os.environ["KAFKA_BOOTSTRAP_SERVERS"] if self.external else f"{HOST}:{self.ports['kafka']}"

    @property
    def mongo(self) -> str:
        return os.environ["MONGO_URL"] if self.external else f"mongodb://{HOST}:{self.ports['mongo']}/"

    @property
    def cluster(self) -> str:
        """What the broker has to answer as, else it is somebody else's."""
        return self.stored_cluster or f"throughline-{self.run_id}"

    @property
    def otlp(self) -> str:
        """Where spans go; nowhere that is ours where the servers are not."""
        name = "jaeger-otlp" if self.with_jaeger else "traces"
        return f"http://{HOST}:{self.ports[name]}" if name in self.ports else ""

    @property
    def jaeger(self) -> Jaeger | None:
        if not self.with_jaeger:
            return None
        query, otlp, grpc = (self.ports[name] for name in ("jaeger", *_OF_JAEGER))
        folder = self.layout.jaeger
        return Jaeger(folder=folder, query_port=query, grpc_port=grpc, otlp_port=otlp, keep=self.keep)

    @property
    def kept(self) -> str:
        """What becomes of a server's files, for a person."""
        return "kept across runs" if self.keep else "discarded at the end"


def new_run_id() -> str:
    return secrets.token_hex(4)


def names_of(
    services: tuple[str, ...],
    *,
    external: bool = False,
    broker: BrokerKind = BrokerKind.EMBEDDED,
    jaeger: bool = False,
) -> tuple[str, ...]:
    """Everything that needs a port."""
    if external:
        return services
    controller = (CONTROLLER,) if broker is BrokerKind.APACHE else ()
    servers = [name for name in SERVERS if jaeger or name != "jaeger"]
    return (*servers, *controller, *(_OF_JAEGER if jaeger else ()), *services)


def server_specs(plan: StackPlan) -> list[ProcessSpec]:
    if plan.external:
        return []
    kafka = _apache(plan) if plan.broker is BrokerKind.APACHE else _embedded(plan)
    jaeger = plan.jaeger
    return [kafka, _mongo(plan), *([_jaeger(plan, jaeger)] if jaeger else []), _traces(plan)]


def _apache(plan: StackPlan) -> ProcessSpec:
    """Writes the broker's settings: its ports may be others than last time."""
    port = plan.ports["kafka"]
    controllers = {1: plan.ports[CONTROLLER]}
    broker = Broker(folder=plan.layout.kafka, cluster=plan.cluster, port=port, controllers=controllers)
    broker.write_settings()
    return ProcessSpec(
        name="kafka",
        what=f"Apache Kafka {VERSION}, {plan.kept}",
        argv=broker.command(),
        env=_environment(plan),
        log=plan.layout.log("kafka"),
        port=port,
        tier=0,
        ready=broker_ready(broker.address, plan.cluster),
        ready_seconds=90,
        # It hands over, then closes its segments; killed, it would have to check them at its next start.
        stop_seconds=20,
    )


def _embedded(plan: StackPlan) -> ProcessSpec:
    port = plan.ports["kafka"]
    return ProcessSpec(
        name="kafka",
        what="tansu (Kafka protocol), in memory",
        argv=broker_command(port, plan.cluster),
        env={"PATH": os.defpath, "HOME": str(plan.layout.run_dir), MARK: plan.run_id},
        log=plan.layout.log("kafka"),
        port=port,
        tier=0,
        ready=broker_ready(f"{HOST}:{port}", plan.cluster),
        ready_seconds=15,
        stop_seconds=2,
    )


def _mongo(plan: StackPlan) -> ProcessSpec:
    port = plan.ports["mongo"]
    return ProcessSpec(
        name="mongo",
        what=f"secantusdb (MongoDB protocol), {plan.kept}",
        argv=database_command(port, plan.layout.mongo),
        env=_environment(plan),
        log=plan.layout.log("mongo"),
        port=port,
        tier=1,
        ready=mongo_ready(HOST, port),
        ready_seconds=30,
        # It takes seconds to close its files; those that are thrown away anyway need no closing.
        stop_seconds=5 if plan.keep else 0.1,
    )


def _jaeger(plan: StackPlan, jaeger: Jaeger) -> ProcessSpec:
    """Writes its settings: its ports may be others than last time."""
    jaeger.write_settings()
    return ProcessSpec(
        name="jaeger",
        what=f"Jaeger {JAEGER_VERSION}, {plan.kept if plan.keep else 'in memory'}",
        argv=jaeger.command(),
        env={**_environment(plan), **jaeger.environment()},
        log=plan.layout.log("jaeger"),
        port=jaeger.query_port,
        tier=2,
        ready=http_ready(f"{jaeger.url}/api/v3/services"),
        ready_seconds=30,
    )


def _traces(plan: StackPlan) -> ProcessSpec:
    port, jaeger = plan.ports["traces"], plan.jaeger
    flags = ["--host", HOST, "--port", str(port)]
    if "gateway" in plan.ports:
        flags += ["--gateway-url", f"http://{HOST}:{plan.ports['gateway']}"]
    if jaeger:
        flags += ["--jaeger", jaeger.url]
    return ProcessSpec(
        name="traces",
        what="trace pages over Jaeger" if jaeger else "OTLP sink and trace pages, in memory",
        argv=(sys.executable, "-m", "runtime.traces", *flags),
        env=_environment(plan),
        log=plan.layout.log("traces"),
        port=port,
        tier=2,
        ready=http_ready(f"http://{HOST}:{port}/health/ready"),
        ready_seconds=30,
        stop_seconds=3,
    )


def service_specs(plan: StackPlan) -> list[ProcessSpec]:
    return [
        ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", name),
            env=_service_environment(plan, name),
            log=plan.layout.log(name),
            port=plan.ports[name],
            tier=4 if name == "gateway" else 3,
            ready=http_ready(f"http://{HOST}:{plan.ports[name]}/health/ready"),
        )
        for name in plan.services
    ]


def _environment(plan: StackPlan) -> dict[str, str]:
    """Ours, without what would redirect a child to somebody else's servers."""
    dropped = _OURS if plan.external else (*_OURS, *_SERVERS_OF_OTHERS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # Compiled once and kept, the services' modules load in a third of the time.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONUNBUFFERED": "1", MARK: plan.run_id}


def _service_environment(plan: StackPlan, name: str) -> dict[str, str]:
    layout = plan.layout
    environment = {
        **_environment(plan),
        "KAFKA_BOOTSTRAP_SERVERS": plan.kafka,
        "MONGO_URL": plan.mongo,
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(plan.ports[name]),
        "GATEWAY_JWT_KEY_FILE": str(layout.jwt_key),
        # Dead letters that do not even say whose they are belong to the one tenant there is here.
        "GATEWAY_OPERATOR_TENANT": LOCAL_TENANT,
        "GATEWAY_ISSUER": ISSUER,
        "PROVISIONING_OWNER_PID": str(os.getpid()),
        "PROVISIONING_DATA_DIR": str(layout.environments),
        "PROVISIONING_SECRETS_DIR": str(layout.secrets),
        "MIGRATION_DATA_DIR": str(layout.legacy),
        "MIGRATION_SECRETS_DIR": str(layout.secrets),
        "MONITORING_SECRETS_DIR": str(layout.secrets),
    }
    if not plan.external:
        environment["KAFKA_PROFILE"] = plan.broker.value
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = plan.otlp
    return environment
