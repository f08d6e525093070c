"""Scalars that pass JSON text through: a view holds what the scalar says already."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

__all__ = ["JSON", "SCALARS", "TEXTS"]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("must be written as a string")
    return value


def _scalar(name: str, description: str) -> ScalarDefinition:
    # Reading is left to the command's own schema, so that a bad value is a refusal with its field.
    return strawberry.scalar(
        name=name,
        description=description,
        serialize=lambda value: value,
        parse_value=_text,
    )


SCALARS: dict[object, ScalarDefinition] = {
    datetime: _scalar("DateTime", "A moment with its zone, ISO 8601: 2026-03-01T09:00:00Z."),
    date: _scalar("Date", "A day, ISO 8601: 2026-03-01."),
    Decimal: _scalar("Decimal", "An exact number as a string, so that no digit is lost: 850000.00."),
}
TEXTS = frozenset(definition.name for definition in SCALARS.values())
