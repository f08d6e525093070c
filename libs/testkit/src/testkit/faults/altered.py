"""A service with one thing changed in it: `python -m testkit.faults.altered CHANGE SERVICE [DETAIL]`.

An older version knows one event type less; a second gateway has nothing in common with the first; the other
changes are the mistakes that the harness has to catch (`testkit.faults.bugs`).
"""

import importlib
import sys

from schemas import registry
from testkit.faults.bugs import BUGS, swap

SECOND = "gateway-second"
"""Group and database of a gateway that reads everything from the beginning, beside the first."""


def knows_less(event_type: str) -> None:
    """The version before this event was invented."""
    known = {name: cls for name, cls in registry.payloads().items() if name != event_type}
    swap(registry, "payloads", lambda: known)


def second() -> None:
    """A gateway that has nothing in common with the first: neither group nor database."""
    from gateway import projector
    from gateway.adapters import kafka_dead_letters

    swap(projector, "GROUP", SECOND)
    swap(kafka_dead_letters, "GROUP", f"{SECOND}-dead-letters")
    from gateway import main

    swap(main, "DEAD_TOPICS", [f"{service}.dead" for service in registry.SERVICES])


def alter(change: str, detail: str) -> None:
    if change == "knows-less":
        knows_less(detail)
    elif change == "second":
        second()
    else:
        BUGS[change]()


if __name__ == "__main__":
    wanted, service, *rest = sys.argv[1:]
    alter(wanted, rest[0] if rest else "")
    from messaging import run

    main = importlib.import_module(f"{service}.main")
    settings = importlib.import_module(f"{service}.settings").Settings()
    run(main.build_app(settings))
