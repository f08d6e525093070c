"""What provisioning remembers of one engagement, and how its own events change it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from schemas.base import Event, Value
from schemas.design import Component, EnvironmentSpec
from schemas.provisioning import (
    Assignment,
    BuildStarted,
    Endpoint,
    EnvironmentReady,
    EnvironmentRolledBack,
    KickoffHeld,
    PeopleOffered,
    Person,
    ProposalQueued,
    RoleNeed,
    Step,
    StepCompleted,
    StepFailed,
    StepUndone,
    TeamFormed,
    TeamIncomplete,
    TeamRequested,
)


class Phase(StrEnum):
    """In the order of the lifecycle; an approval of a later version begins again at STAFFING."""

    WAITING = "waiting"
    STAFFING = "staffing"
    FORMED = "formed"
    BUILDING = "building"
    UNDOING = "undoing"
    READY = "ready"
    ROLLED_BACK = "rolled_back"


class State(Value):
    phase: Phase = Phase.WAITING
    people: tuple[Person, ...] = ()
    proposal_version: int = 0
    content_digest: str = ""
    needs: tuple[RoleNeed, ...] = ()
    environment: EnvironmentSpec | None = None
    components: tuple[Component, ...] = ()
    missing: tuple[RoleNeed, ...] = ()
    team: tuple[Assignment, ...] = ()
    kickoff: KickoffHeld | None = None
    build: int = 0
    steps: tuple[Step, ...] = ()
    completed: tuple[str, ...] = ()
    """Ids of steps whose work stands, in the order it was done."""
    failures: tuple[tuple[str, int], ...] = ()
    """(step, attempt) of this build."""
    failed_step: str = ""
    failure: str = ""
    endpoint: Endpoint | None = None
    queued: ProposalQueued | None = None
    """Approved while a build was running: begun when that has ended."""

    def members(self) -> frozenset[str]:
        return frozenset(assignment.person for assignment in self.team)

    def to_undo(self) -> tuple[str, ...]:
        return self.completed[::-1]


def evolve(state: State, event: Event) -> State:
    change = _CHANGES.get(type(event))
    return state.model_copy(update=dict(change(state, event))) if change else state


def _requested(_: State, event: TeamRequested) -> Mapping[str, Any]:
    return {
        "phase": Phase.STAFFING,
        "proposal_version": event.proposal_version,
        "content_digest": event.content_digest,
        "needs": event.needs,
        "environment": event.environment,
        "components": event.components,
        "missing": event.needs,
        "team": (),
        "kickoff": None,
        "queued": None,
    }


def _queued(_: State, event: ProposalQueued) -> Mapping[str, Any]:
    return {"queued": event}


def _people(state: State, event: PeopleOffered) -> Mapping[str, Any]:
    known = {person.id: person for person in (*state.people, *event.people)}
    return {"people": tuple(known[name] for name in sorted(known))}


def _incomplete(_: State, event: TeamIncomplete) -> Mapping[str, Any]:
    return {"phase": Phase.STAFFING, "missing": event.missing, "team": ()}


def _formed(_: State, event: TeamFormed) -> Mapping[str, Any]:
    return {"phase": Phase.FORMED, "missing": (), "team": event.assignments}


def _held(_: State, event: KickoffHeld) -> Mapping[str, Any]:
    return {"kickoff": event}


def _started(_: State, event: BuildStarted) -> Mapping[str, Any]:
    return {
        "phase": Phase.BUILDING,
        "build": event.build,
        "steps": event.steps,
        "completed": (),
        "failures": (),
        "failed_step": "",
        "failure": "",
        "endpoint": None,
    }


def _completed(state: State, event: StepCompleted) -> Mapping[str, Any]:
    return {
        "completed": (*state.completed, event.step),
        "endpoint": event.endpoint or state.endpoint,
    }


def _failed(state: State, event: StepFailed) -> Mapping[str, Any]:
    failures = {"failures": (*state.failures, (event.step, event.attempt))}
    if not event.final:
        return failures
    return {**failures, "phase": Phase.UNDOING, "failed_step": event.step, "failure": event.error}


def _undone(state: State, event: StepUndone) -> Mapping[str, Any]:
    return {"completed": tuple(step for step in state.completed if step != event.step)}


def _ready(_: State, event: EnvironmentReady) -> Mapping[str, Any]:
    return {"phase": Phase.READY, "endpoint": event.endpoint}


def _rolled_back(_: State, __: EnvironmentRolledBack) -> Mapping[str, Any]:
    return {"phase": Phase.ROLLED_BACK, "endpoint": None}


_CHANGES: Mapping[type[Event], Callable[[State, Any], Mapping[str, Any]]] = {
    TeamRequested: _requested,
    ProposalQueued: _queued,
    PeopleOffered: _people,
    TeamIncomplete: _incomplete,
    TeamFormed: _formed,
    KickoffHeld: _held,
    BuildStarted: _started,
    StepCompleted: _completed,
    StepFailed: _failed,
    StepUndone: _undone,
    EnvironmentReady: _ready,
    EnvironmentRolledBack: _rolled_back,
}
