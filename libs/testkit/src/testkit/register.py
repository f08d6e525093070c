"""A small service for tests of the backbone: it registers stakeholders, refuses some, breaks on others."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from messaging import Service, ServiceApp, ServiceSettings, run
from schemas import intake
from schemas.base import Command, Event
from schemas.rules import Context, Refused


class Register(BaseModel):
    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...] = ()


broken_names: set[str] = set()
"""Names on which `decide` raises, as a bug would; a test changes it to `mend` the bug."""


def decide(state: Register, command: Command, _: Context) -> list[Event]:
    assert isinstance(command, intake.RegisterStakeholder)
    name = command.stakeholder.id
    if name in broken_names:
        raise ZeroDivisionError(name)
    if name.startswith("refused"):
        raise Refused("stakeholder.id", "name-is-refused", f"{name} is not welcome")
    if name in state.names:
        return []
    return [intake.StakeholderRegistered(stakeholder=command.stakeholder)]


def evolve(state: Register, event: Event) -> Register:
    if isinstance(event, intake.StakeholderRegistered):
        return Register(names=(*state.names, event.stakeholder.id))
    return state


def register_service(**changes: Any) -> Service:
    return Service(**{"name": "intake", "state": Register, "decide": decide, "evolve": evolve, **changes})


def stakeholder(name: str) -> intake.RegisterStakeholder:
    role = intake.StakeholderRole.KEY_USER
    return intake.RegisterStakeholder(
        stakeholder=intake.Stakeholder(id=name, name=name, role=role, department="Sales")
    )


def main() -> None:
    """Run it as a process of its own, for tests that kill it: `python -m testkit.register`."""
    run(ServiceApp(register_service(), ServiceSettings()))


if __name__ == "__main__":
    main()
