"""One PostgreSQL server below one directory: initialised, started, found running, stopped, removed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psycopg

from provisioning.adapters.postgres_binaries import binaries, give_to, unprivileged
from provisioning.ports import StepError
from provisioning.settings import BuildSettings

HOST = "127.0.0.1"
ADMIN = "provisioner"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
INITDB_SECONDS = 60.0


class PostgresServer:
    """`home` holds everything of the server but its password, which is in the file `password`."""

    def __init__(self, home: Path, password: Path, settings: BuildSettings) -> None:
        self.home, self._password, self._settings = home, password, settings
        self.data = home / "data"
        self._log = home / "server.log"
        self._port_file = home / "port"

    @property
    def port(self) -> int:
        return int(self._port_file.read_text())

    def initialise(self) -> bool:
        """Make the data directory; False where it is there. A killed attempt leaves nothing that counts."""
        if (self.data / "PG_VERSION").exists():
            return False
        self.home.mkdir(parents=True, exist_ok=True)
        for leftover in self.home.glob("data.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        aside = self.home / f"data.{uuid4().hex}"
        aside.mkdir(mode=0o700)
        give_to(self._settings.system_user, aside)
        self._initdb(aside)
        aside.rename(self.data)
        return True

    def _initdb(self, directory: Path) -> None:
        command = [
            *unprivileged(self._settings.system_user),
            str(binaries(self._settings.postgres_bin) / "initdb"),
            *("--pgdata", str(directory), "--username", ADMIN, "--pwfile", str(self._password)),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"),
        ]
        try:
            subprocess.run(  # noqa: S603
                command, check=True, capture_output=True, text=True, timeout=INITDB_SECONDS, cwd="/"
            )
        except subprocess.CalledProcessError as error:
            raise StepError(f"initdb failed: {error.stderr.strip()[-500:]}") from error
        except (subprocess.TimeoutExpired, OSError) as error:
            raise StepError(f"initdb failed: {type(error).__name__}") from error

    def start(self) -> bool:
        """Start and wait until it answers; False where it is running already. Raises StepError."""
        if self.running_pid() is not None:
            self._port_file.write_text(self._lock_lines()[3])
            self._wait_until_it_answers(None)
            return False
        self._remove_stale_lock()
        port = self._choose_port()
        log = self._log.open("ab")
        with log:
            process = subprocess.Popen(  # noqa: S603
                self._command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._wait_until_it_answers(process)
        return True

    def resume(self) -> bool:
        """Start what has run before; False where it runs or never did. Raises StepError.

        Never on another port: what was told of this one is in the engagement's history.
        """
        if not self._port_file.exists() or self.running_pid() is not None:
            return False
        if not _is_free(self.port):
            raise StepError(f"its port {self.port} on {HOST} is taken by another program")
        return self.start()

    def _command(self, port: int) -> list[str]:
        owner = self._settings.owner_pid
        keeper = [sys.executable, "-m", "provisioning.keeper", f"--owner-pid={owner}", "--"]
        return [
            *(keeper if owner else []),
            *unprivileged(self._settings.system_user, ends_with_parent=owner is not None),
            str(binaries(self._settings.postgres_bin) / "postgres"),
            *("-D", str(self.data), "-p", str(port)),
            *("-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="),
        ]

    def _choose_port(self) -> int:
        """Chosen once and remembered. A remembered port that is taken is given up, and the step fails:
        the next attempt chooses another."""
        refused = self.home / "preferred-port-was-taken"
        if not self._port_file.exists():
            preferred = 0 if refused.exists() else self._settings.preferred_port
            self._port_file.write_text(str(preferred or _free_port()))
        port = self.port
        if _is_free(port):
            return port
        self._port_file.unlink()
        refused.touch()
        raise StepError(f"port {port} on {HOST} is taken by another program")

    def _wait_until_it_answers(self, process: "subprocess.Popen[bytes] | None") -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                raise StepError(f"the server ended at once: {self._last_words()}")
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise StepError(f"the server does not answer after {START_SECONDS:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-3:])

    def connect(self, database: str, user: str = ADMIN, password: str | None = None) -> psycopg.Connection:
        """An autocommit connection. Raises psycopg.OperationalError."""
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=user,
            password=password or self._password.read_text(),
            dbname=database,
            connect_timeout=5,
            autocommit=True,
            application_name="throughline-provisioning",
        )

    def running_pid(self) -> int | None:
        """The postmaster of exactly this data directory, if it is alive."""
        pid = self._locked_by()
        return pid if pid is not None and self._is_our_postmaster(pid) else None

    def _locked_by(self) -> int | None:
        lines = self._lock_lines()
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def _lock_lines(self) -> list[str]:
        """Of `postmaster.pid`: number, directory, start, port; later lines as the server gets ready."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_our_postmaster(self, pid: int) -> bool:
        try:
            return os.fsencode(self.data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False

    def _remove_stale_lock(self) -> None:
        """After a crash the number in the lock file may have gone to another program, for whose sake
        PostgreSQL would refuse to start."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> bool:
        pid = self.running_pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        while self.running_pid() is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += STOP_SECONDS
            time.sleep(0.02)
        return True

    def remove(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL binds: connections of a past server that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
