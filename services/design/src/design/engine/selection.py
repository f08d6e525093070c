"""The best compatible choice of products under the budget, and why nothing fits when nothing does."""

from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from design.engine.options import Option, Problem
from design.engine.solving import run
from design.engine.wording import listed, money


@dataclass(frozen=True, slots=True)
class Choice:
    """One option per filled slot, by slot; cost in cents, value in hundredths."""

    options: tuple[Option, ...]
    optimal: bool = True

    @property
    def cost(self) -> int:
        return sum(o.cost for o in self.options)

    @property
    def value(self) -> int:
        return sum(o.value for o in self.options)

    def has(self, product: str) -> bool:
        return any(o.id == product for o in self.options)


class _Model:
    """The constraints of a problem; `forced` is a product that must be chosen."""

    def __init__(self, problem: Problem, budget: int | None, forced: str | None) -> None:
        self.problem = problem
        self.model = cp_model.CpModel()
        self.taken = {o.id: self.model.new_bool_var(o.id) for o in problem.options}
        self.cost = sum(o.cost * self.taken[o.id] for o in problem.options)
        self.value = sum(o.value * self.taken[o.id] for o in problem.options)
        self._fill_slots()
        self._keep_apart()
        if budget is not None:
            self.model.add(self.cost <= budget)
        if forced is not None:
            self.model.add(self.taken[forced] == 1)

    def _fill_slots(self) -> None:
        requirers = self._requirers()
        for slot in sorted({o.slot for o in self.problem.options}):
            filled = sum(self.taken[o.id] for o in self.problem.of_slot(slot))
            asking = [self.taken[key] for key in requirers.get(slot, ())]
            if slot in self.problem.needed:
                self.model.add(filled == 1)
                continue
            self.model.add(filled <= 1)
            self.model.add(filled <= sum(asking))
            for asks in asking:
                self.model.add(filled >= asks)

    def _requirers(self) -> dict[str, list[str]]:
        requirers: dict[str, list[str]] = {}
        for option in self.problem.options:
            for slot in option.product.requires_slots:
                requirers.setdefault(slot, []).append(option.id)
        return requirers

    def _keep_apart(self) -> None:
        for pair in sorted(sorted(p) for p in self.problem.incompatible):
            both = [self.taken[key] for key in pair if key in self.taken]
            if len(both) == 2:
                self.model.add(sum(both) <= 1)

    def solve(self) -> Choice | None:
        answer = run(self.model)
        if answer is None:
            return None
        solver, optimal = answer
        chosen = (o for o in self.problem.options if solver.boolean_value(self.taken[o.id]))
        return Choice(tuple(sorted(chosen, key=lambda o: o.slot)), optimal)


def best(problem: Problem, *, forced: str | None = None) -> Choice | None:
    """The choice of highest value within the budget; of several, one of lowest cost. None: there is none."""
    search = _Model(problem, problem.budget, forced)
    search.model.maximize(search.value)
    first = search.solve()
    if first is None:
        return None
    search.model.add(search.value >= first.value)
    search.model.minimize(search.cost)
    cheapest = search.solve() or first
    return Choice(cheapest.options, first.optimal and cheapest.optimal)


def cheapest(problem: Problem, *, forced: str | None = None) -> Choice | None:
    """The compatible choice of lowest cost, whatever the budget."""
    search = _Model(problem, None, forced)
    search.model.minimize(search.cost)
    return search.solve()


def conflicts(problem: Problem, currency: str) -> tuple[str, ...]:
    """What stands in the way, for a problem that has no choice."""
    if not problem.needed:
        return tuple(f"{hole.requirement}: {hole.reason}" for hole in problem.holes)
    least = cheapest(problem)
    return _over_budget(problem, least, currency) if least else _incompatible(problem)


def _over_budget(problem: Problem, least: Choice, currency: str) -> tuple[str, ...]:
    short = least.cost - problem.budget
    each = listed(f"{o.slot} {money(o.cost, currency)} ({o.id})" for o in least.options)
    found = [
        f"the cheapest compatible choice costs {money(least.cost, currency)} over three years;"
        f" the budget is {money(problem.budget, currency)}, {money(short, currency)} too little: {each}"
    ]
    for slot in problem.needed:
        rest = cheapest(problem.without([slot]))
        if rest is not None and rest.cost <= problem.budget:
            found.append(f"without the slot {slot} it would fit, at {money(rest.cost, currency)}")
    return tuple(found)


def _incompatible(problem: Problem) -> tuple[str, ...]:
    slots = _clashing_slots(problem)
    clashes = listed(_clashes(problem, slots))
    return (f"the slots {listed(slots)} cannot be filled together; incompatible are {clashes}",)


def _clashing_slots(problem: Problem) -> tuple[str, ...]:
    """A smallest set of slots that already cannot be filled: dropping any one of them makes it possible."""
    for slot in problem.needed:
        without = problem.without([slot])
        if cheapest(without) is None:
            problem = without
    return problem.needed


def _clashes(problem: Problem, slots: Sequence[str]) -> list[str]:
    involved = {o.id for o in problem.options if o.slot in slots}
    touching = sorted((sorted(pair), why) for pair, why in problem.incompatible.items() if pair & involved)
    return [f"{pair[0]} with {pair[-1]} ({why})" for pair, why in touching]
