import csv
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from feedback.engine.outcome import FEWEST, Uncomputable, judge
from schemas.intake import Direction


def series(random: Random, n: int, mean: float, likeness: float = 0.0) -> list[float]:
    """Noise around `mean` with standard deviation 1; neighbours resemble each other by `likeness`."""
    values, last = [], random.gauss(0, 1)
    for _ in range(n):
        values.append(mean + last)
        last = likeness * last + random.gauss(0, (1 - likeness**2) ** 0.5)
    return values


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(("n", "likeness"), [(FEWEST, 0.0), (30, 0.0), (60, 0.3), (200, 0.6)])
def test_a_series_that_just_sits_on_its_target_is_seldom_taken_for_a_success(direction, n, likeness):
    achieved = sum(judge(series(Random(seed), n, 4, likeness), 4, direction).met for seed in range(200))

    assert achieved < 0.07 * 200


def test_measurements_that_resemble_each_other_count_for_few():
    found = [judge(series(Random(seed), 100, 4, 0.8), 4, Direction.DECREASE) for seed in range(200)]

    assert fmean(judgement.independent for judgement in found) < 20
    assert sum(judgement.met for judgement in found) < 0.1 * 200


def test_a_true_effect_is_found():
    found = [judge(series(Random(seed), 40, 3.2, 0.3), 4, Direction.DECREASE) for seed in range(200)]

    assert sum(judgement.met for judgement in found) > 0.9 * 200


def test_a_series_on_the_wrong_side_is_never_a_success():
    assert not any(judge(series(Random(seed), 40, 5, 0.3), 4, Direction.DECREASE).met for seed in range(200))


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        found = judge(series(Random(seed), 60, 3.2, 0.4), 4, Direction.DECREASE)
        covered += found.low <= 3.2 <= found.high

    assert covered >= 0.91 * 200


def test_without_resemblance_it_is_students_t_test():
    # Alternating values have a negative autocorrelation, which is not credited: n 10, mean 3, s 1.054093.
    found = judge([2, 4] * 5, 4, Direction.DECREASE)

    assert found.independent == 10
    assert (found.mean, found.met) == (3, True)
    # t = 1 / 0.333333 = 3, 9 degrees of freedom: p = 0.0075 (table: 2.998 at 0.0075)
    assert found.p == pytest.approx(0.0075, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((3 - 2.262157 / 3, 3 + 2.262157 / 3), abs=1e-5)


@pytest.mark.parametrize(
    ("value", "direction", "met"),
    [
        (4, Direction.DECREASE, True),
        (4.1, Direction.DECREASE, False),
        (4, Direction.INCREASE, True),
        (3.9, Direction.INCREASE, False),
    ],
)
def test_a_series_that_never_varies_is_taken_at_its_word(value, direction, met):
    found = judge([value] * 8, 4, direction)

    assert (found.met, found.p) == (met, 0.0 if met else 1.0)
    assert found.low == found.high == pytest.approx(value)


def test_a_published_series_without_an_effect_is_not_shown_to_have_one():
    """R's CausalImpact finds no effect in it (tail p 0.20) and reports this mean after the intervention."""
    data = Path(__file__).parents[4] / "shared" / "data" / "kpi-series" / "comparison_data.csv"
    if not data.exists():
        pytest.skip(f"the published series are not beside this checkout ({data.name})")
    rows = [(row["DATE"], float(row["CHANGED"])) for row in csv.DictReader(data.open())]
    before = fmean(value for day, value in rows if "2019-04-16" <= day <= "2019-07-14")
    after = [value for day, value in rows if "2019-07-15" <= day <= "2019-08-01"]

    found = [judge(after, before, direction) for direction in Direction]

    assert round(found[0].mean) == 78_574
    assert [judgement.met for judgement in found] == [False, False]


@pytest.mark.parametrize("low_high", [(-1e200, 1e200), (1e308, 1.1e308), (1e-200, 2e-200)])
def test_a_spread_that_is_no_number_is_said_to_be_none(low_high):
    with pytest.raises(Uncomputable):
        judge([*low_high] * FEWEST, 4, Direction.DECREASE)
