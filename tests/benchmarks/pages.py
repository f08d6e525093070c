"""`python tests/benchmarks/pages.py`: a page and a picture made from the files in docs/benchmarks."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from form import FOLDER, Result, Row, load_all

mpl.use("svg")
# Without these, the same figures would give another file each time.
mpl.rcParams["svg.hashsalt"] = "benchmarks"
SVG_METADATA = {"Date": None, "Creator": None}
HEAD = """# Benchmarks

Every figure is a ratio against a named floor of the same run: `make bench` measures and writes the files
here, `make bench-check` says which reach is missed, and this page is made from the files. Both sides of a row
ran alternately on one machine; compare inside one table only.

![Each ratio, as a share of what it has to reach](reach.svg)
"""


def page(results: Sequence[Result]) -> str:
    parts = [HEAD, *(_section(result) for result in results)]
    return "\n".join(parts)


def _section(result: Result) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    lines = [
        f"## {result.title}",
        "",
        f"`{result.name}.json`, {result.date}, {result.cpus} CPUs, {result.repeats} repeats.",
        "",
        "| what | value | against | ratio | reach |",
        "|---|---:|---|---:|---|",
        *(_row(row) for row in result.rows),
        "",
        *(f"- {note}" for note in result.notes),
        "",
        f"Versions: {versions}.",
        "",
    ]
    return "\n".join(lines)


def _row(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    reach = "" if row.reach is None else f"{row.reach} {'reached' if row.reached else '**missed**'}"
    return f"| {row.what} | {row.value:,.4g} {row.unit} | {row.against or ''} | {ratio} | {reach} |"


def shares(results: Sequence[Result]) -> Iterator[tuple[str, float]]:
    """Each row that has to reach something, and how much of that it does: 1 is just there."""
    for result in results:
        for row in result.rows:
            if row.reach is not None and row.ratio is not None:
                relation, bound = row.reach.split()
                share = row.ratio / float(bound) if relation == ">=" else float(bound) / row.ratio
                yield f"{result.name}: {row.what}", share


def picture(results: Sequence[Result], path: Path) -> None:
    from matplotlib import pyplot as plt

    found = list(shares(results))[::-1]
    figure, axes = plt.subplots(figsize=(10, 0.6 + 0.42 * len(found)))
    colours = ["#2a7f62" if share >= 1 else "#b3382c" for _, share in found]
    axes.barh([name for name, _ in found], [share for _, share in found], color=colours, height=0.6)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xlabel("share of what is to be reached (1 = just reached, longer is better)")
    axes.spines[["top", "right"]].set_visible(False)
    for place, (_, share) in enumerate(found):
        axes.text(share, place, f" {share:.2f}", va="center", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata=SVG_METADATA)
    plt.close(figure)


def main(folder: Path = FOLDER) -> int:
    results = load_all(folder)
    (folder / "README.md").write_text(page(results))
    picture(results, folder / "reach.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
