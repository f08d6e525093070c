"""What a service tells the backbone about itself: its rules, its reactions and its long work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from schemas import registry
from schemas.base import Command, Event, Payload
from schemas.rules import Context

Decide = Callable[[Any, Any, Context], Sequence[Event]]
"""(state, command, context) -> events. Pure. Raises schemas.rules.Refused; no events means no effect."""
Evolve = Callable[[Any, Any], Any]
"""(state, event) -> state. Pure and total: an event it does not care for returns the state as it is."""
Reaction = Callable[[Any], Command | None]
"""(upstream event) -> the command this service asks itself, or None."""


class Work(Protocol):
    """One run of an activity. The lease is kept by a heartbeat while `run` is awaited."""

    @property
    def engagement(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def attempt(self) -> int:
        """1 for the first try, one more after each run that failed; a worker's death is no failure."""

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """What an earlier run of this work saved, {} at first. JSON values only."""

    async def save(self, checkpoint: Mapping[str, Any]) -> None:
        """Keep a checkpoint. Raises LeaseLost when another worker has taken this work over: stop then."""

    async def send(self, command: Command, *, key: str) -> None:
        """Ask this service a command, durably; the same key of the same work takes effect once, ever.

        Returns when the broker holds the command. Raises LeaseLost as `save` does.
        """

    async def state(self) -> Any:
        """This engagement's state, folded now from the service's own stream."""


class LeaseLost(Exception):
    """Another worker owns this work now."""


@dataclass(frozen=True, slots=True)
class Again:
    """Returned by a run that wants to be run again (timers, probes); its checkpoint and keys go on.

    `keys` of later rounds must differ, so put a counter from the checkpoint into them.
    """

    after_seconds: float


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Long or delayed work that one of the service's own events starts.

    `run(event, work)` must be idempotent and resume from `work.checkpoint`; it reports and ends by commands.
    An exception is retried with back-off; after `max_attempts` failed runs `give_up(event, error)` is asked
    for a last command. So it is after `max_cut_off` runs that neither ended nor got on: their process died or
    lost them. `due(event)` delays the start: then it is a timer.
    """

    on: type[Event]
    run: Callable[[Any, Work], Awaitable[Again | None]]
    due: Callable[[Any], datetime] | None = None
    give_up: Callable[[Any, str], Command | None] | None = None
    max_attempts: int = 5
    max_cut_off: int = 10
    backoff_seconds: float = 0.5
    lease_seconds: float = 10.0

    @property
    def name(self) -> str:
        """As it stands in traces and metrics."""
        return getattr(self.run, "__name__", self.on.type)


@dataclass(frozen=True, kw_only=True)
class Service:
    """Everything the backbone needs to run a service. `state` is a frozen pydantic model with defaults.

    `prepare` runs at each start before any message or work. It is tried again when it raises.
    """

    name: str
    state: type[Any]
    decide: Decide
    evolve: Evolve
    reactions: Mapping[type[Event], Reaction] = field(default_factory=dict)
    activities: Sequence[Activity] = ()
    prepare: Callable[[], Awaitable[None]] | None = None

    def topics(self) -> list[str]:
        """Own commands first, then every topic it reacts to, then the operators' topic."""
        upstream = sorted({event.topic() for event in self.reactions})
        return [f"{self.name}.commands", *upstream, "operations.commands"]

    def awaits(self, wire_type: str) -> bool:
        """Whether an event that this release cannot read may mean something to a later one.

        Yes for another version of what it reacts to, and for a name it has never heard of; no for a name it
        knows and does not react to.
        """
        name = wire_type.rpartition(".")[0]
        return name not in registry.payloads() or name in {event.type for event in self.reactions}

    def command_for(self, payload: Payload) -> Command | None:
        """The command a message means to this service; None where it means nothing to it."""
        if isinstance(payload, Command):
            return payload
        reaction = self.reactions.get(type(payload))  # type: ignore[arg-type]
        return reaction(payload) if reaction else None
