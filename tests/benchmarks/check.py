"""`python tests/benchmarks/check.py`: reads docs/benchmarks/*.json and says which reach is missed."""

import sys
from collections.abc import Sequence
from pathlib import Path

from form import FOLDER, Result, load_all


def missed(results: Sequence[Result]) -> list[str]:
    """One line for each row that does not reach what it should."""
    return [
        f"{result.name}: {row.what}: {row.ratio} x {row.against}, should be {row.reach}"
        for result in results
        for row in result.rows
        if row.reached is False
    ]


def main(folder: Path = FOLDER) -> int:
    """0 when all is reached, 1 when a reach is missed, 2 when there is nothing to check."""
    results = load_all(folder)
    if not results:
        print(f"no benchmark files in {folder}; make bench writes them", file=sys.stderr)
        return 2
    lines = missed(results)
    for line in lines:
        print(line)
    rows = [row for result in results for row in result.rows if row.reached is not None]
    print(f"{len(rows) - len(lines)} of {len(rows)} reached", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
