"""Apache Kafka as this machine runs it: where its files are, its settings, its command lines."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.layout import project_root
from runtime.ports import HOST

VERSION = "4.3.1"
FIX = "scripts/kafka.sh"
_STORAGE = "log"
_HEAP = ("-Xms128m", "-Xmx400m")
# Meant for a quick start on a small machine; what each of them saves has not been measured.
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, kw_only=True)
class Broker:
    """One node, broker and controller at once. `controllers`: number to controller port, of all nodes."""

    folder: Path
    cluster: str
    port: int
    controllers: Mapping[int, int]
    number: int = 1

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def settings_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def data(self) -> Path:
        return self.folder / _STORAGE

    def command(self) -> tuple[str, ...]:
        """The process formats its storage when that is new, then becomes the server."""
        return (sys.executable, "-m", "runtime.apache_launch", str(self.folder), self.cluster, str(home()))

    def write_settings(self) -> None:
        """Before each start: the ports may be others than last time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(
            "".join(f"{name}={value}\n" for name, value in self._settings().items())
        )

    def _settings(self) -> dict[str, str]:
        replicas = min(3, len(self.controllers))
        acknowledging = max(1, replicas - 1)
        voters = ",".join(f"{number}@{HOST}:{port}" for number, port in sorted(self.controllers.items()))
        controller = self.controllers[self.number]
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "controller.quorum.voters": voters,
            "listeners": f"BROKER://{self.address},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"BROKER://{self.address}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKER",
            "log.dirs": str(self.data),
            "default.replication.factor": str(replicas),
            "min.insync.replicas": str(acknowledging),
            "offsets.topic.replication.factor": str(replicas),
            # Fifty of them, the default, take seconds to open and to hand over.
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(acknowledging),
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": str(acknowledging),
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            # A broker that is gone is noticed in three seconds instead of nine.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }


def stored_cluster(folder: Path) -> str:
    """The id that the storage below a broker's folder was formatted with; nothing where there is none."""
    try:
        lines = (folder / _STORAGE / "meta.properties").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), "")


def home() -> Path:
    """Where scripts/kafka.sh puts the server."""
    return project_root() / ".tools" / f"kafka-{VERSION}"


def java_command(server: Path, main: str, *arguments: str, shared: bool = True) -> tuple[str, ...]:
    """A Java program of the server's. Raises FileNotFoundError without Java."""
    java = shutil.which("java")
    if java is None:
        raise FileNotFoundError("java is not on PATH")
    log = f"-Dlog4j2.configurationFile={server / 'log4j2.properties'}"
    # Written once by scripts/kafka.sh; a Java that it does not suit goes on without it.
    archive = server / "classes.jsa"
    sharing = (f"-XX:SharedArchiveFile={archive}", "-Xlog:disable") if shared and archive.exists() else ()
    return (java, *_HEAP, *_QUICK, *sharing, log, "-cp", f"{server / 'lib'}/*", main, *arguments)


def missing() -> str:
    """What keeps Apache Kafka from starting here, or nothing."""
    if shutil.which("java") is None:
        return "Java 17 or newer is not on PATH"
    if not (home() / "complete").exists():
        return f"Apache Kafka {VERSION} is not in .tools"
    return ""
