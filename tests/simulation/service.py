"""The service that is simulated: a register whose names say what becomes of whoever bears them.

The part before the first dash is the kind: `ok` is registered, `no` refused, `bad` makes the rule raise
until it is mended, `once` makes it raise when it is registered already; `work`, `long`, `flaky`, `doom`,
`timer` and `killer` start work.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from messaging import Activity, Again, Service, Work
from schemas import design, intake
from schemas.base import Command, Event, Payload
from schemas.rules import Context, Refused
from simulation.loop import EPOCH
from simulation.network import RUNNING
from testkit.register import Register, evolve, stakeholder

LEASE = 3.0
TIMER_DUE = EPOCH + timedelta(seconds=6)
LASTS = {"work": 0.2, "flaky": 0.1, "long": 4.0, "timer": 0.1, "killer": 1.0}
"""Seconds of work by kind; the long one outlives its first lease."""
QUIET = "quiet"
"""Comments of an upstream event that means nothing to this service."""
REJECTED = design.ProposalRejected.wire_type()
NEWER = ("design.proposal_rejected.v2", "design.verdict_given.v1")
"""Only a newer release reads these, as what it reacts to: a version, and a name the old one never heard."""
FOREIGN = "design.command_refused.v2"
"""No release reads this one, and the service by its design does not react to the name."""
Acted = Callable[[Any, str], None]


def kind(name: str) -> str:
    return name.partition("-")[0]


def reads_of_releases(read: Callable[[str, bytes], Payload]) -> Callable[[str, bytes], Payload]:
    """What the release of the running process can read."""

    def read_payload(wire_type: str, data: bytes) -> Payload:
        process = RUNNING.get()
        if wire_type in NEWER and process is not None and not process.old:
            return read(REJECTED, data)
        return read(wire_type, data)

    return read_payload


def build(broken: set[str], acted: Acted, now: Callable[[], datetime]) -> Service:
    """`broken` are the names that the rule raises on; `acted` is told of each step of work as it is done."""

    def decide(state: Register, command: Command, _: Context) -> list[Event]:
        assert isinstance(command, intake.RegisterStakeholder)
        name = command.stakeholder.id
        if name in broken or (kind(name) == "once" and name in state.names):
            raise ZeroDivisionError(name)
        if kind(name) == "no":
            raise Refused("stakeholder.id", "name-is-refused", "not welcome")
        if name in state.names:
            return []
        return [intake.StakeholderRegistered(stakeholder=command.stakeholder)]

    async def run(event: intake.StakeholderRegistered, work: Work) -> Again | None:
        name = event.stakeholder.id
        if kind(name) == "killer":
            await asyncio.sleep(LASTS["killer"])
            if process := RUNNING.get():
                process.kill()
                await asyncio.sleep(60)
        if kind(name) == "doom" or (kind(name) == "flaky" and work.attempt == 1):
            acted(work, "fail")
            raise ConnectionError("the outside world is away")
        if kind(name) not in LASTS:
            return None
        acted(work, "begin")
        step = int(work.checkpoint.get("step", 0))
        await asyncio.sleep(LASTS[kind(name)])
        acted(work, "end")
        await work.send(stakeholder(f"done-{name}-{step}"), key=f"done-{step}")
        await work.save({"step": step + 1})
        return Again(1.0) if kind(name) == "timer" and step == 0 else None

    def due(event: intake.StakeholderRegistered) -> datetime:
        return TIMER_DUE if kind(event.stakeholder.id) == "timer" else now()

    def instead(event: intake.StakeholderRegistered, _: str) -> Command:
        return stakeholder(f"done-{event.stakeholder.id}-0")

    def react(event: design.ProposalRejected) -> Command | None:
        return None if event.comments == QUIET else stakeholder(event.rejected_by)

    activity = Activity(
        on=intake.StakeholderRegistered,
        run=run,
        due=due,
        give_up=instead,
        max_attempts=2,
        max_cut_off=5,
        backoff_seconds=0.5,
        lease_seconds=LEASE,
    )
    return Service(
        name="intake",
        state=Register,
        decide=decide,
        evolve=evolve,
        reactions={design.ProposalRejected: react},
        activities=[activity],
    )
