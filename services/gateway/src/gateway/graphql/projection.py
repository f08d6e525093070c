"""One object's fields read and checked by a function that is written for this selection and compiled once.

What a field holds as it is stored is taken as it is; everything else goes through the field's own conversion,
which converts it or refuses it. A call a field would cost four times as much.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
)

from gateway.graphql.scalars import TEXTS

Convert = Callable[[Any], Any]
"""From a value as it is stored to what the answer holds; raises Deviates, or what a wrong value raises."""
SMALLEST_INT, LARGEST_INT = -(2**31), 2**31 - 1
NEVER = "False"
_TEXT = "{x}.__class__ is str"
_AS_IT_IS = {
    **dict.fromkeys((GraphQLString.name, GraphQLID.name, *TEXTS), _TEXT),
    GraphQLInt.name: f"{{x}}.__class__ is int and {SMALLEST_INT} <= {{x}} <= {LARGEST_INT}",
    # Infinity and what is no number differ from themselves: x - x is 0 for every other.
    GraphQLFloat.name: "{x}.__class__ is float and {x} - {x} == 0.0",
    GraphQLBoolean.name: "{x}.__class__ is bool",
}


class Deviates(Exception):
    """A value is not what the schema says of it."""


@dataclass(frozen=True)
class Field:
    """`as_is` is the condition, of `{x}`, under which the value needs no conversion."""

    key: str
    name: str
    convert: Convert
    as_is: str = NEVER


def as_it_is(kind: GraphQLOutputType) -> str:
    """When a value of this type is written as it is stored."""
    if isinstance(kind, GraphQLNonNull):
        return _AS_IT_IS.get(getattr(kind.of_type, "name", ""), NEVER)
    inner = _AS_IT_IS.get(getattr(kind, "name", ""), NEVER)
    return inner if inner == NEVER else f"{{x}} is None or ({inner})"


def projection(kind: GraphQLObjectType, fields: Sequence[Field]) -> Convert:
    """From an object of this type to its selected fields."""
    places = {
        "belongs": kind.is_type_of or _any,
        "reader": _reader,
        "Deviates": Deviates,
        **{f"convert{n}": field.convert for n, field in enumerate(fields)},
    }
    # Of the query's own text only keys and names get in, as literals.
    exec(compile(_source(kind.name, fields), f"<{kind.name}>", "exec"), places)  # noqa: S102
    return cast(Convert, places["project"])


def _source(kind: str, fields: Sequence[Field]) -> str:
    read = [(n, field.name) for n, field in enumerate(fields) if field.name]
    lines = [
        "def project(value):",
        "    if value is None or not belongs(value, None):",
        f"        raise Deviates({kind!r})",
        "    try:",
        *(f"        x{n} = value[{name!r}]" for n, name in read),
        "        pass",
        # Objects, and views that an older fold made without this field.
        "    except (KeyError, TypeError):",
        "        read = reader(value)",
        *(f"        x{n} = read({name!r})" for n, name in read),
        f"    return {{{', '.join(_item(n, field) for n, field in enumerate(fields))}}}",
    ]
    return "\n".join(lines)


def _item(n: int, field: Field) -> str:
    if not field.name:
        return f"{field.key!r}: convert{n}(None)"
    if field.as_is == NEVER:
        return f"{field.key!r}: convert{n}(x{n})"
    return f"{field.key!r}: x{n} if {field.as_is.format(x=f'x{n}')} else convert{n}(x{n})"


def _any(*_: Any) -> bool:
    return True


def _reader(value: Any) -> Callable[[str], Any]:
    """As `value_of` reads it: views are dicts, results are objects."""
    if isinstance(value, dict):
        return value.get
    return lambda name: getattr(value, name)
