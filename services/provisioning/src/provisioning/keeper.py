"""`python -m provisioning.keeper --owner-pid N -- COMMAND`: a server that ends with its owner, not with us.

The service that started a server may be killed and come back while the server goes on; when the owner of
the whole stack is gone, the server must not stay behind.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

STOP_SECONDS = 5.0
PR_SET_PDEATHSIG = 1


def keep(owner_pid: int, command: Sequence[str]) -> int:
    """Run the command until it ends or the owner does. Returns the command's exit code."""
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        return 1
    child = subprocess.Popen(command, preexec_fn=_end_with_parent)  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))
    waiting = select.poll()
    waiting.register(owner, select.POLLIN)
    waiting.register(os.pidfd_open(child.pid), select.POLLIN)
    if any(fd == owner for fd, _ in waiting.poll()):
        _stop(child)
    return child.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    # SIGINT is PostgreSQL's fast shutdown: sessions are ended, data are flushed.
    child.send_signal(signal.SIGINT)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="provisioning.keeper", description=__doc__)
    parser.add_argument("--owner-pid", type=int, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    return keep(options.owner_pid, options.command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
