"""The rules for single keywords of a schema: each says what changed, and for whom it breaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from schemas.contracts.snapshots import Schema

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
FACTS = ("x-topic", "x-kind", "x-internal")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where (dotted path, `[]` for items, `{}` for the values of a map), what, for whom."""

    path: str
    kind: str
    breaking: bool
    why: str

    def __str__(self) -> str:
        return f"{'BREAKING' if self.breaking else 'harmless'}  {self.path}: {self.kind}: {self.why}"


OLD_UNREADABLE = "messages already written are refused by the new reader"
NEW_UNREADABLE = "readers not yet updated refuse the new messages"


def facts(old: Schema, new: Schema) -> Iterator[Change]:
    for fact in FACTS:
        if old.get(fact) != new.get(fact):
            loosened = fact == "x-internal" and old.get(fact)
            why = f"{old.get(fact)} became {new.get(fact)}"
            yield Change("message", f"{fact.removeprefix('x-')} changed", not loosened, why)


def documentation(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    if old.get("description") != new.get("description"):
        yield Change(
            path, "description changed", False, "no message changes; see that the meaning did not either"
        )


def type_change(path: str, old: Schema, new: Schema) -> Change | None:
    before, after = old.get("type"), new.get("type")
    if before == after:
        return None
    if (before, after) == ("integer", "number"):
        return Change(path, "type widened", True, f"integer became number: {NEW_UNREADABLE}")
    if (before, after) == ("number", "integer"):
        return Change(path, "type narrowed", True, f"number became integer: {OLD_UNREADABLE}")
    return Change(path, "type changed", True, f"{before} became {after}")


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def enum(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = _values(old), _values(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        kind, why = ("enum added", OLD_UNREADABLE) if before is None else ("enum removed", NEW_UNREADABLE)
        yield Change(path, kind, True, why)
        return
    if gone := [value for value in before if value not in after]:
        yield Change(path, "enum narrowed", True, f"without {_joined(gone)}, {OLD_UNREADABLE}")
    if come := [value for value in after if value not in before]:
        yield Change(path, "enum widened", True, f"with {_joined(come)}, {NEW_UNREADABLE}")


def bounds(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    for keyword in LOWER_BOUNDS:
        yield from _bound(path, keyword, old.get(keyword), new.get(keyword), tighter=lambda a, b: b > a)
    for keyword in UPPER_BOUNDS:
        yield from _bound(path, keyword, old.get(keyword), new.get(keyword), tighter=lambda a, b: b < a)


def _bound(
    path: str, keyword: str, old: Any, new: Any, *, tighter: Callable[[Any, Any], bool]
) -> Iterator[Change]:
    if old == new:
        return
    tightened = new is not None and (old is None or tighter(old, new))
    kind, why = ("bound tightened", OLD_UNREADABLE) if tightened else ("bound loosened", NEW_UNREADABLE)
    yield Change(path, kind, True, f"{keyword} {old} became {new}: {why}")


def pattern(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    yield from _keyword(path, "pattern", old.get("pattern"), new.get("pattern"))


def format_(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    """JSON Schema calls a format an annotation; our readers enforce it."""
    yield from _keyword(path, "format", old.get("format"), new.get("format"))


def _keyword(path: str, name: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if old is None:
        yield Change(path, f"{name} added", True, f"{new}: {OLD_UNREADABLE}")
    elif new is None:
        yield Change(path, f"{name} removed", True, f"{old}: {NEW_UNREADABLE}")
    else:
        yield Change(path, f"{name} changed", True, f"{old} became {new}")


def unique(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = bool(old.get("uniqueItems")), bool(new.get("uniqueItems"))
    if before != after:
        kind, why = (
            ("uniqueness required", OLD_UNREADABLE) if after else ("uniqueness dropped", NEW_UNREADABLE)
        )
        yield Change(path, kind, True, why)


def multiple(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    yield from _keyword(path, "multipleOf", old.get("multipleOf"), new.get("multipleOf"))


_HANDLED = frozenset(
    {*LOWER_BOUNDS, *UPPER_BOUNDS, *FACTS}
    | {"title", "description", "examples", "$schema", "$id", "$ref", "$defs", "x-retired", "default"}
    | {"type", "enum", "const", "pattern", "format", "uniqueItems", "multipleOf", "anyOf"}
    | {"properties", "required", "additionalProperties", "patternProperties", "propertyNames"}
    | {"items", "prefixItems"}
)


def other(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    """A keyword without a rule of its own is not guessed about."""
    for keyword in sorted((old.keys() | new.keys()) - _HANDLED):
        yield from _keyword(path, keyword, old.get(keyword), new.get(keyword))


def openness(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("additionalProperties") is False, new.get("additionalProperties") is False
    if before and not after:
        yield Change(path, "object opened", False, "unknown fields are ignored where they were refused")
    if after and not before:
        yield Change(path, "object closed", True, "unknown fields are refused where they were ignored")


def removed(path: str, required: bool, closed: bool) -> Change:
    if required:
        return Change(path, "required field removed", True, NEW_UNREADABLE)
    if closed:
        return Change(path, "field of a closed object removed", True, OLD_UNREADABLE)
    return Change(path, "optional field removed", False, "readers have its default; its name stays taken")


def presence(path: str, was: bool, now: bool) -> Iterator[Change]:
    if now and not was:
        yield Change(path, "field made required", True, OLD_UNREADABLE)
    if was and not now:
        yield Change(path, "field made optional", True, NEW_UNREADABLE)


def default(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    if "default" in old and "default" in new and old["default"] != new["default"]:
        why = f"{old['default']!r} became {new['default']!r}: messages without the field change their meaning"
        yield Change(path, "default changed", True, why)


def nullability(path: str, old: list[Schema], new: list[Schema]) -> Iterator[Change]:
    before, after = {"type": "null"} in old, {"type": "null"} in new
    if after and not before:
        yield Change(path, "null allowed", True, NEW_UNREADABLE)
    if before and not after:
        yield Change(path, "null forbidden", True, OLD_UNREADABLE)


def _joined(values: list[Any]) -> str:
    return ", ".join(map(str, values))
