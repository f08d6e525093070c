"""Passwords as files only their owner can read; messages carry their names."""

import os
import secrets
from pathlib import Path


class SecretFiles:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, name: str) -> Path:
        return self._directory / name

    def ensure(self, name: str) -> str:
        """The password of that name, made now if there is none."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path(name).exists():
            self._write(name, secrets.token_urlsafe(24))
        return self.path(name).read_text()

    def _write(self, name: str, password: str) -> None:
        # Written aside and renamed: a kill in between leaves no half password behind.
        aside = self.path(f".{name}.{os.getpid()}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(self.path(name))

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)
