"""Renders docs/reference/mongodb.md from what the tour sent."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from testkit.mongo.documented import COMMANDS, MANUALS, OTHERS, Documented
from testkit.mongo.features import Feature, Kind
from testkit.mongo.recording import NOWHERE, Sent

Row = tuple[str, ...]
TEXT = Path(__file__).with_name("mongodb.md.in")
"""What no command can tell; `@tables@` is where the tables go."""


def render(sent: Sequence[Sent]) -> str:
    tables = (
        _section("Commands", ("command", "options", "on", "asked by", "since", "manual"), _commands(sent)),
        _section("Operators", ("operator", "of a", "on", "since", "manual"), _operators(sent)),
        _section("Concerns", ("concern", "on", "since", "manual"), _concerns(sent)),
        _section("Indexes", ("collection", "fields", "unique"), _indexes(sent)),
    )
    return TEXT.read_text("utf-8").replace("@tables@\n", "\n".join(tables))


def _commands(sent: Sequence[Sent]) -> list[Row]:
    return [
        (
            f"`{name}`",
            _codes(COMMANDS[name].options) or NOWHERE,
            _codes({one.collection for one in sent if one.command == name} - {NOWHERE}) or NOWHERE,
            _codes(_rooms(one.asked for one in sent if one.command == name)),
            *_where(COMMANDS[name]),
        )
        for name in sorted({one.command for one in sent})
    ]


def _rooms(asked: Iterable[str]) -> list[str]:
    """`commits.load` and `commits.insert` are both the room `commits`."""
    return sorted({name.rpartition(".")[0] for name in asked})


def _operators(sent: Sequence[Sent]) -> list[Row]:
    kinds = {
        Kind.QUERY: "query",
        Kind.UPDATE: "update",
        Kind.STAGE: "aggregation",
        Kind.EXPRESSION: "aggregation",
    }
    return [
        (f"`{one.name}`", kinds[one.kind], _codes(on), *_where(OTHERS[one]))
        for one, on in _used(sent, kinds.keys()).items()
    ]


def _concerns(sent: Sequence[Sent]) -> list[Row]:
    found = _used(sent, (Kind.CONCERN,))
    return [(f"`{one.name}`", _codes(on), *_where(OTHERS[one])) for one, on in found.items()]


def _used(sent: Sequence[Sent], kinds: Iterable[Kind]) -> dict[Feature, set[str]]:
    wanted = set(kinds)
    found = sorted({feature for one in sent for feature in one.features if feature.kind in wanted})
    return {one: {each.collection for each in sent if one in each.features} for one in found}


def _indexes(sent: Sequence[Sent]) -> list[Row]:
    rows = {
        (f"`{one.collection}`", _fields(index["key"]), "yes" if index.get("unique") else "")
        for one in sent
        for index in one.body.get("indexes", ())
    }
    return sorted(rows)


def _fields(key: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`{' descending' if direction < 0 else ''}" for name, direction in key.items())


def _where(found: Documented) -> Row:
    return found.since, ", ".join(f"[{manual}]({found.address(manual)})" for manual in MANUALS)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _section(title: str, head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return f"## {title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in lines)
