"""The work breakdown: what has to be done to put a choice in place, by role, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from design.engine.options import Option
from design.engine.wording import short_ref, text
from schemas.design import Connection, Layer

# Norms for the work that no product brings along, in person days.
_DAYS_PER_CONNECTION = 1
_MIGRATION_DAYS_PER_STORE = 4
_TRAINING_DAYS_PER_SITE = 2
_ACCEPTANCE_DAYS_PER_REQUIREMENT = 1
_INSTALL_DAYS = 1
_ORDER = {Layer.NETWORK: 0, Layer.DATA: 1, Layer.APPLICATION: 2}


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A piece of work before it has a place in the timetable."""

    id: str
    title: str
    role: str
    days: int
    depends_on: tuple[str, ...]
    serves: tuple[str, ...]


def work_items(
    options: Sequence[Option],
    connections: Sequence[Connection],
    serves: dict[str, tuple[str, ...]],
    sites: int,
) -> list[WorkItem]:
    """`serves`: slot to requirement ids. Lower layers are put in before what connects to them."""
    installs = _installs(options, connections, serves)
    integrations = _integrations(options, connections, serves)
    covered = tuple(sorted({key for keys in serves.values() for key in keys}))
    everything = tuple(item.id for item in installs)
    stores = [o for o in options if o.product.layer is Layer.DATA]
    migrate = WorkItem(
        "migrate-data",
        "Migrate the data",
        "dba",
        _MIGRATION_DAYS_PER_STORE * max(1, len(stores)),
        _install_ids(stores) or everything,
        covered,
    )
    train = WorkItem(
        "train-users",
        "Train the users",
        "trainer",
        _TRAINING_DAYS_PER_SITE * max(1, sites),
        tuple(item.id for item in integrations) or everything,
        covered,
    )
    accept = WorkItem(
        "acceptance",
        "Acceptance by the client",
        "project_manager",
        max(1, _ACCEPTANCE_DAYS_PER_REQUIREMENT * len(covered)),
        (*everything, migrate.id, train.id),
        covered,
    )
    return [*installs, *integrations, migrate, train, accept]


def _integrations(
    options: Sequence[Option], connections: Sequence[Connection], serves: dict[str, tuple[str, ...]]
) -> list[WorkItem]:
    """One per application: its connections are set up and tested once both of their ends are installed."""
    items: list[WorkItem] = []
    for option in (o for o in options if o.product.layer is Layer.APPLICATION):
        own = [c for c in connections if option.slot in (c.source, c.target)]
        ends = {slot for c in own for slot in (c.source, c.target)}
        if own:
            items.append(
                WorkItem(
                    short_ref("integrate", option.slot),
                    text(f"Integrate {option.product.name} and test its connections"),
                    "engineer",
                    _DAYS_PER_CONNECTION * len(own),
                    _install_ids([o for o in options if o.slot in ends]),
                    serves[option.slot],
                )
            )
    return items


def _installs(
    options: Sequence[Option], connections: Sequence[Connection], serves: dict[str, tuple[str, ...]]
) -> list[WorkItem]:
    done: list[Option] = []
    items: list[WorkItem] = []
    for option in _installation_order(options):
        before = _install_ids([o for o in done if _comes_before(o, option, connections)])
        for role, days in _efforts(option):
            title = text(f"Install and configure {option.product.name} ({role})")
            items.append(WorkItem(_id(option, role), title, role, days, before, serves[option.slot]))
        done.append(option)
    return items


def _installation_order(options: Sequence[Option]) -> list[Option]:
    """Layer by layer; within one, what is required before what requires it, as far as that is no circle."""
    by_slot = {o.slot: o for o in options}
    ordered: list[Option] = []
    entered: set[str] = set()

    def visit(option: Option) -> None:
        if option.slot in entered:
            return
        entered.add(option.slot)
        for slot in sorted(option.product.requires_slots):
            if _ORDER[by_slot[slot].product.layer] <= _ORDER[option.product.layer]:
                visit(by_slot[slot])
        ordered.append(option)

    for option in sorted(options, key=lambda o: (_ORDER[o.product.layer], o.slot)):
        visit(option)
    return ordered


def _comes_before(earlier: Option, option: Option, connections: Sequence[Connection]) -> bool:
    """True for what the option requires, and for lower layers it is connected with."""
    lower = _ORDER[earlier.product.layer] < _ORDER[option.product.layer]
    linked = any({c.source, c.target} == {earlier.slot, option.slot} for c in connections)
    return earlier.slot in option.product.requires_slots or (lower and linked)


def _efforts(option: Option) -> list[tuple[str, int]]:
    efforts = sorted((role, days) for role, days in option.product.effort_days.items() if days > 0)
    return efforts or [("engineer", _INSTALL_DAYS)]


def _install_ids(options: Sequence[Option]) -> tuple[str, ...]:
    return tuple(_id(option, role) for option in options for role, _ in _efforts(option))


def _id(option: Option, role: str) -> str:
    return short_ref("install", option.slot, role)
