"""A link of the chain: a service whose whole rule is to answer its upstream's event with one of its own.

`chain_worker.py NAME UPSTREAM`: everything but the rule is the real backbone.
"""

import sys
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from messaging import Service, ServiceApp, ServiceSettings, run
from schemas import intake, registry
from schemas.base import Command, Event
from schemas.rules import Context


class Pass(Command):
    """Never sent: what the link asks of itself."""

    type: ClassVar[str] = "chain.pass"
    internal: ClassVar[bool] = True


class Passed(BaseModel):
    model_config = ConfigDict(frozen=True)

    count: int = 0


def link(name: str, upstream: str) -> Service:
    hears = intake.StakeholderRegistered if upstream == "intake" else registry.no_effect_of(upstream)
    says = registry.no_effect_of(name)

    def decide(_: Passed, command: Command, context: Context) -> Sequence[Event]:
        return [says(command_id=context.message_id, command_type=command.wire_type())]

    return Service(name=name, state=Passed, decide=decide, evolve=_count, reactions={hears: lambda _: Pass()})


def _count(state: Passed, _: Event) -> Passed:
    return Passed(count=state.count + 1)


if __name__ == "__main__":
    run(ServiceApp(link(sys.argv[1], sys.argv[2]), ServiceSettings()))
