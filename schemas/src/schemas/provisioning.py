"""What provisioning publishes and takes: team, kickoff and the environment that really gets built."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Command,
    CommandNoEffect,
    CommandRefusal,
    Day,
    Event,
    Moment,
    Prose,
    Ref,
    Sha256,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)
from schemas.design import Component, EnvironmentSpec


class RoleNeed(Value):
    role: Ref
    days: int = Field(ge=1, description="person days in the plan")
    people: int = Field(ge=1, description="how many at once")


class Person(Value):
    id: Ref
    name: Text
    roles: tuple[Ref, ...] = Field(min_length=1)
    available_days: int = Field(ge=0)


class Assignment(Value):
    role: Ref
    person: Ref
    days: int = Field(ge=0)


class Action(Value):
    """Something agreed at the kickoff."""

    id: Ref
    title: Text
    owner: Ref = Field(description="person id")
    due_on: Day


class StepKind(StrEnum):
    SERVER = "server"
    DATABASE = "database"
    SCHEMA = "schema"
    ROLE = "role"
    HEALTH_CHECK = "health_check"


class Step(Value):
    """One idempotent step of a build; `name` is the thing it makes."""

    id: Ref
    title: Text
    kind: StepKind
    name: Ref
    privileges: tuple[Ref, ...] = ()
    login: bool = False


class Endpoint(Value):
    """Where a built server answers. The password is in the secret named `secret`, never in a message."""

    host: Text
    port: int = Field(ge=1, le=65535)
    database: Ref
    user: Ref
    secret: Ref


# Commands


class PrepareEnvironment(Command):
    """Asked by provisioning itself when the client approved a proposal."""

    type: ClassVar[str] = "provisioning.prepare_environment"
    internal: ClassVar[bool] = True
    proposal_version: int
    content_digest: Sha256
    needs: tuple[RoleNeed, ...]
    environment: EnvironmentSpec
    components: tuple[Component, ...]


class OfferPeople(Command):
    """Name people who can be on the team; may be sent before or after the approval, and again."""

    type: ClassVar[str] = "provisioning.offer_people"
    people: tuple[Person, ...] = Field(min_length=1)


class HoldKickoff(Command):
    """Record the kickoff meeting; the build starts after it."""

    type: ClassVar[str] = "provisioning.hold_kickoff"
    held_at: Moment
    facilitator: Ref = Field(description="person id of somebody on the team")
    attendees: tuple[Ref, ...] = Field(min_length=1)
    minutes: Prose
    actions: tuple[Action, ...] = ()


class RecordStepCompleted(Command):
    """Asked by provisioning's own building work."""

    type: ClassVar[str] = "provisioning.record_step_completed"
    internal: ClassVar[bool] = True
    build: int
    step: Ref
    attempt: int
    changed: bool
    duration_ms: float
    detail: Prose
    endpoint: Endpoint | None = None


class RecordStepFailed(Command):
    """Asked by provisioning's own building work; after a final failure everything done is undone."""

    type: ClassVar[str] = "provisioning.record_step_failed"
    internal: ClassVar[bool] = True
    build: int
    step: Ref
    attempt: int
    error: Prose
    final: bool


class RecordStepUndone(Command):
    """Asked by provisioning's own building work."""

    type: ClassVar[str] = "provisioning.record_step_undone"
    internal: ClassVar[bool] = True
    build: int
    step: Ref
    detail: Prose


class RetryBuild(Command):
    """Build again after a roll-back."""

    type: ClassVar[str] = "provisioning.retry_build"
    requested_by: Ref


# Events


class TeamRequested(Event):
    """Published when an approved proposal arrives: what the plan needs."""

    type: ClassVar[str] = "provisioning.team_requested"
    proposal_version: int
    content_digest: Sha256
    needs: tuple[RoleNeed, ...]
    environment: EnvironmentSpec
    components: tuple[Component, ...]


class ProposalQueued(Event):
    """Published when an approved proposal arrives while a build runs; a later one takes its place.

    It is taken up, which `team_requested` says, as soon as the build is ready or rolled back.
    """

    type: ClassVar[str] = "provisioning.proposal_queued"
    proposal_version: int
    content_digest: Sha256
    needs: tuple[RoleNeed, ...]
    environment: EnvironmentSpec
    components: tuple[Component, ...]


class PeopleOffered(Event):
    """Published when people are named; a person named again replaces the earlier entry."""

    type: ClassVar[str] = "provisioning.people_offered"
    people: tuple[Person, ...]


class TeamIncomplete(Event):
    """Published when the people named do not fill the plan; the kickoff is refused until they do."""

    type: ClassVar[str] = "provisioning.team_incomplete"
    missing: tuple[RoleNeed, ...]


class TeamFormed(Event):
    """Published when every need has people."""

    type: ClassVar[str] = "provisioning.team_formed"
    assignments: tuple[Assignment, ...]


class KickoffHeld(Event):
    """Published once; its actions have owners on the team."""

    type: ClassVar[str] = "provisioning.kickoff_held"
    held_at: Moment
    facilitator: Ref
    attendees: tuple[Ref, ...]
    minutes: Prose
    actions: tuple[Action, ...] = ()


class BuildStarted(Event):
    """Published per build: the steps in their order."""

    type: ClassVar[str] = "provisioning.build_started"
    build: int
    environment: EnvironmentSpec
    steps: tuple[Step, ...]


class StepCompleted(Event):
    """Published once per step and build. `changed` is false where the step found its work done."""

    type: ClassVar[str] = "provisioning.step_completed"
    build: int
    step: Ref
    attempt: int
    changed: bool
    duration_ms: float
    detail: Prose
    endpoint: Endpoint | None = None


class StepFailed(Event):
    """Published per failed attempt; `final` starts the roll-back."""

    type: ClassVar[str] = "provisioning.step_failed"
    build: int
    step: Ref
    attempt: int
    error: Prose
    final: bool


class StepUndone(Event):
    """Published per step taken back, in reverse order."""

    type: ClassVar[str] = "provisioning.step_undone"
    build: int
    step: Ref
    detail: Prose


class EnvironmentReady(Event):
    """Published once per successful build: the environment answers at `endpoint`."""

    type: ClassVar[str] = "provisioning.environment_ready"
    build: int
    endpoint: Endpoint
    environment: EnvironmentSpec
    components: tuple[Component, ...]


class EnvironmentRolledBack(Event):
    """Published when a build was given up and everything it made is gone."""

    type: ClassVar[str] = "provisioning.environment_rolled_back"
    build: int
    failed_step: Ref
    reason: Prose


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "provisioning.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "provisioning.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "provisioning.command_had_no_effect"
