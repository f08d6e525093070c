"""`python tests/benchmarks [NAME ...]`: runs benchmarks one after the other and writes their files.

What lacks a program on this machine is left out, aloud; ends with 1 when it was asked for by name.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from form import FOLDER, Result, Row, write

# A new benchmark is a module beside this one with `run(quick: bool) -> Result`, and its name here. One that
# needs more than `make setup` has `lacks() -> str | None`: what this machine has not, and how to get it.
NAMES = (
    "hop", "hop_apache", "hop_in_flight", "flow", "service_start", "replicas", "gateway_rebuild",
    "engagement_query",
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument(
        "--quick", action="store_true", help="fewer messages and repeats: does it run at all?"
    )
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder for the files")
    chosen = parser.parse_args(words)
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    left_out = [name for name in chosen.names or NAMES if not _run(name, chosen.quick, chosen.into)]
    return 1 if left_out and chosen.names else 0


def _run(name: str, quick: bool, into: Path) -> bool:
    """False, with the reason on stderr, when this machine lacks something that it needs."""
    module = importlib.import_module(name)
    lack: str | None = module.lacks() if hasattr(module, "lacks") else None
    if lack:
        print(f"{name} left out: {lack}", file=sys.stderr)
        return False
    print(f"{name} ...", file=sys.stderr, flush=True)
    result: Result = module.run(quick)
    print(f"{write(result, into)}", file=sys.stderr)
    for row in result.rows:
        print(_line(row), flush=True)
    return True


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:10.3f} x {row.against}"
    reach = "" if row.reach is None else f"   reach {row.reach}: {'reached' if row.reached else 'MISSED'}"
    return f"  {row.what:60} {row.value:12,.1f} {row.unit:10}{ratio}{reach}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
