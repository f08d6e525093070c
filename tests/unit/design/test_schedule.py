"""The timetable, verified by a checker that shares nothing with the engine."""

import itertools
import random
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from design.engine.drafting import draft
from design.engine.schedule import Job, latest_starts, peaks, smallest_team, timetable
from design.engine.workdays import Workdays
from schemas.design import Layer

days = st.dates(date(2024, 1, 1), date(2030, 12, 31))


def _violations(jobs, starts, capacities) -> list[str]:
    found = [
        f"{job.id} starts before {earlier} ends"
        for job in jobs
        for earlier in job.depends_on
        if starts[job.id] < starts[earlier] + next(j.days for j in jobs if j.id == earlier)
    ]
    use: Counter[tuple[str, int]] = Counter()
    for job in jobs:
        for day in range(starts[job.id], starts[job.id] + job.days):
            for role, units in job.uses.items():
                use[role, day] += units
    found += [f"{role} is overbooked on day {day}" for (role, day), n in use.items() if n > capacities[role]]
    return found + [f"{key} starts before day 0" for key, start in starts.items() if start < 0]


def _random_jobs(seed: int) -> tuple[list[Job], dict[str, int]]:
    rng = random.Random(seed)
    jobs: list[Job] = []
    for n in range(rng.randint(3, 12)):
        before = tuple(job.id for job in jobs if rng.random() < 0.25)
        jobs.append(Job(f"j{n:02}", rng.randint(1, 8), {rng.choice(("dba", "engineer")): 1}, before))
    return jobs, {"dba": rng.randint(1, 2), "engineer": rng.randint(1, 2)}


def _longest_chain(jobs) -> int:
    finish: dict[str, int] = {}
    for job in jobs:
        finish[job.id] = job.days + max((finish[key] for key in job.depends_on), default=0)
    return max(finish.values())


