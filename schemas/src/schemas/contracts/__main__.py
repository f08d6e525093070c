"""`python -m schemas.contracts check|update`: are the models what was promised? Exit 0 yes, 1 no."""

import argparse
import sys
from pathlib import Path

from schemas.contracts.check import Broken, check, update
from schemas.contracts.snapshots import ROOT


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return _check(options) if options.verb == "check" else _update(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="schemas.contracts", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder with snapshots/ and examples/")
    verbs = parser.add_subparsers(dest="verb", required=True)
    checks = verbs.add_parser("check", help="compare models, snapshots, examples and the base branch")
    checks.add_argument("--base", help="git branch or commit that is released (default: origin/main, main)")
    updates = verbs.add_parser(
        "update", help="write snapshots and missing examples; refuses to break a version"
    )
    updates.add_argument(
        "--unreleased",
        default="",
        metavar="REASON",
        help="break versions that nobody has published; kept in breaks.json",
    )
    return parser


def _check(options: argparse.Namespace) -> int:
    report = check(options.root, options.base)
    _say([*report.problems, *report.notes])
    return 0 if report.ok else 1


def _update(options: argparse.Namespace) -> int:
    try:
        written = update(options.root, options.unreleased)
    except Broken as broken:
        _say(
            [
                *broken.problems,
                "Nothing was written: a version that may be on a topic does not change like that.",
            ]
        )
        return 1
    _say([f"written: {name}" for name in written] or ["nothing to write"])
    return 0


def _say(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
