"""The schema that clients were given: changes are seen, and its inputs cannot drift from the commands."""

from pathlib import Path

import pytest
from graphql import build_schema, get_named_type

from gateway.authorization import mutation_name
from gateway.sdl import main, printed
from schemas import registry

COMMITTED = Path(__file__).parents[3] / "services/gateway/schema.graphql"
SCHEMA = build_schema(printed())
PUBLIC = [command for command in registry.commands() if not command.internal]


def test_the_committed_schema_is_the_one_that_is_served():
    assert COMMITTED.read_text() == printed(), (
        "write it anew: python -m gateway.sdl > services/gateway/schema.graphql"
    )


def test_the_check_tells_a_changed_file(tmp_path, capsys):
    (tmp_path / "old.graphql").write_text("type Query { a: Int }\n")

    assert main(["--check", str(COMMITTED)]) == 0
    assert main(["--check", str(tmp_path / "old.graphql")]) == 1
    assert "is not the schema any more" in capsys.readouterr().err


@pytest.mark.parametrize("command", PUBLIC, ids=[command.type for command in PUBLIC])
def test_each_public_command_is_a_mutation_with_its_own_fields(command):
    mutation = SCHEMA.mutation_type.fields[mutation_name(command.type)]
    given = get_named_type(mutation.args["input"].type)
    own = {_camel(name) for name in command.model_fields}

    assert set(given.fields) == {*own, "engagement", "idempotencyKey", "waitMs"}
    assert str(mutation.type) == "CommandResult!"


def test_internal_commands_are_no_mutations():
    internal = [command for command in registry.commands() if command.internal]

    assert not {mutation_name(command.type) for command in internal} & set(SCHEMA.mutation_type.fields)


def test_the_fields_of_a_result_can_be_asked_for_in_every_case():
    asked = {}
    for name in ("Accepted", "Refused", "Pending"):
        for field, described in SCHEMA.type_map[name].fields.items():
            asked.setdefault(field, set()).add(str(described.type))

    assert {field: types for field, types in asked.items() if len(types) > 1} == {}


def _camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
