"""Which commands provisioning accepts, and what follows from them."""

from datetime import date, timedelta
from typing import Any

import pytest

from provisioning import model
from provisioning.engine import plan
from schemas.base import Event
from schemas.design import Component, DatabaseRole, EnvironmentSpec, Layer, OfferCatalogue
from schemas.provisioning import (
    Action,
    BuildStarted,
    Endpoint,
    EnvironmentReady,
    EnvironmentRolledBack,
    HoldKickoff,
    KickoffHeld,
    OfferPeople,
    PeopleOffered,
    Person,
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
from testkit.scenario import NOON, Scenario, scenario

SPEC = EnvironmentSpec(
    component="orders-db",
    database="orders",
    schemas=("shop",),
    roles=(DatabaseRole(name="app", login=True, privileges=("usage", "select")),),
)
STEPS = ("server", "database", "schema-1", "role-1", "health")
NEEDS = (RoleNeed(role="dba", days=20, people=1), RoleNeed(role="engineer", days=30, people=2))
COMPONENTS = (Component(id="orders-db", name="Orders", layer=Layer.DATA, product="pg"),)
ADA = Person(id="ada", name="Ada", roles=("engineer",), available_days=20)
BOB = Person(id="bob", name="Bob", roles=("engineer",), available_days=20)
DORA = Person(id="dora", name="Dora", roles=("dba",), available_days=40)
ENDPOINT = Endpoint(host="127.0.0.1", port=5433, database="orders", user="provisioner", secret="s-1")


def prepare(**changes: Any) -> PrepareEnvironment:
    fields: dict[str, Any] = {
        "proposal_version": 1,
        "content_digest": "a" * 64,
        "needs": NEEDS,
        "environment": SPEC,
        "components": COMPONENTS,
    }
    return PrepareEnvironment(**{**fields, **changes})


def requested() -> TeamRequested:
    return TeamRequested(**dict(prepare()))


def kickoff(**changes: Any) -> HoldKickoff:
    fields: dict[str, Any] = {
        "held_at": NOON,
        "facilitator": "dora",
        "attendees": ("ada", "dora"),
        "minutes": "We begin.",
        "actions": (Action(id="a1", title="Order disks", owner="bob", due_on=date(2026, 4, 1)),),
    }
    return HoldKickoff(**{**fields, **changes})


def given(*events: Event) -> Scenario:
    return scenario(model).given(*events)


def staffed() -> Scenario:
    return given(requested()).when(OfferPeople(people=(ADA, BOB, DORA)))


def building() -> Scenario:
    return staffed().when(kickoff())


def done(step: str, **changes: Any) -> RecordStepCompleted:
    fields: dict[str, Any] = {
        "build": 1,
        "attempt": 1,
        "changed": True,
        "duration_ms": 5.0,
        "detail": "did it",
    }
    return RecordStepCompleted(step=step, **{**fields, **changes})


def failed(step: str, attempt: int, *, final: bool = False) -> RecordStepFailed:
    return RecordStepFailed(build=1, step=step, attempt=attempt, error="port taken", final=final)


def undone(step: str) -> RecordStepUndone:
    return RecordStepUndone(build=1, step=step, detail="taken back")


def later(version: int = 2) -> PrepareEnvironment:
    return prepare(proposal_version=version, content_digest=str(version) * 64)


def built(count: int, state: Scenario | None = None) -> Scenario:
    state = state or building()
    for step in STEPS[:count]:
        state = state.when(done(step, endpoint=ENDPOINT))
    return state


class TestPrepareEnvironment:
    def test_approval_requests_a_team(self) -> None:
        given().when(prepare()).then(requested())

    def test_people_offered_before_form_the_team_at_once(self) -> None:
        state = given().when(OfferPeople(people=(ADA, BOB, DORA))).when(prepare())

        state.then_types(TeamRequested, TeamFormed)

    def test_same_approval_again_changes_nothing(self) -> None:
        given(requested()).when(prepare()).then_nothing()

    def test_later_proposal_begins_staffing_again(self) -> None:
        state = built(5).when(prepare(proposal_version=2, content_digest="b" * 64))

        state.then_types(TeamRequested, TeamFormed)
        assert state.state.kickoff is None

    def test_later_proposal_waits_for_the_running_build(self) -> None:
        building().when(later()).then(ProposalQueued(**dict(later())))

    def test_waiting_proposal_approved_again_changes_nothing(self) -> None:
        building().when(later()).when(later()).then_nothing()

    def test_waiting_proposal_begins_when_the_build_is_ready(self) -> None:
        state = built(5, building().when(later()))

        state.then_types(StepCompleted, EnvironmentReady, TeamRequested, TeamFormed)
        assert state.last(EnvironmentReady).build == 1
        assert state.last(TeamRequested) == TeamRequested(**dict(later()))
        assert state.state.queued is None

    def test_newest_of_the_waiting_proposals_begins(self) -> None:
        state = built(5, building().when(later(2)).when(later(3)))

        assert state.last(TeamRequested).proposal_version == 3

    def test_waiting_proposal_begins_when_the_first_step_failed_for_good(self) -> None:
        state = building().when(later()).when(failed("server", 3, final=True))

        state.then_types(StepFailed, EnvironmentRolledBack, TeamRequested, TeamFormed)

    def test_waiting_proposal_begins_when_the_last_step_is_undone(self) -> None:
        state = built(1).when(failed("database", 3, final=True)).when(later()).then_types(ProposalQueued)

        state.when(undone("server")).then_types(StepUndone, EnvironmentRolledBack, TeamRequested, TeamFormed)

    def test_waiting_proposal_gets_the_next_build(self) -> None:
        state = built(5, building().when(later())).when(kickoff()).then_types(KickoffHeld, BuildStarted)

        assert state.last(BuildStarted).build == 2

    def test_what_cannot_be_built_is_refused_during_a_build_too(self) -> None:
        spec = SPEC.model_copy(update={"engine": "oracle"})

        building().when(later().model_copy(update={"environment": spec})).then_refused(
            "environment.engine", "engine-is-known"
        )

    @pytest.mark.parametrize(
        ("spec", "field", "rule"),
        [
            ({"engine": "oracle"}, "environment.engine", "engine-is-known"),
            ({"database": "d" * 64}, "environment.database", "name-fits-postgresql"),
            ({"schemas": ("pg_shop",)}, "environment.schemas.0", "name-fits-postgresql"),
            ({"database": "postgres"}, "environment.database", "name-is-free"),
            (
                {"roles": (DatabaseRole(name="provisioner", login=True, privileges=()),)},
                "environment.roles.0.name",
                "name-is-free",
            ),
            ({"schemas": ("a", "a")}, "environment.schemas", "names-are-unique"),
            (
                {"roles": (DatabaseRole(name="app", login=True, privileges=("fly",)),)},
                "environment.roles.0.privileges",
                "privilege-is-known",
            ),
        ],
    )
    def test_what_cannot_be_built_is_refused(self, spec: dict[str, Any], field: str, rule: str) -> None:
        environment = SPEC.model_copy(update=spec)

        given().when(prepare(environment=environment)).then_refused(field, rule)


class TestOfferPeople:
    def test_enough_people_form_the_team(self) -> None:
        state = staffed()

        state.then_types(PeopleOffered, TeamFormed)
        assert {(a.role, a.person) for a in state.last(TeamFormed).assignments} == {
            ("dba", "dora"), ("engineer", "ada"), ("engineer", "bob"),
        }  # fmt: skip

    def test_missing_role_is_named(self) -> None:
        state = given(requested()).when(OfferPeople(people=(ADA, BOB)))

        state.then(
            PeopleOffered(people=(ADA, BOB)),
            TeamIncomplete(missing=(RoleNeed(role="dba", days=20, people=1),)),
        )

    def test_before_an_approval_only_the_offer_is_kept(self) -> None:
        given().when(OfferPeople(people=(ADA,))).then(PeopleOffered(people=(ADA,)))

    def test_same_people_again_change_nothing(self) -> None:
        staffed().when(OfferPeople(people=(BOB,))).then_nothing()

    def test_person_named_again_replaces_the_earlier_entry(self) -> None:
        away = DORA.model_copy(update={"available_days": 0})

        staffed().when(OfferPeople(people=(away,))).then_types(PeopleOffered, TeamIncomplete)

    def test_person_twice_in_one_offer_is_refused(self) -> None:
        given().when(OfferPeople(people=(ADA, ADA))).then_refused("people.1", "named-once")


class TestHoldKickoff:
    def test_kickoff_starts_the_build(self) -> None:
        state = building()

        state.then(
            KickoffHeld(**dict(kickoff())), BuildStarted(build=1, environment=SPEC, steps=plan.steps(SPEC))
        )
        assert tuple(step.id for step in state.last(BuildStarted).steps) == STEPS

    def test_without_approval_is_refused(self) -> None:
        given().when(kickoff()).then_refused("held_at", "proposal-is-approved")

    def test_incomplete_team_is_refused_and_the_gap_named(self) -> None:
        state = given(requested()).when(OfferPeople(people=(ADA, BOB))).when(kickoff())

        state.then_refused("attendees", "team-is-complete")
        assert "dba (1 people, 20 days)" in str(state.outcome)

    def test_same_kickoff_again_changes_nothing(self) -> None:
        building().when(kickoff()).then_nothing()

    def test_second_kickoff_is_refused(self) -> None:
        building().when(kickoff(minutes="Again.")).then_refused("held_at", "kickoff-held-once")

    @pytest.mark.parametrize(
        ("changes", "field", "rule"),
        [
            ({"held_at": NOON + timedelta(minutes=1)}, "held_at", "kickoff-is-past"),
            ({"facilitator": "eve"}, "facilitator", "person-is-on-the-team"),
            ({"attendees": ("ada", "eve")}, "attendees.1", "person-is-on-the-team"),
            ({"attendees": ("ada", "ada")}, "attendees.1", "named-once"),
            (
                {"actions": (Action(id="a", title="T", owner="eve", due_on=date(2026, 4, 1)),)},
                "actions.0.owner",
                "person-is-on-the-team",
            ),
            (
                {"actions": (Action(id="a", title="T", owner="ada", due_on=date(2026, 3, 1)),)},
                "actions.0.due_on",
                "action-is-due-later",
            ),
        ],
    )
    def test_wrong_particulars_are_refused(self, changes: dict[str, Any], field: str, rule: str) -> None:
        staffed().when(kickoff(**changes)).then_refused(field, rule)


class TestRecordStepCompleted:
    def test_step_is_recorded(self) -> None:
        building().when(done("server")).then(StepCompleted(**dict(done("server"))))

    def test_last_step_makes_the_environment_ready(self) -> None:
        state = built(5)

        state.then(
            StepCompleted(**dict(done("health", endpoint=ENDPOINT))),
            EnvironmentReady(build=1, endpoint=ENDPOINT, environment=SPEC, components=COMPONENTS),
        )

    def test_step_reported_twice_changes_nothing(self) -> None:
        built(2).when(done("server", changed=False)).then_nothing()

    def test_step_out_of_order_is_refused(self) -> None:
        built(1).when(done("role-1")).then_refused("step", "steps-in-order")

    def test_report_of_an_unknown_build_is_refused(self) -> None:
        given().when(done("server")).then_refused("build", "build-is-known")

    def test_report_after_the_end_changes_nothing(self) -> None:
        built(5).when(done("health")).then_nothing()


class TestRecordStepFailed:
    def test_attempts_are_recorded(self) -> None:
        command = failed("server", 1)

        building().when(command).then(StepFailed(**dict(command)))

    def test_step_can_succeed_after_a_failure(self) -> None:
        building().when(failed("server", 1)).when(done("server", attempt=2)).then_types(StepCompleted)

    def test_same_failure_again_changes_nothing(self) -> None:
        building().when(failed("server", 1)).when(failed("server", 1)).then_nothing()

    def test_final_failure_of_the_first_step_ends_the_build(self) -> None:
        building().when(failed("server", 3, final=True)).then(
            StepFailed(build=1, step="server", attempt=3, error="port taken", final=True),
            EnvironmentRolledBack(build=1, failed_step="server", reason="port taken"),
        )

    def test_failure_of_a_step_not_in_hand_is_refused(self) -> None:
        building().when(failed("role-1", 1)).then_refused("step", "step-is-running")


class TestRecordStepUndone:
    def test_last_step_undone_ends_the_build(self) -> None:
        state = built(2).when(failed("schema-1", 3, final=True)).then_types(StepFailed)

        state = state.when(undone("database")).then(StepUndone(**dict(undone("database"))))

        state.when(undone("server")).then(
            StepUndone(**dict(undone("server"))),
            EnvironmentRolledBack(build=1, failed_step="schema-1", reason="port taken"),
        )

    def test_other_order_is_refused(self) -> None:
        state = built(2).when(failed("schema-1", 3, final=True))

        state.when(undone("server")).then_refused("step", "undone-in-reverse")

    def test_while_building_is_refused(self) -> None:
        built(2).when(undone("database")).then_refused("step", "build-is-being-undone")

    def test_completion_while_undoing_is_refused(self) -> None:
        state = built(2).when(failed("schema-1", 3, final=True))

        state.when(done("schema-1")).then_refused("step", "steps-in-order")


class TestRetryBuild:
    def test_build_after_a_roll_back_has_the_next_number(self) -> None:
        state = building().when(failed("server", 3, final=True)).when(RetryBuild(requested_by="dora"))

        state.then(BuildStarted(build=2, environment=SPEC, steps=plan.steps(SPEC)))

    def test_late_report_of_the_earlier_build_changes_nothing(self) -> None:
        state = building().when(failed("server", 3, final=True)).when(RetryBuild(requested_by="dora"))

        state.when(done("server")).then_nothing()

    def test_running_build_is_not_started_again(self) -> None:
        building().when(RetryBuild(requested_by="dora")).then_nothing()

    def test_without_a_roll_back_is_refused(self) -> None:
        built(5).when(RetryBuild(requested_by="dora")).then_refused("requested_by", "build-was-rolled-back")


def test_command_of_another_service_is_refused() -> None:
    command = OfferCatalogue.model_construct()

    given().when(command).then_refused("type", "command-is-known")


def test_state_survives_a_snapshot() -> None:
    state = built(3).when(failed("role-1", 1)).state

    assert model.State.model_validate_json(state.model_dump_json()) == state
