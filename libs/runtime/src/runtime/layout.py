"""Where the files of a local stack are."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runtime.ports import DEFAULT_BASE


def project_root() -> Path:
    """The checkout this is run from: the nearest folder upwards that looks like one, or this folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "requirements.lock").exists() and (folder / "services").is_dir():
            return folder
    return here


def base_port() -> int:
    return int(os.environ.get("THROUGHLINE_PORT", DEFAULT_BASE))


@dataclass(frozen=True)
class Layout:
    """One stack's folder; each base port has its own, so that two stacks of a checkout never meet."""

    run_dir: Path

    @classmethod
    def for_port(cls, base: int) -> "Layout":
        given = os.environ.get("THROUGHLINE_RUN_DIR")
        if given:
            return cls(Path(given).resolve())
        root = project_root() / ".run"
        return cls(root if base == DEFAULT_BASE else root / f"port-{base}")

    @property
    def logs(self) -> Path:
        return self.run_dir / "logs"

    @property
    def mongo(self) -> Path:
        return self.run_dir / "mongo"

    @property
    def kafka(self) -> Path:
        """Apache Kafka's log and settings; the embedded broker has no files."""
        return self.run_dir / "kafka"

    @property
    def jaeger(self) -> Path:
        """Jaeger's settings and, where they are kept, its spans."""
        return self.run_dir / "jaeger"

    @property
    def data(self) -> Path:
        """What services read and build: all of it goes with the run."""
        return self.run_dir / "data"

    @property
    def legacy(self) -> Path:
        """The legacy databases; migration reads nothing else."""
        return self.data / "legacy"

    @property
    def environments(self) -> Path:
        """The servers that provisioning builds."""
        return self.data / "environments"

    @property
    def secrets(self) -> Path:
        return self.run_dir / "secrets"

    @property
    def jwt_key(self) -> Path:
        return self.secrets / "jwt.key"

    @property
    def state_file(self) -> Path:
        return self.run_dir / "state.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self, *, keep: bool) -> None:
        """Make the folders; what an earlier run left is wiped, unless its database is to be kept."""
        if not keep:
            self.wipe()
        shutil.rmtree(self.logs, ignore_errors=True)
        for folder in (self.logs, self.mongo, self.legacy, self.environments):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)

    def wipe(self) -> None:
        """Delete everything that a run keeps, its logs excepted."""
        for folder in (self.kafka, self.mongo, self.jaeger, self.data, self.secrets):
            shutil.rmtree(folder, ignore_errors=True)

    def lock(self) -> IO[str] | None:
        """Held by the supervisor while it lives, however it dies. None: somebody holds it."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        handle = (self.run_dir / "lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        return handle

    def is_supervised(self) -> bool:
        if not (self.run_dir / "lock").exists():
            return False
        handle = self.lock()
        if handle is None:
            return True
        handle.close()
        return False
