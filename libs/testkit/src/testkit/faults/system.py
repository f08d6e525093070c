"""The system under test: broker, database behind a slow proxy, and all seven services as processes."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from messaging import KafkaSettings
from messaging.settings import KafkaProfile
from messaging.topics import apply
from persistence import Handle, MongoSettings, connect
from runtime.apache_kafka import Broker
from runtime.client import GatewayClient
from runtime.layout import Layout
from runtime.ports import HOST, plan
from runtime.processes import ProcessSpec
from runtime.readiness import broker_ready, http_ready, mongo_ready
from runtime.servers import SERVICES, StackPlan, new_run_id, server_specs, service_specs
from runtime.tokens import ROLES, ensure_key, mint
from testkit.faults.keeper import Keeper
from testkit.faults.workload import TENANT
from testkit.servers import free_port

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DISK_KILOBYTES = 4_000_000
COMMITS = "throughline_commits_total{"


@dataclass
class System:
    """`leaping` is the service whose clock can be set, None where libfaketime is not installed."""

    keeper: Keeper
    layout: Layout
    kafka: KafkaSettings
    mongo: MongoSettings
    ports: Mapping[str, int]
    specs: Mapping[str, ProcessSpec]
    leaping: str | None
    disk: Path | None
    extra: int = 0
    skipped: list[str] = field(default_factory=list)

    @property
    def gateway_url(self) -> str:
        return f"http://{HOST}:{self.ports['gateway']}"

    @property
    def slowed(self) -> MongoSettings:
        """The database as the services reach it, through the proxy."""
        return MongoSettings(url=f"mongodb://{HOST}:{self.ports['proxy']}/")

    @property
    def delays(self) -> Path:
        return self.layout.run_dir / "delays"

    @property
    def clock(self) -> Path:
        return self.layout.run_dir / "clock"

    def client(self) -> GatewayClient:
        token = mint(self.layout.jwt_key, tenant=TENANT, actor="load", roles=ROLES)
        return GatewayClient(self.gateway_url, token, retry_seconds=30)

    def database(self, service: str) -> Handle:
        """Straight to the server, not through the proxy."""
        return connect(self.mongo, service)

    async def commits(self, name: str) -> int:
        """How many commit documents a process has written since it began."""
        url = f"http://{HOST}:{self.keeper.kept[name].spec.port}/metrics"
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            lines = (await http.get(url)).text.splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith(COMMITS))

    async def dated_off(self, service: str | None) -> int:
        """How many commits of a service are dated by another day than today's, give or take half a day."""
        half, now = timedelta(hours=12), datetime.now(UTC)
        handle = self.database(service or "")
        try:
            off = {"$or": [{"at": {"$gt": now + half}}, {"at": {"$lt": now - half}}]}
            return len(await handle.db["commits"].find(off, {"_id": 1}).to_list(None))
        finally:
            handle.close()

    async def add_replica(self, service: str, argv: tuple[str, ...] | None = None) -> str:
        """One more process of a service, in the same group; returns its name."""
        self.extra += 1
        name, port = f"{service}+{self.extra}", free_port()
        spec = self.specs[service]
        replica = replace(
            spec,
            name=name,
            argv=argv or spec.argv,
            env={**spec.env, "HTTP_PORT": str(port)},
            log=self.layout.log(name),
            port=port,
            ready=http_ready(f"http://{HOST}:{port}/health/ready"),
        )
        await self.keeper.launch(replica)
        return name

    def set_clock(self, offset: str) -> None:
        self.clock.write_text(f"{offset}\n")


def can_fake_time() -> bool:
    return FAKETIME.exists()


def altered(change: str, service: str, detail: str = "") -> tuple[str, ...]:
    """The command line of a service with one thing changed in it."""
    return (sys.executable, "-m", "testkit.faults.altered", change, service, *([detail] if detail else []))


@asynccontextmanager
async def running_system(
    run_dir: Path,
    *,
    leaping: str,
    brokers: int = 0,
    changed: Mapping[str, tuple[str, ...]] | None = None,
) -> AsyncIterator[System]:
    """Everything up and ready; all gone afterwards. `brokers` of Apache Kafka, 0: the embedded one."""
    layout = Layout(run_dir)
    layout.prepare(keep=False)
    ensure_key(layout.jwt_key)
    disk = _mounted(layout.mongo)
    try:
        system = await _started(layout, leaping, brokers, changed or {}, disk)
        try:
            await asyncio.gather(*(system.keeper.until_ready(name) for name in SERVICES))
            yield system
        finally:
            await system.keeper.stop()
    finally:
        if disk is not None:
            _command("umount", "--lazy", str(disk))


