"""Who may do what: every way in has its line, and whoever lacks the role is stopped before anything runs."""

import pytest
from graphql import build_schema

from gateway.auth import Caller, Role
from gateway.authorization import ACTIONS, COMMANDS, FIELDS, Forbidden, authorise
from gateway.sdl import printed
from schemas import registry

SCHEMA = build_schema(printed())
ROOTS = {
    f"{root.name}.{name}"
    for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    for name in root.fields
}


def caller(*roles):
    return Caller("acme", "anna", frozenset(Role(role) for role in roles), 2e9)


def test_every_field_of_every_root_has_its_line():
    assert sorted(ROOTS - set(ACTIONS)) == []


def test_no_line_is_left_over():
    assert sorted(name for name in set(ACTIONS) - ROOTS if name[0].isupper()) == []
    assert set(COMMANDS) == {command.type for command in registry.commands() if not command.internal}


def test_what_has_no_line_is_allowed_to_nobody():
    with pytest.raises(Forbidden):
        authorise(caller(*Role), "Mutation.dropEverything")


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_each_action_is_open_to_its_roles_and_to_no_other(action):
    for role in Role:
        if role in ACTIONS[action]:
            authorise(caller(role), action)
        else:
            with pytest.raises(Forbidden):
                authorise(caller(role), action)


def test_only_the_client_signs():
    for command in ("intake.agree_plan", "design.approve_proposal", "design.reject_proposal"):
        assert COMMANDS[command] == {Role.CLIENT}


def test_a_mutation_and_its_command_are_open_to_the_same_roles():
    assert ACTIONS["Mutation.scoreRequirements"] == ACTIONS["intake.score_requirements"]


QUERIES = {
    "Query.engagement": '{ engagement(id: "ENG-TEST1") { key } }',
    "Query.engagements": "{ engagements { edges { cursor } } }",
    "Query.node": '{ node(id: "x") { id } }',
    "Query.timeline": '{ timeline(engagement: "ENG-TEST1") { endCursor } }',
    "Query.valueThread": '{ valueThread(engagement: "ENG-TEST1", requirement: "r") { requirement } }',
    "Query.why": '{ why(engagement: "ENG-TEST1", event: "e") { complete } }',
    "Query.command": '{ command(id: "c") { __typename } }',
    "Query.deadLetters": "{ deadLetters { endCursor } }",
    "Mutation.submitCommand": 'mutation { submitCommand(type: "x", data: {}) { __typename } }',
    "Mutation.redriveDeadLetter": 'mutation { redriveDeadLetter(id: "x") { id } }',
    "Mutation.discardDeadLetter": 'mutation { discardDeadLetter(id: "x", reason: "y") { id } }',
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", sorted(QUERIES))
async def test_the_table_is_what_the_endpoint_does(house, action, role):
    answer = await house.graphql(QUERIES[action], roles=[role.value])
    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}

    assert ("FORBIDDEN" in codes) == (role not in FIELDS[action])
    assert not ("FORBIDDEN" in codes and "data" in answer)


async def test_a_field_hidden_in_fragments_and_aliases_is_forbidden_just_the_same(house):
    query = "query { ...a } fragment a on Query { ... on Query { x: deadLetters { endCursor } } }"

    answer = await house.graphql(query, roles=["viewer"])

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_a_command_is_authorised_by_its_own_line_also_through_submit(house, kit):
    await house.broker.events(kit.opened())
    asked = 'type: "intake.agree_plan", engagement: "ENG-TEST1", data: {}'
    query = f"mutation {{ submitCommand({asked}) {{ __typename }} }}"

    answer = await house.graphql(query, roles=["consultant"])

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert house.broker.sent == []
