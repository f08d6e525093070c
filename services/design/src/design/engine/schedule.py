"""Jobs with precedence and limited resources put on the shortest timetable (RCPSP), and the team it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from design.engine.solving import run

_MOST_PEOPLE = 3
"""A proposal asks for no more people of one role at once: beyond that, coordination eats the gain."""


@dataclass(frozen=True, slots=True)
class Job:
    """`uses`: resource to how many units, for all of `days`."""

    id: str
    days: int
    uses: Mapping[str, int]
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timetable:
    """Start day per job; finish is exclusive."""

    starts: Mapping[str, int]
    makespan: int
    optimal: bool


def timetable(jobs: Sequence[Job], capacities: Mapping[str, int]) -> Timetable:
    """The shortest timetable; of several, one in which jobs start as early as they can together.

    Raises ValueError where no timetable exists: a cycle, or a job that needs more than there is.
    """
    model = cp_model.CpModel()
    horizon = sum(job.days for job in jobs)
    starts = {job.id: model.new_int_var(0, horizon, job.id) for job in jobs}
    makespan = model.new_int_var(0, horizon, "makespan")
    for job in jobs:
        model.add(makespan >= starts[job.id] + job.days)
    _constrain(model, jobs, capacities, starts)
    model.minimize(makespan)
    found = run(model)
    if found is None:
        raise ValueError("the jobs have no timetable: a cycle of dependencies, or too small a capacity")
    solver, shortest = found
    length = solver.value(makespan)
    model.add(makespan == length)
    for variable in starts.values():
        model.add_hint(variable, solver.value(variable))
    model.minimize(sum(starts.values()))
    earliest = run(model)
    solver = earliest[0] if earliest else solver
    return Timetable({key: solver.value(v) for key, v in starts.items()}, length, shortest)


def _constrain(
    model: cp_model.CpModel,
    jobs: Sequence[Job],
    capacities: Mapping[str, int],
    starts: Mapping[str, cp_model.IntVar],
) -> None:
    days = {job.id: job.days for job in jobs}
    spans = {
        job.id: model.new_fixed_size_interval_var(starts[job.id], job.days, f"span {job.id}") for job in jobs
    }
    for job in jobs:
        for earlier in job.depends_on:
            model.add(starts[job.id] >= starts[earlier] + days[earlier])
    for resource, capacity in sorted(capacities.items()):
        users = [job for job in jobs if job.uses.get(resource)]
        model.add_cumulative([spans[j.id] for j in users], [j.uses[resource] for j in users], capacity)


def latest_starts(jobs: Sequence[Job], capacities: Mapping[str, int], table: Timetable) -> dict[str, int]:
    """How late each job may start without moving the end, the others kept in their order on each resource.

    Right justification: from the last finish backwards, each job as late as successors and people allow.
    """
    successors: dict[str, list[str]] = {job.id: [] for job in jobs}
    for job in jobs:
        for earlier in job.depends_on:
            successors[earlier].append(job.id)
    use = {resource: [0] * table.makespan for resource in capacities}
    latest: dict[str, int] = {}
    for job in sorted(jobs, key=lambda j: (-(table.starts[j.id] + j.days), j.id)):
        start = min([table.makespan, *(latest[s] for s in successors[job.id])]) - job.days
        while not _fits(job, start, use, capacities):
            start -= 1
        for resource, units in job.uses.items():
            for day in range(start, start + job.days):
                use[resource][day] += units
        latest[job.id] = start
    return latest


def _fits(job: Job, start: int, use: Mapping[str, list[int]], capacities: Mapping[str, int]) -> bool:
    return all(
        use[resource][day] + units <= capacities[resource]
        for resource, units in job.uses.items()
        for day in range(start, start + job.days)
    )


def peaks(jobs: Sequence[Job], table: Timetable) -> dict[str, int]:
    """The most units of each resource in use on one day."""
    use: dict[str, dict[int, int]] = {}
    for job in jobs:
        for resource, units in job.uses.items():
            per_day = use.setdefault(resource, {})
            for day in range(table.starts[job.id], table.starts[job.id] + job.days):
                per_day[day] = per_day.get(day, 0) + units
    return {resource: max(per_day.values()) for resource, per_day in sorted(use.items())}


def smallest_team(jobs: Sequence[Job], days: int) -> tuple[Timetable, dict[str, int]]:
    """One person per role; more of a role only while that shortens a timetable longer than `days`."""
    team = {role: 1 for job in jobs for role in job.uses}
    table = timetable(jobs, team)
    while table.makespan > days:
        larger = [{**team, role: n + 1} for role, n in sorted(team.items()) if n < _MOST_PEOPLE]
        tried = [(timetable(jobs, one), one) for one in larger]
        shortest = min(tried, key=lambda pair: pair[0].makespan, default=(table, team))
        if shortest[0].makespan >= table.makespan:
            break
        table, team = shortest
    return table, team
