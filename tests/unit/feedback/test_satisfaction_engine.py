import json
from pathlib import Path

import pytest

from feedback.engine.satisfaction import Estimate, nps, nps_error, satisfied_share, summary, wilson
from schemas.feedback import SurveyKind

WORKED = Path(__file__).parents[4] / "shared" / "data" / "worked-examples" / "feedback-stats.json"


@pytest.fixture(scope="module")
def worked():
    if not WORKED.exists():
        pytest.skip(f"the worked examples are not beside this checkout ({WORKED.name})")
    return json.loads(WORKED.read_text())


# Newcombe (1998), table I, score method.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_the_published_intervals(successes, n, low, high):
    assert [round(bound, 4) for bound in wilson(successes, n)] == [low, high]


def test_all_answers_alike_reach_the_end_of_the_scale():
    assert wilson(20, 20)[1] == 1.0


def test_wilson_equals_the_worked_examples(worked):
    for example in worked["wilson"]:
        assert wilson(example["k"], example["n"]) == pytest.approx(example["value"], abs=1e-6)


def test_nps_equals_the_worked_examples(worked):
    for example in worked["nps"]:
        counts = example["promoters"], example["passives"], example["detractors"]
        n = sum(counts)
        found = nps({9: counts[0], 7: counts[1], 3: counts[2]})
        error = nps_error(counts[0] / n, counts[2] / n, n)
        assert found.value == example["nps"]
        assert round(100 * error, 4) == example["se"]
        assert [found.low, found.high] == pytest.approx(example["wald95"], abs=0.05)


def test_nps_of_200_answers_equals_the_hand_formula():
    # 10: 50, 9: 40 promoters; 8: 30, 7: 30 passives; 6: 20, 0: 30 detractors. (90 - 50) / 200 = 20.
    found = summary(SurveyKind.NPS, {10: 50, 9: 40, 8: 30, 7: 30, 6: 20, 0: 30})

    assert (found.n, found.value) == (200, 20.0)
    # var = (0.45 + 0.25 - 0.04) / 200 = 0.0033; 1.959964 * 5.744563 = 11.259136
    assert (found.low, found.high) == pytest.approx((8.740864, 31.259136), abs=1e-5)


def test_csat_and_ces_are_means_with_a_t_interval():
    # 1..5 once each: mean 3, s = sqrt(2.5), t(4, .975) = 2.776445, margin = 1.963243
    assert summary(SurveyKind.CSAT, {1: 1, 2: 1, 3: 1, 4: 1, 5: 1}) == Estimate(5, 3.0, 1.036757, 4.963243)
    assert summary(SurveyKind.CES, {7: 6}) == Estimate(6, 7.0, 7.0, 7.0)


def test_intervals_stay_on_the_scale():
    found = summary(SurveyKind.CSAT, {5: 5, 1: 1})

    assert found.high == 5
    assert found.low < found.value


@pytest.mark.parametrize("kind", SurveyKind)
def test_below_five_answers_there_is_no_number(kind):
    assert summary(kind, {5: 4}) == Estimate(4)
    assert satisfied_share({5: 4}) == Estimate(4)
    assert summary(kind, {}) == Estimate(0)


def test_satisfied_share_counts_four_and_five():
    found = satisfied_share({5: 2, 4: 1, 3: 3})

    assert (found.n, found.value) == (6, 0.5)
    assert (found.low, found.high) == tuple(round(bound, 6) for bound in wilson(3, 6))
