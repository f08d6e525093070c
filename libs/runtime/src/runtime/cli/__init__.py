"""The `throughline` command. Data goes to stdout, everything else to stderr."""

import os
import sys
from collections.abc import Sequence

from runtime import VERSION
from runtime.errors import CommandFailed, Exit, ReaderGone


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: no traceback reaches a person for what is not a bug."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Answered before anything is imported: a prompt may ask for it on every line.
    if given in (["--version"], ["-V"]):
        sys.stdout.write(f"throughline {VERSION}\n")
        return
    try:
        sys.exit(_run(given))
    except (BrokenPipeError, ReaderGone):
        # The interpreter flushes once more at its end, and must not complain then either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except KeyboardInterrupt:
        sys.exit(130)


def _run(given: list[str]) -> int:
    from runtime.cli.app import app

    try:
        app(given, standalone_mode=True)
    except CommandFailed as error:
        sys.stdout.flush()
        for line in error.lines:
            sys.stderr.write(f"{line}\n")
        return error.exit_code
    return Exit.OK