async def _started(
    layout: Layout,
    leaping: str,
    brokers: int,
    changed: Mapping[str, tuple[str, ...]],
    disk: Path | None,
) -> System:
    names = ("kafka", "mongo", "traces", "proxy", *SERVICES)
    ports = plan(0, names)
    stack = StackPlan(layout=layout, run_id=new_run_id(), ports=ports)
    embedded, mongo, _ = server_specs(stack)
    kafka = apache_specs(layout.run_dir, brokers, embedded) if brokers else [embedded]
    settings = KafkaSettings(
        bootstrap_servers=",".join(f"{HOST}:{spec.port}" for spec in kafka),
        profile=KafkaProfile.APACHE if brokers else KafkaProfile.EMBEDDED,
        replication_factor=min(3, brokers) or 1,
        partitions=6,
        # Production's 15 s would be half of what the promise about the lag allows.
        session_timeout_ms=6_000 if brokers else 0,
        fetch_wait_ms=50,
    )
    specs = _services(stack, settings, changed)
    has_faketime = can_fake_time()
    if has_faketime:
        specs[leaping] = _on_a_clock_of_its_own(specs[leaping], layout.run_dir / "clock")
    system = System(
        Keeper(), layout, settings, MongoSettings(url=stack.mongo), ports, specs,
        leaping if has_faketime else None, disk,
    )  # fmt: skip
    system.set_clock("+0d")
    await _launch(system, kafka, mongo, stack)
    return system


async def _launch(system: System, brokers: list[ProcessSpec], mongo: ProcessSpec, stack: StackPlan) -> None:
    keeper = system.keeper
    try:
        first = (*brokers, mongo, _proxy(stack))
        for spec in first:
            await keeper.launch(spec)
        for spec in first:
            await keeper.until_ready(spec.name)
        await apply(system.kafka)
        for spec in system.specs.values():
            await keeper.launch(spec)
    except BaseException:
        await keeper.stop()
        raise


def apache_specs(folder: Path, count: int, like: ProcessSpec) -> list[ProcessSpec]:
    """Brokers of one cluster, each with storage and ports that outlive its process."""
    cluster, controllers = "faults", {number: free_port() for number in range(1, count + 1)}
    specs = []
    for number in controllers:
        name, port = f"broker {number - 1}", free_port()
        broker = Broker(
            folder=folder / f"broker-{number}", cluster=cluster, port=port, controllers=controllers,
            number=number,
        )  # fmt: skip
        broker.write_settings()
        ready = broker_ready(broker.address, cluster)
        log = like.log.with_name(f"broker-{number}.log")
        specs.append(replace(like, name=name, argv=broker.command(), log=log, port=port, ready=ready))
    return specs


def _services(
    stack: StackPlan, kafka: KafkaSettings, changed: Mapping[str, tuple[str, ...]]
) -> dict[str, ProcessSpec]:
    env = {
        "MONGO_URL": f"mongodb://{HOST}:{stack.ports['proxy']}/",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_PROFILE": kafka.profile.value,
        "KAFKA_PARTITIONS": str(kafka.partitions),
        "KAFKA_REPLICATION_FACTOR": str(kafka.replication_factor),
        "KAFKA_SESSION_TIMEOUT_MS": str(kafka.session_timeout_ms),
        "KAFKA_FETCH_WAIT_MS": str(kafka.fetch_wait_ms),
    }
    found = {}
    for spec in service_specs(stack):
        own = {name: value for name, value in spec.env.items() if name != "OTEL_EXPORTER_OTLP_ENDPOINT"}
        found[spec.name] = replace(spec, env={**own, **env}, argv=changed.get(spec.name, spec.argv))
    return found


def _on_a_clock_of_its_own(spec: ProcessSpec, clock: Path) -> ProcessSpec:
    """Wall time follows a file; monotonic time stays true, as it does when an operator sets a clock."""
    env = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_CACHE_DURATION": "1",
    }
    return replace(spec, env={**spec.env, **env})


def _proxy(stack: StackPlan) -> ProcessSpec:
    port, upstream = stack.ports["proxy"], stack.ports["mongo"]
    delays = stack.layout.run_dir / "delays"
    delays.write_text("")
    argv = (sys.executable, "-m", "testkit.faults.slow_proxy", str(port), str(upstream), str(delays))
    _, mongo, _ = server_specs(stack)
    return replace(
        mongo, name="proxy", argv=argv, log=stack.layout.log("proxy"), port=port, tier=2,
        ready=mongo_ready(HOST, port),
    )  # fmt: skip


def _mounted(directory: Path) -> Path | None:
    """A small disk of its own for the database; None where this user may not mount one."""
    # A run that was killed has left its own behind.
    _command("umount", "--lazy", str(directory))
    options = f"size={DISK_KILOBYTES}k"
    mounted = _command("mount", "-t", "tmpfs", "-o", options, "throughline-faults", str(directory))
    return directory if mounted else None


def resize_disk(disk: Path, kilobytes: int) -> bool:
    return _command("mount", "-o", f"remount,size={kilobytes}k", str(disk))


def used_kilobytes(disk: Path) -> int:
    return shutil.disk_usage(disk).used // 1024


def _command(*argv: str) -> bool:
    if shutil.which(argv[0]) is None:
        return False
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
