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
    covered = tuple(sorted({key for keys in serves.values() for key in keys}))
    everything = tuple(item.id for item in installs)
    stores = [o.slot for o in options if o.product.layer is Layer.DATA]
    after_stores = tuple(i.id for i in installs if i.id in _ids(options, stores)) or everything
    integrate = WorkItem(
        "integrate",
        "Integrate and test the connections",
        "engineer",
        max(1, _DAYS_PER_CONNECTION * len(connections)),
        everything,
        covered,
    )
    migrate = WorkItem(
        "migrate-data",
        "Migrate the data",
        "dba",
        _MIGRATION_DAYS_PER_STORE * max(1, len(stores)),
        after_stores,
        covered,
    )
    train = WorkItem(
        "train-users",
        "Train the users",
        "trainer",
        _TRAINING_DAYS_PER_SITE * max(1, sites),
        (integrate.id,),
        covered,
    )
    accept = WorkItem(
        "acceptance",
        "Acceptance by the client",
        "project_manager",
        max(1, _ACCEPTANCE_DAYS_PER_REQUIREMENT * len(covered)),
        (integrate.id, migrate.id, train.id),
        covered,
    )
    return [*installs, integrate, migrate, train, accept]


def _installs(
    options: Sequence[Option], connections: Sequence[Connection], serves: dict[str, tuple[str, ...]]
) -> list[WorkItem]:
    order = {o.slot: (_ORDER[o.product.layer], o.slot) for o in options}
    items: list[WorkItem] = []
    for option in sorted(options, key=lambda o: order[o.slot]):
        earlier = _earlier_neighbours(option.slot, connections, order)
        before = tuple(i.id for i in items if i.id in _ids(options, earlier))
        for role, days in _efforts(option):
            title = text(f"Install and configure {option.product.name} ({role})")
            items.append(WorkItem(_id(option, role), title, role, days, before, serves[option.slot]))
    return items


def _efforts(option: Option) -> list[tuple[str, int]]:
    efforts = sorted((role, days) for role, days in option.product.effort_days.items() if days > 0)
    return efforts or [("engineer", _INSTALL_DAYS)]


def _earlier_neighbours(
    slot: str, connections: Sequence[Connection], order: dict[str, tuple[int, str]]
) -> list[str]:
    """Slots of lower layers that this one is connected with; within a layer work goes on side by side."""
    linked = {c.target for c in connections if c.source == slot} | {
        c.source for c in connections if c.target == slot
    }
    return sorted(other for other in linked if order[other][0] < order[slot][0])


def _ids(options: Sequence[Option], slots: Sequence[str]) -> set[str]:
    return {_id(o, role) for o in options if o.slot in slots for role, _ in _efforts(o)}


def _id(option: Option, role: str) -> str:
    return short_ref("install", option.slot, role)
