"""Input types made from the command models themselves, so that a command and its mutation cannot differ."""

import dataclasses
import inspect
import types
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from strawberry import UNSET

from gateway.graphql.scalars import JSON
from schemas.base import Command, Ref

_PLAIN = (str, int, float, bool, date, datetime, Decimal)
_REF_PATTERN = TypeAdapter(Ref).json_schema()["pattern"]
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}


@cache
def command_input(command: type[Command]) -> type:
    """The input of a command's mutation: its own fields, and how it is to be sent."""
    own = _fields(command)
    opens = command.type == "intake.open_engagement"
    key = strawberry.field(
        description="The same key with the same content gets the first answer again.", default=None
    )
    wait = strawberry.field(description="How long to wait for the effect to be readable.", default=5000)
    name = f"{command.__name__}Input"
    if opens:
        chosen = strawberry.field(
            description="Its key, such as ENG-7F3K; made up where none is given.", default=None
        )
        addressed: dict[str, tuple[Any, Any]] = {"engagement": (strawberry.ID | None, chosen)}
    else:
        addressed = {
            "engagement": (strawberry.ID, strawberry.field(description="Its key, such as ENG-7F3K."))
        }
    sent: dict[str, tuple[Any, Any]] = {"idempotency_key": (str | None, key), "wait_ms": (int, wait)}
    return _make(name, command, {**addressed, **own, **sent})


@cache
def value_input(model: type[BaseModel]) -> type:
    """The input of a nested value."""
    return _make(f"{model.__name__}Input", model, _fields(model))


def plain(value: Any) -> Any:
    """The data of an input as the Pydantic model takes it: what was not given, or null, is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: plain(one) for name, one in given.items() if one is not UNSET and one is not None}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def _make(name: str, model: type[BaseModel], fields: dict[str, tuple[Any, Any]]) -> type:
    namespace: dict[str, Any] = {field: described for field, (_, described) in fields.items()}
    namespace["__annotations__"] = {field: annotation for field, (annotation, _) in fields.items()}
    return strawberry.input(type(name, (), namespace), name=name, description=_doc(model))


def _doc(model: type[BaseModel]) -> str | None:
    doc = vars(model).get("__doc__")
    return inspect.cleandoc(doc) if doc else None


def _fields(model: type[BaseModel]) -> dict[str, tuple[Any, Any]]:
    properties = model.model_json_schema().get("properties", {})
    return {name: _field(field, properties.get(name, {})) for name, field in model.model_fields.items()}


def _field(field: FieldInfo, schema: dict[str, Any]) -> tuple[Any, Any]:
    annotation = graphql_type(field.annotation)
    described = _describe(field, schema)
    if field.is_required():
        return annotation, strawberry.field(description=described)
    if isinstance(field.default, bool | int | float) or type(field.default) is str:
        return annotation, strawberry.field(description=described, default=field.default)
    optional = annotation if type(None) in get_args(annotation) else annotation | None
    return optional, strawberry.field(description=described, default=UNSET)


def _describe(field: FieldInfo, schema: dict[str, Any]) -> str | None:
    if schema.get("pattern") == _REF_PATTERN:
        limits = ["a short name"]
    else:
        limits = [text.format(schema[key]) for key, text in _LIMITS.items() if key in schema]
    words = [part for part in (field.description, ", ".join(limits)) if part]
    return "; ".join(words) or None


def graphql_type(annotation: Any) -> Any:
    """The GraphQL input type of a field's annotation; maps become JSON."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return graphql_type(arguments[0])
    if origin in (Union, types.UnionType):
        some = [graphql_type(one) for one in arguments if one is not type(None)]
        return (some[0] if len(some) == 1 else JSON) | None if type(None) in arguments else JSON
    if origin in (tuple, list):
        return list[graphql_type(arguments[0])]  # type: ignore[misc]
    if origin is dict or annotation is Any:
        return JSON
    if annotation in _PLAIN:
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return enum_of(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return value_input(annotation)
    raise TypeError(f"no GraphQL input type for {annotation!r}")


@cache
def enum_of(kind: type[Enum]) -> type[Enum]:
    """The vocabulary's enum as a GraphQL enum: its members' names."""
    return strawberry.enum(kind, description=_enum_doc(kind))


def _enum_doc(kind: type[Enum]) -> str | None:
    doc = vars(kind).get("__doc__")
    return inspect.cleandoc(doc) if doc else None
