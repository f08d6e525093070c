"""From a crash's last lines to what a person can do about it."""

import re
from pathlib import Path

from runtime.processes import tail

_TAIL_LINES = 15
_WIDTH = 78
_HINTS = (
    (re.compile(r"No module named '?(\w+)"), "the environment is out of date: run scripts/setup.sh"),
    (
        re.compile(r"[Aa]ddress already in use|AddrInUse"),
        "another process took the port meanwhile: choose other ports",
    ),
    (re.compile(r"No space left on device"), "the disk is full"),
    (
        re.compile(r"MemoryError|Cannot allocate memory"),
        "there is not enough memory: the stack needs about 600 MB",
    ),
    (
        re.compile(r"validation errors? for Settings"),
        "a setting came from the environment: unset it or mend its value",
    ),
)


def crash_report(name: str, reason: str, log: Path) -> list[str]:
    """The failure, the last lines of the log between rules, and a hint where one is known."""
    last = tail(log, _TAIL_LINES)
    report = [f"  {name:<13}{reason}"]
    if last:
        title = f"  -- last lines of {_short(log)} "
        report += [title.ljust(_WIDTH, "-"), *(f"  {line}" for line in last), f"  {'-' * (_WIDTH - 2)}"]
    found = hint("\n".join(last))
    return [*report, f"  hint: {found}"] if found else report


def hint(text: str) -> str:
    return next((advice for pattern, advice in _HINTS if pattern.search(text)), "")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
