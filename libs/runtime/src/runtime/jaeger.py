"""Jaeger as this machine runs it: where it is, its settings, its command line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.layout import project_root
from runtime.ports import HOST

VERSION = "2.13.0"
FIX = "scripts/jaeger.sh"
_PIPELINE: Mapping[str, Any] = {
    "receivers": ["otlp"],
    # No batch processor: what has been answered with 200 is in the storage, and a kill takes nothing back.
    "processors": ["memory_limiter"],
    "exporters": ["jaeger_storage_exporter"],
}
_IN_MEMORY = {"memory": {"max_traces": 50_000}}
_MEMORY_MIB = 512
_KEPT_HOURS = 30 * 24


@dataclass(frozen=True, kw_only=True)
class Jaeger:
    """One process: spans in over OTLP/HTTP, out over the query API. `keep`: on disk, for thirty days.

    It refuses spans rather than take more than half a GiB; their senders try again, then say so.
    """

    folder: Path
    query_port: int
    grpc_port: int
    otlp_port: int
    keep: bool = False

    @property
    def url(self) -> str:
        """Of the query API."""
        return f"http://{HOST}:{self.query_port}"

    @property
    def otlp(self) -> str:
        return f"http://{HOST}:{self.otlp_port}"

    @property
    def settings_file(self) -> Path:
        return self.folder / "config.yaml"

    def command(self) -> tuple[str, ...]:
        return (str(home() / "jaeger"), "--config", str(self.settings_file))

    def environment(self) -> dict[str, str]:
        """Of the process: rubbish is collected before it counts against the limit that refuses."""
        return {"GOMEMLIMIT": f"{_MEMORY_MIB * 4 // 5}MiB"}

    def write_settings(self) -> None:
        """Before each start: the ports may be others than last time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(json.dumps(self._settings(), indent=1))

    def _settings(self) -> dict[str, Any]:
        return {
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query"],
                "pipelines": {"traces": _PIPELINE},
                # Its own metrics would be one more listening port.
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            },
            "extensions": {
                "jaeger_storage": {"backends": {"traces": self._storage()}},
                "jaeger_query": {
                    "storage": {"traces": "traces"},
                    "http": {"endpoint": f"{HOST}:{self.query_port}"},
                    "grpc": {"endpoint": f"{HOST}:{self.grpc_port}"},
                    # Else it sends spans of its own to 4317, where there may be somebody else.
                    "enable_tracing": False,
                },
            },
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{HOST}:{self.otlp_port}"}}}},
            "processors": {"memory_limiter": {"check_interval": "1s", "limit_mib": _MEMORY_MIB}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "traces"}},
        }

    def _storage(self) -> Mapping[str, Any]:
        if not self.keep:
            return _IN_MEMORY
        folder = str(self.folder / "spans")
        directories = {"keys": folder, "values": folder}
        return {
            "badger": {
                "ephemeral": False,
                "directories": directories,
                "ttl": {"spans": f"{_KEPT_HOURS}h"},
            }
        }


def home() -> Path:
    """Where scripts/jaeger.sh puts the program."""
    return project_root() / ".tools" / f"jaeger-{VERSION}"


def missing() -> str:
    """What keeps Jaeger from starting here, or nothing."""
    return "" if (home() / "complete").exists() else f"Jaeger {VERSION} is not in .tools"
