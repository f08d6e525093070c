"""Matching people to what a plan needs; exact, deterministic, and even in load."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.engine.flow import Network
from schemas.provisioning import Assignment, Person, RoleNeed


@dataclass(frozen=True, slots=True)
class Match:
    """Either `missing` is empty and `assignments` fill every need, or `missing` says what is short."""

    assignments: tuple[Assignment, ...]
    missing: tuple[RoleNeed, ...]


def match(needs: Sequence[RoleNeed], people: Sequence[Person]) -> Match:
    """Fill every need with at least as many people as it names and with all of its days.

    A person may serve several roles within the days they have. When all can be filled, the load is spread:
    the busiest person is as little busy as possible.
    """
    missing = _missing(_flow(needs, people, 100), needs)
    if missing:
        return Match((), missing)
    low, high = 1, 100
    while low < high:
        middle = (low + high) // 2
        if _missing(_flow(needs, people, middle), needs):
            low = middle + 1
        else:
            high = middle
    return Match(_assignments(_flow(needs, people, low), needs, people), ())


def _flow(needs: Sequence[RoleNeed], people: Sequence[Person], percent: int) -> Network:
    """Days flow from people to roles. A role's first day of each of its people is a seat of its own, so
    that the number of people counts as well as the number of days."""
    network = Network()
    for need in needs:
        seats = min(need.people, need.days)
        network.edge(("seat", need.role), "sink", seats)
        network.edge(("rest", need.role), "sink", need.days - seats)
    for person in sorted(people, key=lambda one: one.id):
        network.edge("source", ("person", person.id), -(-person.available_days * percent // 100))
        for need in needs:
            if need.role in person.roles:
                network.edge(("person", person.id), ("seat", need.role), 1)
                network.edge(("person", person.id), ("rest", need.role), need.days)
    network.maximise("source", "sink")
    return network


def _missing(network: Network, needs: Sequence[RoleNeed]) -> tuple[RoleNeed, ...]:
    short: list[RoleNeed] = []
    for need in needs:
        seats = min(need.people, need.days) - network.carried(("seat", need.role), "sink")
        rest = need.days - min(need.people, need.days) - network.carried(("rest", need.role), "sink")
        if seats or rest:
            short.append(RoleNeed(role=need.role, days=seats + rest, people=max(seats, 1)))
    return tuple(short)


def _assignments(
    network: Network, needs: Sequence[RoleNeed], people: Sequence[Person]
) -> tuple[Assignment, ...]:
    return tuple(
        Assignment(role=need.role, person=person.id, days=days)
        for need in needs
        for person in sorted(people, key=lambda one: one.id)
        if (days := _days(network, person, need))
    )


def _days(network: Network, person: Person, need: RoleNeed) -> int:
    return sum(network.carried(("person", person.id), (kind, need.role)) for kind in ("seat", "rest"))
