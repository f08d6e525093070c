"""What may happen next: one function per command, in the order of the lifecycle."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from provisioning.engine import plan, team
from provisioning.model.state import Phase, State
from schemas.base import Command, Event
from schemas.provisioning import (
    BuildStarted,
    EnvironmentReady,
    EnvironmentRolledBack,
    HoldKickoff,
    KickoffHeld,
    OfferPeople,
    PeopleOffered,
    PrepareEnvironment,
    ProposalQueued,
    RecordStepCompleted,
    RecordStepFailed,
    RecordStepUndone,
    RetryBuild,
    RoleNeed,
    StepCompleted,
    StepFailed,
    StepUndone,
    TeamFormed,
    TeamIncomplete,
    TeamRequested,
)
from schemas.rules import Context, Refused

_BUSY = (Phase.BUILDING, Phase.UNDOING)


def decide(state: State, command: Command, context: Context) -> Sequence[Event]:
    rule = _RULES.get(type(command))
    if rule is None:
        raise Refused("type", "command-is-known", f"provisioning does not take {command.type}", "UNKNOWN")
    return rule(state, command, context)


def _prepare(state: State, command: PrepareEnvironment, _: Context) -> Sequence[Event]:
    latest = state.queued or state
    if (command.proposal_version, command.content_digest) == (latest.proposal_version, latest.content_digest):
        return []
    if objection := plan.objection(command.environment):
        raise Refused(*objection)
    if state.phase in _BUSY:
        return [ProposalQueued(**dict(command))]
    return _request(state, TeamRequested(**dict(command)))


def _request(state: State, requested: TeamRequested) -> list[Event]:
    return [requested, *_matched(requested.needs, state.people)] if state.people else [requested]


def _ended(state: State, last: Event) -> list[Event]:
    """The end of a build, and the beginning of what was approved while it ran."""
    return [last, *(_request(state, TeamRequested(**dict(state.queued))) if state.queued else [])]


def _offer(state: State, command: OfferPeople, _: Context) -> Sequence[Event]:
    _unique("people", [person.id for person in command.people])
    known = {person.id: person for person in state.people}
    if all(known.get(person.id) == person for person in command.people):
        return []
    offered = PeopleOffered(people=command.people)
    # Once the kickoff was held the team stands; people named later count for the next proposal.
    if state.phase not in (Phase.STAFFING, Phase.FORMED):
        return [offered]
    known.update({person.id: person for person in command.people})
    return [offered, *_matched(state.needs, tuple(known.values()))]


def _matched(needs: Sequence[RoleNeed], people: Sequence[Any]) -> list[Event]:
    result = team.match(needs, people)
    if result.missing:
        return [TeamIncomplete(missing=result.missing)]
    return [TeamFormed(assignments=result.assignments)]


def _kickoff(state: State, command: HoldKickoff, context: Context) -> Sequence[Event]:
    held = KickoffHeld(**dict(command))
    if state.kickoff == held:
        return []
    if state.environment is None:
        raise Refused(
            "held_at", "proposal-is-approved", "no proposal has been approved for this engagement", "ORDER"
        )
    if state.kickoff is not None:
        raise Refused(
            "held_at", "kickoff-held-once", f"the kickoff was held at {state.kickoff.held_at}", "CONFLICT"
        )
    if state.phase is not Phase.FORMED:
        raise Refused("attendees", "team-is-complete", f"the team lacks {_named(state.missing)}", "ORDER")
    if command.held_at > context.at:
        raise Refused("held_at", "kickoff-is-past", "a kickoff is recorded after it was held, not before")
    _on_team(state, [("facilitator", command.facilitator)])
    _on_team(state, ((f"attendees.{n}", name) for n, name in enumerate(command.attendees)))
    _on_team(state, ((f"actions.{n}.owner", action.owner) for n, action in enumerate(command.actions)))
    _unique("attendees", command.attendees)
    _unique("actions", [action.id for action in command.actions])
    for n, action in enumerate(command.actions):
        if action.due_on < command.held_at.date():
            raise Refused(
                f"actions.{n}.due_on", "action-is-due-later", f"{action.id} is due before the kickoff"
            )
    return [held, _build(state)]


def _named(missing: Iterable[RoleNeed]) -> str:
    return ", ".join(f"{need.role} ({need.people} people, {need.days} days)" for need in missing)


def _on_team(state: State, named: Iterable[tuple[str, str]]) -> None:
    for field, name in named:
        if name not in state.members():
            raise Refused(
                field,
                "person-is-on-the-team",
                f"{name} is not on the team: {', '.join(sorted(state.members()))}",
            )


def _unique(field: str, names: Sequence[str]) -> None:
    for n, name in enumerate(names):
        if name in names[:n]:
            raise Refused(f"{field}.{n}", "named-once", f"{name} is there twice")


def _build(state: State) -> BuildStarted:
    assert state.environment is not None, "a build follows an approved proposal"
    return BuildStarted(
        build=state.build + 1, environment=state.environment, steps=plan.steps(state.environment)
    )


def _step_completed(state: State, command: RecordStepCompleted, _: Context) -> Sequence[Event]:
    if _stale(state, command.build) or command.step in state.completed or state.phase is Phase.READY:
        return []
    awaited = state.steps[len(state.completed)].id
    if state.phase is not Phase.BUILDING or command.step != awaited:
        raise Refused("step", "steps-in-order", f"the step to be completed next is {awaited}", "ORDER")
    completed = StepCompleted(**dict(command))
    if command.step != state.steps[-1].id:
        return [completed]
    endpoint = command.endpoint or state.endpoint
    if endpoint is None or state.environment is None:
        raise Refused("endpoint", "endpoint-is-known", "no step has said where the environment answers")
    ready = EnvironmentReady(
        build=state.build, endpoint=endpoint, environment=state.environment, components=state.components
    )
    return [completed, *_ended(state, ready)]


def _stale(state: State, build: int) -> bool:
    """Work of an earlier build that is still reporting has nothing to say any more."""
    if build > state.build:
        raise Refused("build", "build-is-known", f"build {build} was never started", "ORDER")
    return build < state.build


def _step_failed(state: State, command: RecordStepFailed, _: Context) -> Sequence[Event]:
    if _stale(state, command.build) or (command.step, command.attempt) in state.failures:
        return []
    if state.phase is not Phase.BUILDING or command.step != state.steps[len(state.completed)].id:
        raise Refused("step", "step-is-running", f"{command.step} is not the step being built", "ORDER")
    failed = StepFailed(**dict(command))
    if command.final and not state.completed:
        return [failed, *_ended(state, _rolled_back(state, command.step, command.error))]
    return [failed]


def _step_undone(state: State, command: RecordStepUndone, _: Context) -> Sequence[Event]:
    if _stale(state, command.build) or state.phase is Phase.ROLLED_BACK:
        return []
    if state.phase is not Phase.UNDOING:
        raise Refused("step", "build-is-being-undone", "nothing is being undone", "ORDER")
    if command.step not in state.completed:
        return []
    if command.step != state.to_undo()[0]:
        raise Refused("step", "undone-in-reverse", f"the step to be undone next is {state.to_undo()[0]}")
    undone = StepUndone(**dict(command))
    if len(state.completed) > 1:
        return [undone]
    return [undone, *_ended(state, _rolled_back(state, state.failed_step, state.failure))]


def _rolled_back(state: State, step: str, reason: str) -> EnvironmentRolledBack:
    return EnvironmentRolledBack(build=state.build, failed_step=step, reason=reason)


def _retry(state: State, _: RetryBuild, __: Context) -> Sequence[Event]:
    if state.phase is Phase.BUILDING:
        return []
    if state.phase is not Phase.ROLLED_BACK:
        raise Refused(
            "requested_by",
            "build-was-rolled-back",
            f"only a build that was rolled back is repeated; provisioning is {state.phase}",
            "ORDER",
        )
    return [_build(state)]


_RULES: Mapping[type[Command], Callable[[State, Any, Context], Sequence[Event]]] = {
    PrepareEnvironment: _prepare,
    OfferPeople: _offer,
    HoldKickoff: _kickoff,
    RecordStepCompleted: _step_completed,
    RecordStepFailed: _step_failed,
    RecordStepUndone: _step_undone,
    RetryBuild: _retry,
}
