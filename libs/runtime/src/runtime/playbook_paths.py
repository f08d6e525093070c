"""Where examples are found and where what they prepare is kept."""

from pathlib import Path

from runtime.errors import CommandFailed, Exit
from runtime.layout import project_root

DEFAULT_EXAMPLE = "rheintal-order-system"


def find(example: str) -> Path:
    """The folder of an example, by its name or its path. Raises CommandFailed (65)."""
    examples = project_root() / "examples"
    for folder in (examples / example, Path(example)):
        if (folder / "playbook.yaml").is_file():
            return folder.resolve()
    known = sorted(file.parent.name for file in examples.glob("*/playbook.yaml"))
    raise CommandFailed(Exit.BAD_DATA, f"no example {example!r}; there are: {', '.join(known) or 'none'}")


def cache() -> Path:
    return project_root() / ".run" / "cache"