@pytest.mark.parametrize("seed", range(30))
def test_timetable_keeps_precedence_and_people(seed):
    jobs, capacities = _random_jobs(seed)

    table = timetable(jobs, capacities)

    assert _violations(jobs, table.starts, capacities) == []
    assert table.makespan == max(table.starts[j.id] + j.days for j in jobs)
    load = {r: sum(j.days for j in jobs if r in j.uses) for r in capacities}
    bound = max(_longest_chain(jobs), *(-(-load[r] // capacities[r]) for r in capacities))
    assert table.optimal
    assert table.makespan >= bound


@pytest.mark.parametrize("seed", range(30))
def test_jobs_may_be_as_late_as_told_and_the_last_is_critical(seed):
    jobs, capacities = _random_jobs(seed)
    table = timetable(jobs, capacities)

    latest = latest_starts(jobs, capacities, table)

    assert _violations(jobs, latest, capacities) == []
    assert all(latest[j.id] >= table.starts[j.id] for j in jobs)
    assert all(latest[j.id] + j.days <= table.makespan for j in jobs)
    ends_last = [j.id for j in jobs if table.starts[j.id] + j.days == table.makespan]
    assert all(latest[key] == table.starts[key] for key in ends_last)


def test_known_optimum_is_found():
    """Two machines' worth of work for one person: a (3) and b (2) before c (4), d (5) on its own."""
    jobs = [
        Job("a", 3, {"dba": 1}),
        Job("b", 2, {"dba": 1}),
        Job("c", 4, {"dba": 1}, ("a", "b")),
        Job("d", 5, {"engineer": 1}, ("a",)),
    ]

    table = timetable(jobs, {"dba": 1, "engineer": 1})

    assert table.makespan == 9
    assert table.starts == {"a": 0, "b": 3, "c": 5, "d": 3}
    assert latest_starts(jobs, {"dba": 1, "engineer": 1}, table) == {"a": 0, "b": 3, "c": 5, "d": 4}


def test_a_cycle_of_dependencies_has_no_timetable():
    with pytest.raises(ValueError, match="no timetable"):
        timetable([Job("a", 1, {}, ("b",)), Job("b", 1, {}, ("a",))], {})


def test_team_grows_only_while_the_target_is_missed():
    jobs = [Job(f"j{n}", 5, {"engineer": 1}) for n in range(4)]

    alone, one = smallest_team(jobs, 20)
    pair, two = smallest_team(jobs, 10)
    crowd, most = smallest_team(jobs, 1)

    assert (alone.makespan, one) == (20, {"engineer": 1})
    assert (pair.makespan, two) == (10, {"engineer": 2})
    assert (crowd.makespan, most) == (10, {"engineer": 2})
    assert peaks(jobs, pair) == {"engineer": 2}


@given(days, st.integers(0, 600))
def test_working_days_are_counted_like_a_calendar(start, number):
    day = start
    seen = 0
    while day.weekday() > 4 or seen < number:
        seen += day.weekday() <= 4
        day += timedelta(days=1)

    assert Workdays(start).day(number) == day
    assert Workdays(start).until(day) == number + 1


@given(days, st.integers(-10, 200))
def test_working_days_until_an_end_are_counted_like_a_calendar(start, length):
    end = start + timedelta(days=length)
    counted = sum((start + timedelta(days=n)).weekday() <= 4 for n in range(length + 1))

    assert Workdays(start).until(end) == counted


def _networked(build):
    products = (
        build.product("wall", "firewall", layer=Layer.NETWORK, effort_days={"network-engineer": 4}),
        build.product("suite", "erp", effort_days={"engineer": 10, "expert": 6}),
        build.product("pgsql", "database", effort_days={"dba": 5}),
        build.product("files", "storage", layer=Layer.DATA, effort_days={"dba": 2}),
    )
    needs = build.requirement("r1", "firewall", "erp", "database", "storage")
    return build.order(*products, requirements=(needs,))


def test_tasks_of_a_proposal_keep_precedence_people_and_weekends(build):
    made = draft(_networked(build))

    jobs = [Job(t.id, t.days, {t.role: 1}, t.depends_on) for t in made.tasks]
    assert _violations(jobs, {t.id: t.start_day for t in made.tasks}, made.team) == []
    for task in made.tasks:
        assert task.start_on.weekday() < 5
        assert task.finish_on.weekday() < 5
        span = [task.start_on + timedelta(days=n) for n in range((task.finish_on - task.start_on).days + 1)]
        assert sum(day.weekday() < 5 for day in span) == task.days == task.finish_day - task.start_day
    assert min(t.start_on for t in made.tasks) == date(2026, 3, 9), "7 March 2026 is a Saturday"
    assert made.finish_on == max(t.finish_on for t in made.tasks)


def test_lower_layers_come_first_and_acceptance_last(build):
    made = draft(_networked(build))
    tasks = {t.id: t for t in made.tasks}

    assert set(tasks) == {
        "install-firewall-network-engineer",
        "install-database-dba",
        "install-storage-dba",
        "install-erp-engineer",
        "install-erp-expert",
        "integrate-erp",
        "migrate-data",
        "train-users",
        "acceptance",
    }
    assert set(tasks["install-erp-expert"].depends_on) == {
        "install-database-dba",
        "install-firewall-network-engineer",
    }
    assert tasks["acceptance"].finish_day == made.makespan_days
    assert tasks["acceptance"].critical
    assert set(made.team) == {t.role for t in made.tasks}
    assert made.coverage[0].tasks == tuple(t.id for t in made.tasks)


def test_what_is_required_is_installed_before_what_requires_it(build):
    products = (
        build.product("a", "erp", requires_slots=("portal",)),
        build.product("b", "portal", requires_slots=("database",)),
        build.product("c", "database", requires_slots=("storage",)),
        build.product("d", "storage", layer=Layer.DATA),
    )
    needs = build.requirement("r1", "erp", "portal", "database", "storage")

    tasks = {t.id: t for t in draft(build.order(*products, requirements=(needs,))).tasks}

    chain = ["storage", "database", "portal", "erp"]
    for earlier, later in itertools.pairwise(f"install-{slot}-engineer" for slot in chain):
        assert earlier in tasks[later].depends_on


def test_products_that_require_each_other_still_have_an_order(build):
    products = (
        build.product("a", "erp", requires_slots=("portal",)),
        build.product("b", "portal", requires_slots=("erp",)),
    )

    made = draft(build.order(*products, requirements=(build.requirement("r1", "erp"),)))

    tasks = {t.id: t for t in made.tasks}
    assert tasks["install-erp-engineer"].depends_on == ("install-portal-engineer",)
    assert tasks["install-portal-engineer"].depends_on == ()


def test_the_shorter_of_two_installations_has_float(build):
    made = draft(_networked(build))

    tasks = {t.id: t for t in made.tasks}
    assert tasks["install-erp-engineer"].critical
    assert not tasks["install-erp-expert"].critical
