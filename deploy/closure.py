"""What one image needs: the part of requirements.lock a service reaches, and our own packages it is made of.

    python deploy/closure.py lock intake [EXTRA...]    the lock's entries and hashes, for `pip install -r`
    python deploy/closure.py packages intake           folders of our own packages, the service's own last

An EXTRA is a further distribution of the lock that this image is to have.

The lock names each package's dependants in its `# via` comments, so its graph can be walked without asking
an index. Standard library only: it runs before anything is installed.
"""

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = "throughline-"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def folder_of(name: str, root: Path = ROOT) -> Path:
    """The folder of one of our packages by its bare name. Raises LookupError for a name that is none."""
    for folder in (root / name, root / "libs" / name, root / "services" / name):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise LookupError(f"{name} is none of our packages: no schemas, libs/ or services/ folder has that name")


def packages(name: str, root: Path = ROOT) -> list[Path]:
    """Our own packages that `name` is made of, dependencies first, itself last."""
    found: dict[str, Path] = {}

    def visit(bare: str) -> None:
        folder = folder_of(bare, root)
        for dependency in _declared(folder):
            if dependency.startswith(OURS) and dependency.removeprefix(OURS) not in found:
                visit(dependency.removeprefix(OURS))
        found[bare] = folder

    visit(name)
    return list(found.values())


def lock(name: str, root: Path = ROOT, extras: Iterable[str] = ()) -> dict[str, str]:
    """Distribution to its entries in the lock, for all that `name`, our packages below it and extras reach.

    A distribution with one entry per Python version keeps them all, markers included.
    Raises LookupError where a declared dependency is not in the lock.
    """
    entries = read_lock((root / "requirements.lock").read_text())
    needs = _needs(entries)
    declared = {d for folder in packages(name, root) for d in _declared(folder) if not d.startswith(OURS)}
    declared |= {canonical(extra) for extra in extras}
    if missing := sorted(declared - entries.keys()):
        raise LookupError(
            f"requirements.lock has no {', '.join(missing)}; it is older than {name}'s pyproject.toml"
        )
    reached: set[str] = set()
    waiting = list(declared)
    while waiting:
        if (dependency := waiting.pop()) not in reached:
            reached.add(dependency)
            waiting.extend(needs[dependency])
    return {dependency: entries[dependency] for dependency in sorted(reached)}


def read_lock(text: str) -> dict[str, str]:
    """Distribution to its lines: the pin, its hashes, and the comments that say what needs it."""
    entries: dict[str, str] = defaultdict(str)
    current = ""
    for line in text.splitlines():
        if match := _NAME.match(line):
            current = canonical(match[0])
        if current and not line.startswith("#"):
            entries[current] += line + "\n"
    return entries


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(entries: dict[str, str]) -> dict[str, list[str]]:
    needs: dict[str, list[str]] = defaultdict(list)
    for distribution, lines in entries.items():
        for dependant in _dependants(lines.splitlines()):
            needs[dependant].append(distribution)
    return needs


def _dependants(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if words[:1] == ["#"] and words[-1] != "via":
            yield canonical(words[-1])


def _declared(folder: Path) -> list[str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return [canonical(_NAME.match(line)[0]) for line in project.get("dependencies", [])]  # type: ignore[index]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["lock", name, *extras]:
            sys.stdout.write("".join(lock(name, extras=extras).values()))
        case ["packages", name]:
            sys.stdout.write("".join(f"./{p.relative_to(ROOT)}\n" for p in packages(name)))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
