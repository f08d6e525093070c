"""A complete proposal out of an order."""

from collections.abc import Sequence
from dataclasses import dataclass

from design.engine.architecture import components, connections, environment
from design.engine.options import Option, Problem, problem_of
from design.engine.reasons import rejected, selections
from design.engine.risks import Facts, risks
from design.engine.schedule import Job, Timetable, latest_starts, peaks, smallest_team
from design.engine.selection import Choice, best, conflicts
from design.engine.wording import amount, prose
from design.engine.work import WorkItem, work_items
from design.engine.workdays import Workdays
from schemas.design import Coverage, DraftOrder, Hole, Proposal, Selection, Task
from schemas.intake import Requirement


@dataclass(frozen=True, slots=True)
class Infeasible:
    """Nothing fits; `conflicts` says what stands in the way."""

    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Project:
    """The tasks on their timetable, with the people they take."""

    tasks: tuple[Task, ...]
    table: Timetable
    team: dict[str, int]
    load: dict[str, int]


def draft(order: DraftOrder) -> Proposal | Infeasible:
    """Equal orders give equal proposals. Raises Unanswered when the solver reaches its limit."""
    problem = problem_of(order)
    choice = best(problem) if problem.needed else None
    if choice is None:
        return Infeasible(tuple(prose(c) for c in conflicts(problem, order.currency)))
    others, losses = rejected(problem, choice, order.catalogue.products, order.currency)
    chosen = selections(problem, choice, losses, order.currency)
    links = connections(choice.options)
    serves = {s.slot: s.serves for s in chosen}
    project = _project(order, work_items(choice.options, links, serves, len(order.client.sites)))
    holes = problem.holes + _unserved(order.requirements, problem, choice.options)
    return Proposal(
        version=order.version,
        cycle=order.cycle,
        currency=order.currency,
        budget=order.budget,
        total_cost=amount(choice.cost),
        total_value=choice.value / 100,
        optimal=choice.optimal and project.table.optimal,
        selections=tuple(chosen),
        rejected_options=tuple(others),
        components=components(choice.options),
        connections=links,
        tasks=project.tasks,
        team=project.team,
        makespan_days=project.table.makespan,
        finish_on=Workdays(order.start_on).day(project.table.makespan - 1),
        risks=risks(_facts(order, problem, choice, project, holes)),
        coverage=_coverage(order.requirements, chosen, project.tasks),
        holes=holes,
        environment=environment(order.client.name, choice.options),
    )


def _project(order: DraftOrder, items: Sequence[WorkItem]) -> _Project:
    calendar = Workdays(order.start_on)
    jobs = [Job(i.id, i.days, {i.role: 1}, i.depends_on) for i in items]
    table, capacities = smallest_team(jobs, calendar.until(order.target_on))
    latest = latest_starts(jobs, capacities, table)
    tasks = [_task(item, table.starts[item.id], latest[item.id], calendar) for item in items]
    load: dict[str, int] = {}
    for item in items:
        load[item.role] = load.get(item.role, 0) + item.days
    ordered = tuple(sorted(tasks, key=lambda t: (t.start_day, t.id)))
    return _Project(ordered, table, peaks(jobs, table), load)


def _task(item: WorkItem, start: int, latest: int, calendar: Workdays) -> Task:
    return Task(
        id=item.id,
        title=item.title,
        role=item.role,
        days=item.days,
        depends_on=item.depends_on,
        start_day=start,
        finish_day=start + item.days,
        start_on=calendar.day(start),
        finish_on=calendar.day(start + item.days - 1),
        critical=latest == start,
        serves=item.serves,
    )


def _unserved(
    requirements: Sequence[Requirement], problem: Problem, options: Sequence[Option]
) -> tuple[Hole, ...]:
    """Needs that another product of the slot would have met, but not the chosen one."""
    chosen = {o.slot: o for o in options}
    attainable = {(o.slot, key) for o in problem.options for key in o.serves}
    return tuple(
        Hole(
            requirement=requirement.id,
            reason=f"{chosen[need.slot].id}, chosen for {need.slot}, meets other needs but not this one",
        )
        for requirement in requirements
        for need in requirement.needs
        if (need.slot, requirement.id) in attainable and requirement.id not in chosen[need.slot].serves
    )


def _facts(
    order: DraftOrder, problem: Problem, choice: Choice, project: _Project, holes: Sequence[Hole]
) -> Facts:
    calendar = Workdays(order.start_on)
    makespan = project.table.makespan
    return Facts(
        options=choice.options,
        holes=holes,
        budget=problem.budget,
        cost=choice.cost,
        finish_on=calendar.day(makespan - 1),
        target_on=order.target_on,
        days_left=calendar.until(order.target_on) - makespan,
        makespan=makespan,
        load=project.load,
        team=project.team,
    )


def _coverage(
    requirements: Sequence[Requirement], chosen: Sequence[Selection], tasks: Sequence[Task]
) -> tuple[Coverage, ...]:
    """One per requirement that at least one component serves."""
    return tuple(
        Coverage(
            requirement=r.id,
            components=tuple(s.slot for s in chosen if r.id in s.serves),
            tasks=tuple(t.id for t in tasks if r.id in t.serves),
        )
        for r in requirements
        if any(r.id in s.serves for s in chosen)
    )
