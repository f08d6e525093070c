from datetime import UTC, datetime, timedelta

import pytest

from monitoring.engine.rules import Change, Progress, evaluate, told, tolerated_gap
from schemas.monitoring import Comparison, Point, Rule, Severity

START = datetime(2026, 3, 1, tzinfo=UTC)


def rule(**changes: object) -> Rule:
    base = Rule(
        id="slow", series="latency", comparison=Comparison.ABOVE, threshold=10, for_seconds=120,
        severity=Severity.WARNING, component="erp",
    )  # fmt: skip
    return base.model_copy(update=changes)


def run(
    rule: Rule, *samples: tuple[float, float], progress: Progress | None = None
) -> list[tuple[str, float]]:
    points = [Point(at=START + timedelta(seconds=at), value=value) for at, value in samples]
    changes = evaluate(rule, progress or Progress(), points)
    return [(c.change.value, (c.at - START).total_seconds()) for c in changes]


def test_fires_once_the_condition_has_held_for_its_time():
    assert run(rule(), (0, 11), (60, 12), (119, 13), (120, 14), (180, 15)) == [("pending", 0), ("fired", 120)]


def test_a_sample_at_the_threshold_is_not_beyond_it():
    assert run(rule(), (0, 10), (60, 10)) == []


def test_a_good_sample_starts_the_wait_anew():
    samples = (0, 11), (60, 12), (90, 9), (150, 11), (210, 11), (270, 11)
    assert run(rule(), *samples) == [("pending", 0), ("cleared", 90), ("pending", 150), ("fired", 270)]


def test_without_for_it_fires_at_once_and_is_never_pending():
    assert run(rule(for_seconds=0), (0, 11), (60, 9)) == [("fired", 0), ("resolved", 60)]


def test_below_rules_look_the_other_way():
    assert run(rule(comparison=Comparison.BELOW, for_seconds=0), (0, 11), (60, 9)) == [("fired", 60)]


def test_silence_longer_than_tolerated_starts_a_pending_rule_anew():
    changes = run(rule(), (0, 11), (301, 11), (361, 11), (421, 11))
    assert changes == [("pending", 0), ("cleared", 301), ("pending", 301), ("fired", 421)]


def test_silence_within_tolerance_counts_as_holding():
    assert run(rule(), (0, 11), (300, 11)) == [("pending", 0), ("fired", 300)]


def test_silence_leaves_a_firing_rule_firing():
    assert run(rule(), (0, 11), (120, 11), (9_000, 11), (9_060, 9)) == [
        ("pending", 0),
        ("fired", 120),
        ("resolved", 9_060),
    ]


@pytest.mark.parametrize(
    ("given", "for_seconds", "expected"), [(None, 60, 300), (None, 3_600, 7_200), (30.0, 3_600, 30)]
)
def test_tolerated_gap_is_five_minutes_twice_the_for_or_as_given(given, for_seconds, expected):
    assert tolerated_gap(rule(max_gap_seconds=given, for_seconds=for_seconds)) == expected


def test_telling_fewer_transitions_keeps_whole_episodes_and_the_open_one():
    samples = [(n, 11 if n % 2 else 9) for n in range(20)]
    points = [Point(at=START + timedelta(seconds=at), value=value) for at, value in samples]
    changes = evaluate(rule(for_seconds=0), Progress(), points)

    def kept(limit: int) -> list[float]:
        return [(change.at - START).total_seconds() for change in told(changes, limit)]

    assert kept(19) == list(range(1, 20))
    assert kept(5) == [1, 2, 3, 4, 19]
    assert kept(1) == [19]


def test_judging_in_two_messages_equals_judging_in_one():
    samples = [(second, 11.0 if 100 <= second % 500 < 340 else 9.0) for second in range(0, 3_000, 20)]
    whole = run(rule(), *samples)

    for cut in range(1, len(samples)):
        points = [Point(at=START + timedelta(seconds=at), value=value) for at, value in samples]
        first = evaluate(rule(), Progress(), points[:cut])
        last = first[-1] if first else None
        pending = last.since if last and last.change is Change.PENDING else None
        firing = last is not None and last.change is Change.FIRED
        second = evaluate(rule(), Progress(pending, firing, points[cut - 1].at), points[cut:])
        assert [(c.change.value, (c.at - START).total_seconds()) for c in (*first, *second)] == whole
