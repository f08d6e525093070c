"""The run file: what is running, since when and where. It is a note, never proof; health checks are."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path


class Phase(StrEnum):
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


@dataclass(frozen=True)
class RunState:
    run_id: str
    supervisor: int
    started_at: str
    base_port: int
    phase: Phase = Phase.STARTING
    ports: dict[str, int] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    kafka: str = ""
    cluster: str = ""
    mongo: str = ""
    kept: bool = False
    otlp: str = ""

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def traces_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['traces']}" if "traces" in self.ports else ""

    @property
    def query_url(self) -> str:
        """Of the API that traces are read from: Jaeger's where there is one."""
        return f"http://127.0.0.1:{self.ports['jaeger']}" if "jaeger" in self.ports else self.traces_url

    def at(self, phase: Phase) -> "RunState":
        return replace(self, phase=phase)


def load(file: Path) -> RunState | None:
    """None where there is no such file or it is not one of ours."""
    try:
        content = json.loads(file.read_text())
        return RunState(**{**content, "phase": Phase(content["phase"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save(file: Path, state: RunState) -> None:
    """Replaces the file in one step: a reader sees the old state or the new one."""
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(asdict(state), indent=1))
    draft.replace(file)
