"""How the command fails: an exit code that scripts can rely on, and what to tell the person."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; 65, 69 and 75 are those of sysexits.h."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BAD_DATA = 65
    UNREACHABLE = 69
    TIMED_OUT = 75


class CommandFailed(Exception):
    """Ends the command: `lines` go to stderr, `exit_code` to the shell."""

    def __init__(self, exit_code: Exit, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.exit_code, self.lines = exit_code, lines


class ReaderGone(Exception):
    """Whoever read our output, such as `head`, has seen enough; that is no failure."""
