"""Did a measured series reach its target? A one-sided test of its mean that knows neighbours are alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt
from statistics import fmean

from schemas.intake import Direction

FEWEST = 8
"""Measurements below which the spread is not known well enough to say anything."""
CONFIDENCE = 0.95
STRONGEST_AUTOCORRELATION = 0.95


class Uncomputable(ValueError):
    """Values so large, or so close together, that their spread is no number any more."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`low` and `high`: two-sided 95 % interval of the mean; `p`: chance of this or better if just on target.

    `independent`: how many independent measurements the series is worth.
    """

    n: int
    independent: float
    mean: float
    low: float
    high: float
    p: float
    met: bool


def judge(values: Sequence[float], target: float, direction: Direction) -> Judgement:
    """Values in order of time, at least FEWEST; `met` when the one-sided 95 % bound is at or past `target`.

    Measurements near in time resemble each other; taken as independent they would make chance look like
    success. So the standard error uses n (1 - r) / (1 + r) measurements, r being the autocorrelation at lag 1
    corrected for its bias (Kendall 1954), and Student's t with as many degrees of freedom.
    Raises Uncomputable.
    """
    from scipy.special import stdtr, stdtrit  # loaded on first use: it costs a third of a second at start

    n = len(values)
    mean, squares = _spread(values)
    if min(values) == max(values):
        return _certain(n, mean, target, direction)
    independent = _independent(values, mean, squares)
    error = sqrt(squares / n / (1 - 1 / independent) / independent)
    margin = float(stdtrit(independent - 1, 1 - (1 - CONFIDENCE) / 2)) * error
    ahead = mean - target if direction is Direction.INCREASE else target - mean
    p = float(stdtr(independent - 1, -ahead / error))
    return Judgement(n, independent, mean, mean - margin, mean + margin, p, p <= 1 - CONFIDENCE)


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and sum of the squared distances from it."""
    try:
        mean = fmean(values)
        squares = sum((value - mean) ** 2 for value in values)
    except OverflowError as error:
        raise Uncomputable from error
    if not squares < inf or (squares == 0 and min(values) != max(values)):
        raise Uncomputable
    return mean, squares


def _independent(values: Sequence[float], mean: float, squares: float) -> float:
    n = len(values)
    products = sum((a - mean) * (b - mean) for a, b in pairwise(values))
    raw = products / squares
    corrected = raw + (1 + 3 * max(raw, 0.0)) / n
    r = min(max(corrected, 0.0), STRONGEST_AUTOCORRELATION)
    return max(n * (1 - r) / (1 + r), 2.0)


def _certain(n: int, mean: float, target: float, direction: Direction) -> Judgement:
    """Measurements that never vary leave nothing to chance."""
    met = mean >= target if direction is Direction.INCREASE else mean <= target
    return Judgement(n, float(n), mean, mean, mean, 0.0 if met else 1.0, met)
