"""`python tests/benchmarks [NAME ...]`: runs benchmarks one after the other and writes their files."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from form import FOLDER, Result, Row, write

# A new benchmark is a module beside this one with `run(quick: bool) -> Result`, and its name here.
NAMES = (
    "hop", "hop_in_flight", "flow", "service_start", "replicas", "gateway_rebuild", "engagement_query",
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
    for name in chosen.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result: Result = importlib.import_module(name).run(chosen.quick)
        print(f"{write(result, chosen.into)}", file=sys.stderr)
        for row in result.rows:
            print(_line(row), flush=True)
    return 0


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:10.3f} x {row.against}"
    reach = "" if row.reach is None else f"   reach {row.reach}: {'reached' if row.reached else 'MISSED'}"
    return f"  {row.what:60} {row.value:12,.1f} {row.unit:10}{ratio}{reach}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
