"""What a command uses of MongoDB: its name, its options, and the operators in what it carries. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    COMMAND = "command"
    OPTION = "option"
    QUERY = "query operator"
    UPDATE = "update operator"
    STAGE = "aggregation stage"
    EXPRESSION = "aggregation operator"
    INDEX = "index option"
    CONCERN = "concern"


@dataclass(frozen=True, order=True)
class Feature:
    """An option's name has its command's before it: `find.sort`."""

    kind: Kind
    name: str


# The driver puts these into any command; which of them depends on the server it talks to.
OF_THE_DRIVER = frozenset({"lsid", "$db", "$clusterTime", "txnNumber", "$readPreference", "apiVersion"})
CONCERNS = frozenset({"readConcern", "writeConcern"})
# A command's own documents, whose fields are no options.
CARRIED = frozenset({"documents", "updates", "deletes", "indexes"})
QUERIES = ("filter", "query", "q")


def of(command: str, body: Mapping[str, Any]) -> frozenset[Feature]:
    """Everything one command uses."""
    return frozenset((Feature(Kind.COMMAND, command), *_options(command, body), *_parts(body)))


def _options(command: str, body: Mapping[str, Any]) -> Iterator[Feature]:
    ignored = {command, *OF_THE_DRIVER, *CONCERNS, *CARRIED}
    yield from (Feature(Kind.OPTION, f"{command}.{name}") for name in body if name not in ignored)
    for statement in (*body.get("updates", ()), *body.get("deletes", ())):
        # The driver writes out both defaults.
        yield from (
            Feature(Kind.OPTION, f"{command}.{n}") for n, value in statement.items() if value is not False
        )
    for index in body.get("indexes", ()):
        yield from (Feature(Kind.INDEX, name) for name in index)
    for name in CONCERNS & body.keys():
        yield from (
            Feature(Kind.CONCERN, f"{name} {key}: {_plain(value)}") for key, value in body[name].items()
        )


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parts(body: Mapping[str, Any]) -> Iterator[Feature]:
    for statement in (body, *body.get("updates", ()), *body.get("deletes", ())):
        for name in QUERIES:
            yield from _operators(Kind.QUERY, statement.get(name, {}))
        yield from _update(statement.get("u", statement.get("update", {})))
    for stage in body.get("pipeline", ()):
        for name, inner in stage.items():
            yield Feature(Kind.STAGE, name)
            yield from _operators(Kind.QUERY if name == "$match" else Kind.EXPRESSION, inner)


def _update(update: Any) -> Iterator[Feature]:
    if isinstance(update, Mapping):
        yield from (Feature(Kind.UPDATE, name) for name in update if name.startswith("$"))


def _operators(kind: Kind, value: Any) -> Iterator[Feature]:
    """Those anywhere inside: `{"a": {"$in": [..]}}`, `{"$or": [{..}]}`."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name.startswith("$"):
                yield Feature(kind, name)
            yield from _operators(kind, inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _operators(kind, inner)
