"""A selection compiled to a projection: what a query asks of a view, with no object per field (ADR 0014).

A plan answers only what is exactly as the schema says. Whatever deviates is graphql-core's to answer.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    is_abstract_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from gateway.graphql.projection import (
    LARGEST_INT,
    SMALLEST_INT,
    Convert,
    Deviates,
    Field,
    as_it_is,
    projection,
)

TYPENAME = "__typename"


class Unplannable(Exception):
    """The selection holds something that only graphql-core can answer."""


@dataclass(frozen=True)
class Root:
    """One field of the root; `definition` is None for `__typename`."""

    key: str
    nodes: list[FieldNode]
    definition: GraphQLField | None
    convert: Convert


class Compiler:
    """Compiles one operation for one set of values of the variables in its directives.

    Merging, fragments, type conditions, `@skip` and `@include` are graphql-core's own work, done once here.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        values: VariableValues,
    ) -> None:
        self._schema, self._operation, self._values = schema, operation, values
        self._fragments = {name: FragmentDetails(found) for name, found in fragments.items()}

    def roots(self, kind: GraphQLObjectType) -> list[Root]:
        """Raises Unplannable."""
        collected = collect_fields(self._schema, self._fragments, self._values, kind, self._operation)
        return [self._root(kind, key, found) for key, found in collected.grouped_field_set.items()]

    def _root(self, kind: GraphQLObjectType, key: str, found: list[FieldDetails]) -> Root:
        nodes = [one.node for one in found]
        if nodes[0].name.value == TYPENAME:
            return Root(key, nodes, None, _constant(kind.name))
        definition = kind.fields.get(nodes[0].name.value)
        if definition is None:
            raise Unplannable(nodes[0].name.value)
        return Root(key, nodes, definition, self._output(definition.type, found))

    def _output(self, kind: GraphQLOutputType, found: list[FieldDetails]) -> Convert:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, found)
        return _nullable(self._present(kind, found))

    def _present(self, kind: GraphQLOutputType, found: list[FieldDetails]) -> Convert:
        """Of a value that must be there."""
        if isinstance(kind, GraphQLList):
            return _list(self._output(kind.of_type, found))
        if isinstance(kind, GraphQLEnumType):
            return _enum(kind)
        if isinstance(kind, GraphQLScalarType):
            return _SCALARS.get(kind.name) or _scalar(kind)
        if is_abstract_type(kind):
            possible = self._schema.get_possible_types(kind)
            if len(possible) != 1 or not possible[0].is_type_of:
                raise Unplannable(f"{kind} may be several types")
            kind = possible[0]
        return self._object(cast(GraphQLObjectType, kind), found)

    def _object(self, kind: GraphQLObjectType, found: list[FieldDetails]) -> Convert:
        collected = collect_subfields(
            self._schema, self._fragments, self._values, self._operation, kind, found
        )
        fields = [self._field(kind, key, group) for key, group in collected.grouped_field_set.items()]
        return projection(kind, fields)

    def _field(self, kind: GraphQLObjectType, key: str, found: list[FieldDetails]) -> Field:
        name = found[0].node.name.value
        if name == TYPENAME:
            return Field(key, "", _constant(kind.name))
        definition = kind.fields[name]
        known = definition.extensions.get("strawberry-definition")
        if known is None or not known.is_basic_field or definition.args:
            raise Unplannable(f"{kind.name}.{name} has a resolver of its own")
        return Field(key, known.python_name, self._output(definition.type, found), as_it_is(definition.type))


def _constant(text: str) -> Convert:
    return lambda _: text


def _nullable(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _list(convert: Convert) -> Convert:
    def each(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Deviates("a list")
        return [convert(item) for item in value]

    return each


def _enum(kind: GraphQLEnumType) -> Convert:
    # A view holds the member's value; an object may hold the member, which is equal to it.
    names = {found.value: name for name, found in kind.values.items()}
    return lambda value: names[value]


def _scalar(kind: GraphQLScalarType) -> Convert:
    written = kind.coerce_output_value

    def write(value: Any) -> Any:
        found = None if value is None else written(value)
        if found is None:
            raise Deviates(kind.name)
        return found

    return write


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Deviates("a string")


def _int(value: Any) -> int:
    if type(value) is int and SMALLEST_INT <= value <= LARGEST_INT:
        return value
    raise Deviates("an integer")


def _float(value: Any) -> float:
    if type(value) in (float, int) and isfinite(value):
        return float(value)
    raise Deviates("a number")


_SCALARS: dict[str, Convert] = {
    GraphQLString.name: _text,
    GraphQLID.name: _text,
    GraphQLInt.name: _int,
    GraphQLFloat.name: _float,
}
