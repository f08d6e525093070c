"""Why each product was chosen, and why each other one was not."""

from collections.abc import Mapping, Sequence

from design.engine.options import Option, Problem
from design.engine.selection import Choice, best, cheapest
from design.engine.wording import amount, listed, money, points, prose
from schemas.design import Product, RejectedOption, Selection


def selections(problem: Problem, choice: Choice, losses: Mapping[str, int], currency: str) -> list[Selection]:
    """One per chosen option; `losses` is how much value every other option would cost, by product id."""
    serves = _serves(choice)
    return [
        Selection(
            slot=option.slot,
            product=option.id,
            name=option.product.name,
            cost=amount(option.cost),
            value=option.value / 100,
            serves=serves[option.slot],
            reason=prose(_reason(problem, choice, option, losses, currency)),
        )
        for option in choice.options
    ]


def _serves(choice: Choice) -> dict[str, tuple[str, ...]]:
    """Slot to the requirements it serves: by meeting a need, or by being required by what meets one."""
    serves = {o.slot: set(o.serves) for o in choice.options}
    for _ in choice.options:
        for option in choice.options:
            for slot in option.product.requires_slots:
                serves[slot] |= serves[option.slot]
    return {slot: tuple(sorted(keys)) for slot, keys in serves.items()}


def _reason(
    problem: Problem, choice: Choice, option: Option, losses: Mapping[str, int], currency: str
) -> str:
    alternatives = [o for o in problem.of_slot(option.slot) if o.id != option.id]
    cost = money(option.cost, currency)
    if not option.serves:
        asking = listed(o.id for o in choice.options if option.slot in o.product.requires_slots)
        return f"Required by {asking}; the cheapest way to a complete choice, at {cost}."
    opening = f"Meets {listed(option.serves)} with value {points(option.value)} at {cost} over three years"
    if not alternatives:
        return f"{opening}; the only product of its slot that can be chosen."
    feasible = sorted((losses[o.id], o.id) for o in alternatives if o.id in losses)
    if not feasible:
        return f"{opening}; no other option of its slot can be part of a choice."
    loss, runner_up = feasible[0]
    if loss == 0:
        return f"{opening}; {runner_up} would give the same total value at no lower cost."
    return f"{opening}; the next best, {runner_up}, would lower the total value by {points(loss)}."


def rejected(
    problem: Problem, choice: Choice, products: Sequence[Product], currency: str
) -> tuple[list[RejectedOption], dict[str, int]]:
    """Every product that was not chosen with its reason, and the loss of value of those that could be."""
    options = {o.id: o for o in problem.options}
    found: list[RejectedOption] = []
    losses: dict[str, int] = {}
    for product in sorted(products, key=lambda p: (p.slot, p.id)):
        if choice.has(product.id):
            continue
        reason = problem.ruled_out.get(product.id) or _forced(
            problem, choice, options[product.id], losses, currency
        )
        found.append(RejectedOption(product=product.id, slot=product.slot, reason=prose(reason)))
    return found, losses


def _forced(problem: Problem, choice: Choice, option: Option, losses: dict[str, int], currency: str) -> str:
    """The reason found by choosing again with the option forced in."""
    if option.slot not in {o.slot for o in choice.options}:
        return f"no requirement and no chosen product needs the slot {option.slot}"
    clash = _clash(problem, choice, option)
    other = best(problem, forced=option.id)
    if other is None:
        return clash + _impossible(problem, option, currency)
    losses[option.id] = choice.value - other.value
    if other.value < choice.value:
        return (
            f"{clash}lower value: the best choice with it is worth {points(choice.value - other.value)} less"
        )
    if other.cost > choice.cost:
        return f"{clash}dearer by {money(other.cost - choice.cost, currency)} for the same value"
    return (
        f"{clash}the same value and cost as {listed(o.id for o in choice.options if o.slot == option.slot)}"
    )


def _clash(problem: Problem, choice: Choice, option: Option) -> str:
    clashing = [
        f"{o.id} ({problem.incompatible[pair]})"
        for o in choice.options
        if (pair := frozenset((o.id, option.id))) in problem.incompatible and o.slot != option.slot
    ]
    return f"incompatible with {listed(clashing)}; " if clashing else ""


def _impossible(problem: Problem, option: Option, currency: str) -> str:
    least = cheapest(problem, forced=option.id)
    if least is None:
        return "incompatible with every way to fill the other slots"
    over = money(least.cost - problem.budget, currency)
    return f"dearer than the budget allows: the cheapest choice with it is {over} over"
