"""Satisfaction figures from counts of scores: CSAT, CES and NPS with 95 % intervals, and Wilson's."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from schemas.feedback import SurveyKind

SCALES = {SurveyKind.CSAT: (1, 5), SurveyKind.NPS: (0, 10), SurveyKind.CES: (1, 7)}
"""Lowest and highest score of each kind."""
SUFFICIENT = 5
"""Answers below which no number is given: it would say more about chance, and persons, than the stage."""
SATISFIED_FROM = 4
PROMOTER_FROM, DETRACTOR_TO = 9, 6
Z95 = NormalDist().inv_cdf(0.975)

Histogram = Mapping[int, int]
"""Score to number of answers."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` with its 95 % interval; none of the three when there are too few answers."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def summary(kind: SurveyKind, histogram: Histogram) -> Estimate:
    """NPS on -100..100, CSAT and CES as the mean score on their scale."""
    n = sum(histogram.values())
    if n < SUFFICIENT:
        return Estimate(n)
    return nps(histogram) if kind is SurveyKind.NPS else mean_score(kind, histogram)


def nps(histogram: Histogram) -> Estimate:
    """Share of promoters less share of detractors, in points, with the normal interval of its variance."""
    n = sum(histogram.values())
    promoters = sum(count for score, count in histogram.items() if score >= PROMOTER_FROM) / n
    detractors = sum(count for score, count in histogram.items() if score <= DETRACTOR_TO) / n
    value = promoters - detractors
    margin = Z95 * nps_error(promoters, detractors, n)
    return _estimate(n, 100 * value, 100 * margin, -100, 100)


def nps_error(promoters: float, detractors: float, n: int) -> float:
    """Standard error of `promoters - detractors`, all as shares."""
    return sqrt((promoters + detractors - (promoters - detractors) ** 2) / n)


def mean_score(kind: SurveyKind, histogram: Histogram) -> Estimate:
    from scipy.special import stdtrit  # loaded on first use: it costs a third of a second at start

    n = sum(histogram.values())
    mean = sum(score * count for score, count in histogram.items()) / n
    variance = sum(count * (score - mean) ** 2 for score, count in histogram.items()) / (n - 1)
    margin = float(stdtrit(n - 1, 0.975)) * sqrt(variance / n)
    return _estimate(n, mean, margin, *SCALES[kind])


def satisfied_share(histogram: Histogram) -> Estimate:
    """CSAT's share of scores 4 and 5, in 0..1."""
    n = sum(histogram.values())
    if n < SUFFICIENT:
        return Estimate(n)
    satisfied = sum(count for score, count in histogram.items() if score >= SATISFIED_FROM)
    low, high = wilson(satisfied, n)
    return Estimate(n, round(satisfied / n, 6), round(low, 6), round(high, 6))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson 1927; Newcombe 1998, method 3)."""
    share, z2 = successes / n, Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    margin = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - margin), min(1.0, centre + margin)


def _estimate(n: int, value: float, margin: float, least: float, most: float) -> Estimate:
    low, high = max(least, value - margin), min(most, value + margin)
    return Estimate(n, round(value, 6), round(low, 6), round(high, 6))
