"""Scores, ranks and milestones, on any requirements."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.engine.phasing import phases
from intake.engine.scoring import quadrant, scores, size_class, weighted
from schemas.intake import Formula, Requirement

START = date(2026, 3, 2)

requirements = st.lists(
    st.builds(
        Requirement,
        id=st.integers(1, 60).map(lambda n: f"r{n}"),
        title=st.just("A requirement"),
        description=st.just("What it is about."),
        importance=st.integers(1, 5),
        urgency=st.integers(1, 5),
        effort_days=st.integers(1, 2000),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda r: r.id,
)


def _requirement(importance: int, urgency: int, effort_days: int = 10, id: str = "r") -> Requirement:
    return Requirement(
        id=id,
        title="A requirement",
        description="What.",
        importance=importance,
        urgency=urgency,
        effort_days=effort_days,
    )


@pytest.mark.parametrize(
    ("effort_days", "expected"),
    [(1, 1), (5, 1), (6, 2), (15, 2), (16, 3), (40, 3), (41, 4), (100, 4), (101, 5)],
)
def test_effort_has_a_size_class(effort_days, expected):
    assert size_class(effort_days) == expected


@pytest.mark.parametrize(
    ("importance", "urgency", "expected"),
    [(4, 4, "do_first"), (5, 3, "schedule"), (3, 4, "quick_win"), (3, 3, "later")],
)
def test_a_rating_of_four_is_high(importance, urgency, expected):
    assert quadrant(_requirement(importance, urgency)) == expected


def test_score_weighs_importance_urgency_and_ease():
    assert weighted(Formula(), _requirement(4, 3, effort_days=20)) == pytest.approx(
        0.5 * 4 + 0.3 * 3 + 0.2 * 3
    )


def test_ties_are_broken_by_id():
    tied = [_requirement(3, 3, id=key) for key in ("r2", "r10", "r1")]

    assert [s.requirement for s in scores(Formula(), tied)] == ["r1", "r10", "r2"]


@given(requirements, st.randoms())
def test_order_of_recording_does_not_change_ranks(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)

    assert scores(Formula(), shuffled) == scores(Formula(), items)


@given(requirements)
def test_ranks_follow_scores(items):
    ranked = scores(Formula(), items)

    assert [s.rank for s in ranked] == list(range(1, len(items) + 1))
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)


@given(requirements, st.integers(1, 1000))
def test_phases_hold_every_requirement_once_and_end_at_the_target(items, days):
    target = START + timedelta(days=days)
    by_id = {r.id: r for r in items}

    made = phases(by_id, scores(Formula(), items), START, target)

    planned = [key for phase in made for key in phase.requirements]
    assert sorted(planned) == sorted(by_id)
    milestones = [phase.milestone_on for phase in made]
    assert milestones == sorted(milestones)
    assert milestones[-1] == target
    assert all(START < milestone <= target for milestone in milestones)


@given(requirements)
def test_what_is_important_and_urgent_is_all_of_phase_one(items):
    first = {r.id for r in items if r.importance >= 4 and r.urgency >= 4}

    made = phases({r.id: r for r in items}, scores(Formula(), items), START, START + timedelta(days=100))

    if first:
        assert set(made[0].requirements) == first


def test_milestones_share_the_time_by_effort():
    items = [_requirement(5, 5, 30, "r1"), _requirement(5, 1, 10, "r2")]

    made = phases({r.id: r for r in items}, scores(Formula(), items), START, START + timedelta(days=100))

    assert [p.milestone_on for p in made] == [START + timedelta(days=75), START + timedelta(days=100)]


def test_expected_outcome_quotes_the_kpi(build):
    item = build.requirement("r1", title="Faster orders", kpi=build.kpi())

    made = phases({"r1": item}, scores(Formula(), [item]), START, START + timedelta(days=10))

    assert made[0].expected_outcome == "Faster orders: order-lead-time from 12 to 5 days by 2026-12-01."
