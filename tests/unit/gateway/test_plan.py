"""A plan answers as graphql-core does: random documents over the real schema, compared byte for byte."""

import random
import time
from dataclasses import replace

import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type

from gateway.auth import Caller, Role
from gateway.context import Context
from gateway.graphql import plan
from gateway.graphql.operation import documents_of
from gateway.graphql.planned import answer
from gateway.schema import build_schema
from schemas.base import CommandRefusal

FLAGS = ("a", "b", "c")


class Writer:
    """Writes one random valid document about an engagement."""

    def __init__(self, dice):
        self.dice, self.schema, self.fragments = dice, documents_of(build_schema()).schema, []

    def document(self):
        inner = self.selection(self.schema.type_map["Engagement"], 4)
        more = " other: engagement(id: $id) { __typename key }" if self.dice.random() < 0.3 else ""
        flags = "".join(f", ${flag}: Boolean!" for flag in FLAGS)
        return f"query Q($id: ID!{flags}) {{ engagement(id: $id) {inner}{more} }} {' '.join(self.fragments)}"

    def selection(self, kind, depth):
        parts = ["__typename"]
        for _ in range(self.dice.randint(1, 6)):
            parts.append(self.part(kind, depth))
        return "{ " + " ".join(parts) + f" ...on {kind.name} {{ f{kind.name}: __typename }}" + " }"

    def part(self, kind, depth):
        roll = self.dice.random()
        if depth and roll < 0.12:
            return f"... on {kind.name} {self.directive()} {self.selection(kind, depth - 1)}"
        if depth and roll < 0.24:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            body = self.selection(kind, depth - 1)
            self.fragments[int(name[1:])] = f"fragment {name} on {kind.name} {body}"
            return f"...{name} {self.directive()}"
        names = [n for n, f in kind.fields.items() if depth or not self.composite(f)]
        name = self.dice.choice(names) if names else "__typename"
        below = self.composite(kind.fields[name]) if name in kind.fields else None
        inner = self.selection(below, depth - 1) if below else ""
        alias = f"{name}_{self.dice.randint(1, 2)}: " if self.dice.random() < 0.15 else ""
        return f"{alias}{name} {self.directive()} {inner}"

    def composite(self, field):
        found = get_named_type(field.type)
        return found if isinstance(found, GraphQLObjectType) else None

    def directive(self):
        roll = self.dice.random()
        if roll > 0.2:
            return ""
        given = self.dice.choice(["true", "false", *(f"${flag}" for flag in FLAGS)])
        return f"@{'skip' if roll < 0.1 else 'include'}(if: {given})"


@pytest.fixture
async def asked(house, kit):
    """Compares: how many were planned, and the documents that differ."""
    dice = random.Random(11)
    kinds = [kind for kind in kit.every_event() if not issubclass(kind, CommandRefusal)]
    await house.broker.events(kit.opened(), *(kit.sample(dice.choice(kinds), dice) for _ in range(250)))
    caller = Caller("acme", "tester", frozenset({Role.VIEWER}), time.time() + 600)
    schema = build_schema()
    documents = documents_of(schema)

    async def compare(seed, count):
        dice, planned, different = random.Random(seed), 0, []
        while planned < count:
            query = Writer(dice).document()
            values = {"id": "ENG-TEST1", **{flag: dice.random() < 0.5 for flag in FLAGS}}
            prepared = documents._prepare(query, "digest")
            if prepared.errors:
                continue
            context = Context(house.store, house.hub, None, None, caller, spanned=True)
            given = await answer(documents, prepared, prepared.operation(None), values, context)
            oracle = await schema.execute(query, variable_values=values, context_value=context)
            if given is None:
                different.append(query)
            else:
                same = orjson.dumps(given.data) == orjson.dumps(oracle.data)
                if not same or given.errors != oracle.errors or given.extensions != oracle.extensions:
                    different.append(query)
            planned += 1
        return different

    return compare


@pytest.mark.parametrize("seed", range(3))
async def test_random_documents_are_answered_as_graphql_core_does(asked, seed):
    assert await asked(seed, 40) == []


async def test_a_plan_that_ignores_aliases_is_found_out(asked, monkeypatch):
    honest = plan.Compiler._field

    def without_alias(self, kind, key, found):
        return replace(honest(self, kind, key, found), key=found[0].node.name.value)

    monkeypatch.setattr(plan.Compiler, "_field", without_alias)
    assert await asked(1, 10)


async def test_a_plan_that_ignores_skip_and_include_is_found_out(asked, monkeypatch):
    honest = plan.Compiler.__init__

    def deaf(self, schema, fragments, operation, values):
        always = dict.fromkeys(values.coerced, True) | {"id": values.coerced["id"]}
        honest(self, schema, fragments, operation, values._replace(coerced=always))

    monkeypatch.setattr(plan.Compiler, "__init__", deaf)
    assert await asked(2, 25)


async def test_a_value_that_is_not_as_the_schema_says_is_left_to_graphql_core(house, kit):
    await house.broker.events(kit.opened())
    house.store.views["ENG-TEST1"].view["cursor"] = 2**40

    said = await house.graphql('{ engagement(id: "ENG-TEST1") { cursor } }')

    assert said["data"] == {"engagement": None}
    assert said["errors"][0]["path"] == ["engagement", "cursor"]
