"""Wire name to class, built from the classes themselves: nothing is registered by hand."""

import re
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from pydantic_core import from_json

from schemas import design, feedback, inbound, intake, migration, monitoring, operations, provisioning
from schemas.base import Command, CommandNoEffect, CommandRefusal, DeliveryOverruled, Event, Payload

SERVICES = ("intake", "design", "provisioning", "migration", "monitoring", "feedback")
MODULES: tuple[ModuleType, ...] = (
    intake, design, provisioning, migration, monitoring, feedback, inbound, operations,
)  # fmt: skip

_WIRE = re.compile(r"^(?P<name>[a-z]+\.[a-z0-9_]+)\.v(?P<version>[1-9][0-9]*)$")


class UnknownType(LookupError):
    """No such event or command."""


class UnknownVersion(LookupError):
    """The name is known, this version of it is not."""


@cache
def payloads() -> dict[str, type[Payload]]:
    """Every name (without version) to its newest class."""
    found: dict[str, type[Payload]] = {}
    for cls in _classes():
        if cls.type not in found or found[cls.type].version < cls.version:
            found[cls.type] = cls
    return found


def _classes() -> Iterable[type[Payload]]:
    for module in MODULES:
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Payload) and "type" in vars(item):
                yield item


def events() -> list[type[Event]]:
    return [cls for cls in payloads().values() if issubclass(cls, Event)]


def commands() -> list[type[Command]]:
    return [cls for cls in payloads().values() if issubclass(cls, Command)]


def find(wire_type: str) -> tuple[type[Payload], int]:
    """The newest class for a CloudEvents type, and the version the type names.

    Raises UnknownType or UnknownVersion.
    """
    match = _WIRE.match(wire_type)
    cls = payloads().get(match["name"]) if match else None
    if match is None or cls is None:
        raise UnknownType(f"type {wire_type!r} is not known; types look like intake.open_engagement.v1")
    version = int(match["version"])
    if version > cls.version:
        raise UnknownVersion(f"version {version} of {cls.type} is not known; the newest is {cls.version}")
    return cls, version


def is_wire_type(text: str) -> bool:
    """Whether it could name a type of some release: `design.proposal_approved.v1`."""
    return _WIRE.match(text) is not None


def parse(wire_type: str, data: bytes | str) -> Payload:
    """Read a message's data into the newest class, upcasting older versions.

    Raises UnknownType, UnknownVersion, or pydantic's ValidationError.
    """
    cls, version = find(wire_type)
    if version == cls.version:
        return cls.model_validate_json(data)
    raw: dict[str, Any] = from_json(data)
    try:
        return cls.model_validate(cls.upcast(version, raw))
    except LookupError as error:
        raise UnknownVersion(f"version {version} of {cls.type} can no longer be read") from error


@cache
def refusal_of(service: str) -> type[CommandRefusal]:
    return next(c for c in _classes() if issubclass(c, CommandRefusal) and c.service() == service)


@cache
def no_effect_of(service: str) -> type[CommandNoEffect]:
    return next(c for c in _classes() if issubclass(c, CommandNoEffect) and c.service() == service)


@cache
def overruled_of(service: str) -> type[DeliveryOverruled]:
    return next(c for c in _classes() if issubclass(c, DeliveryOverruled) and c.service() == service)
