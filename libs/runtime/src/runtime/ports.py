"""Which port each process of the stack listens on, and who sits on one that is taken."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DEFAULT_BASE = 8400
OFFSETS: Mapping[str, int] = {
    "gateway": 0,
    "kafka": 1,
    "mongo": 2,
    "traces": 3,
    "jaeger-otlp": 4,
    "jaeger-grpc": 5,
    "controller": 6,
    "jaeger": 7,
    "intake": 11,
    "design": 12,
    "provisioning": 13,
    "migration": 14,
    "monitoring": 15,
    "feedback": 16,
}
_LISTEN = "0A"


@dataclass(frozen=True)
class Owner:
    """The process behind a listening port; unknown where /proc does not tell."""

    pid: int
    command: str
    folder: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid}, in {self.folder})"


def plan(base: int, names: tuple[str, ...]) -> dict[str, int]:
    """A port per name: `base` plus its offset, or free ones picked now where `base` is 0."""
    if base:
        return {name: base + OFFSETS[name] for name in names}
    sockets = [_bound(0) for _ in names]
    try:
        return {name: sock.getsockname()[1] for name, sock in zip(names, sockets, strict=True)}
    finally:
        for sock in sockets:
            sock.close()


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Without it a port whose last connections linger in TIME_WAIT would look taken after every restart.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


def is_free(port: int) -> bool:
    try:
        _bound(port).close()
    except OSError:
        return False
    return True


def busy(ports: Mapping[str, int]) -> dict[str, int]:
    """Those of `ports` that something else already listens on."""
    return {name: port for name, port in ports.items() if not is_free(port)}


def owner_of(port: int) -> Owner | None:
    """Who listens on the port, found by its socket's inode in /proc; None where that cannot be seen."""
    inodes = {f"socket:[{inode}]" for inode in _inodes(port)}
    for pid in _pids() if inodes else ():
        if inodes & set(_open_files(pid)):
            return Owner(pid, _command(pid), _folder(pid))
    return None


def _inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _pids() -> Iterator[int]:
    yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def _open_files(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")
        except OSError:
            continue


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "a process"
    return " ".join([Path(words[0]).name, *words[1:3]]).strip()


def _folder(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd").replace(str(Path.home()), "~", 1)
    except OSError:
        return "an unknown folder"
