from datetime import UTC, datetime, timedelta

import pytest

from monitoring.engine.budget import measure, merge, tally
from monitoring.model.state import TrackedSlo
from schemas.monitoring import Comparison, Point, Slo

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def slo(**changes: object) -> Slo:
    base = Slo(
        id="fast", title="Fast", series="latency", comparison=Comparison.ABOVE, threshold=300, objective=0.99
    )
    return base.model_copy(update=changes)


def test_half_the_bad_samples_allowed_leave_half_the_budget():
    # 99 % of 1,000 samples may miss 10; 5 missed.
    budget = measure(0.99, {"2026-03-01": (495, 500), "2026-03-02": (500, 500)})

    assert (budget.good, budget.total, budget.attained, budget.remaining) == (995, 1000, 0.995, 0.5)


@pytest.mark.parametrize(("bad", "remaining"), [(0, 1.0), (10, 0.0), (20, -1.0), (1000, -99.0)])
def test_budget_is_used_up_at_the_objective_and_overspent_beyond(bad, remaining):
    assert measure(0.99, {"2026-03-01": (1000 - bad, 1000)}).remaining == remaining


def test_days_follow_the_time_of_the_sample_in_utc():
    late_in_new_york = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
    points = [Point(at=DAY, value=300), Point(at=DAY, value=301), Point(at=late_in_new_york, value=1)]

    assert tally(slo(), points) == {"2026-03-01": (1, 2), "2026-03-02": (1, 1)}


def test_days_before_the_window_are_forgotten():
    tracked = TrackedSlo(slo=slo(window_days=7), days={"2026-03-01": (1, 1), "2026-03-02": (2, 2)})

    assert merge(tracked, {"2026-03-08": (3, 3)}) == {"2026-03-02": (2, 2), "2026-03-08": (3, 3)}


def test_a_year_of_samples_keeps_no_more_days_than_the_window():
    tracked = TrackedSlo(slo=slo(window_days=30))
    for day in range(365):
        days = merge(tracked, tally(tracked.slo, [Point(at=DAY + timedelta(days=day), value=1)]))
        tracked = tracked.model_copy(update={"days": days})

    assert len(tracked.days) == 30
