"""How much of everything a run has: the short form is for every build, the long one by hand."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """`seconds` is how long the load lasts; `faults` are spread over it, `kills` of them at least."""

    name: str
    operations: int
    engagements: int
    seconds: float
    faults: int
    kills: int = 8
    restless_seconds: float
    drain_seconds: float = 30.0
    patience_seconds: float = 150.0
    duplicates: float = 0.02
    poison: float = 0.01
    rss_megabytes: int = 400


SHORT = Scale(
    name="short",
    operations=1_200,
    engagements=40,
    seconds=30,
    faults=12,
    restless_seconds=4,
    poison=0.02,
    patience_seconds=60,
)
LONG = Scale(
    name="long", operations=20_000, engagements=500, seconds=420, faults=60, kills=40, restless_seconds=20,
    rss_megabytes=600,
)  # fmt: skip
SCALES = {scale.name: scale for scale in (SHORT, LONG)}
