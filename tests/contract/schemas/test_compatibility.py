"""Each kind of change, told by its name and judged; models as a service's author would write them."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from schemas.base import Amount, Event, Moment
from schemas.contracts.compatibility import Change, compare, retired
from schemas.contracts.snapshots import schema_of

REQUIRED = ...
One = Annotated[str, StringConstraints(pattern="^[a-z]+$")]
Other = Annotated[str, StringConstraints(pattern="^[a-z0-9]+$")]


class Two(Enum):
    A = "a"
    B = "b"


class Three(Enum):
    A = "a"
    B = "b"
    C = "c"


class Inner(BaseModel):
    x: int


class InnerGrown(BaseModel):
    x: int
    y: int = 0


class InnerBroken(BaseModel):
    x: str


def schema(closed: bool = False, **fields: Any) -> dict[str, Any]:
    """The schema of an event with an `id` and these fields: name=(type, default or ...)."""

    class Closed(Event):
        model_config = ConfigDict(frozen=True, extra="forbid")

    base: type[Event] = Closed if closed else Event
    model: type[Event] = create_model("Thing", __base__=base, id=(str, ...), **fields)
    model.type = "test.thing"
    return schema_of(model)


def told(changes: list[Change]) -> list[tuple[str, str, bool]]:
    return [(change.path, change.kind, change.breaking) for change in changes]


def field(kind: Any, default: Any = REQUIRED) -> dict[str, Any]:
    return schema(field=(kind, default))


def number(**bounds: Any) -> dict[str, Any]:
    return field(Annotated[int, Field(**bounds)])


AT = "data.field"
CASES: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[], dict[str, Any]], tuple[str, str, bool]]] = {
    "optional field added": (schema, lambda: field(int, 0), (AT, "optional field added", False)),
    "required field added": (schema, lambda: field(int), (AT, "required field added", True)),
    "optional field removed": (lambda: field(int, 0), schema, (AT, "optional field removed", False)),
    "required field removed": (lambda: field(int), schema, (AT, "required field removed", True)),
    "optional field removed from closed": (
        lambda: schema(closed=True, field=(int, 0)), lambda: schema(closed=True),
        (AT, "field of a closed object removed", True),
    ),
    "optional field added to closed": (
        lambda: schema(closed=True), lambda: schema(closed=True, field=(int, 0)),
        (AT, "optional field added", False),
    ),
    "field made required": (lambda: field(int, 0), lambda: field(int), (AT, "field made required", True)),
    "field made optional": (lambda: field(int), lambda: field(int, 0), (AT, "field made optional", True)),
    "type changed": (lambda: field(int), lambda: field(str), (AT, "type changed", True)),
    "type widened": (lambda: field(int), lambda: field(float), (AT, "type widened", True)),
    "type narrowed": (lambda: field(float), lambda: field(int), (AT, "type narrowed", True)),
    "null allowed": (lambda: field(int), lambda: field(int | None), (AT, "null allowed", True)),
    "null forbidden": (lambda: field(int | None), lambda: field(int), (AT, "null forbidden", True)),
    "union branch added": (lambda: field(int), lambda: field(int | str), (AT, "union branch added", True)),
    "union branch removed": (
        lambda: field(int | str), lambda: field(int), (AT, "union branch removed", True),
    ),
    "enum widened": (lambda: field(Two), lambda: field(Three), (AT, "enum widened", True)),
    "enum narrowed": (lambda: field(Three), lambda: field(Two), (AT, "enum narrowed", True)),
    "enum added": (lambda: field(str), lambda: field(Literal["a", "b"]), (AT, "enum added", True)),
    "enum removed": (lambda: field(Literal["a", "b"]), lambda: field(str), (AT, "enum removed", True)),
    "constant is an enum of one": (
        lambda: field(Literal["a"]), lambda: field(Literal["a", "b"]), (AT, "enum widened", True),
    ),
    "minimum raised": (lambda: number(ge=0), lambda: number(ge=1), (AT, "bound tightened", True)),
    "minimum lowered": (lambda: number(ge=1), lambda: number(ge=0), (AT, "bound loosened", True)),
    "maximum added": (lambda: number(), lambda: number(le=5), (AT, "bound tightened", True)),
    "maximum dropped": (lambda: number(le=5), lambda: number(), (AT, "bound loosened", True)),
    "exclusive bound tightened": (lambda: number(gt=0), lambda: number(gt=2), (AT, "bound tightened", True)),
    "length shortened": (
        lambda: field(Annotated[str, Field(max_length=9)]),
        lambda: field(Annotated[str, Field(max_length=8)]),
        (AT, "bound tightened", True),
    ),
    "items required": (
        lambda: field(tuple[int, ...]), lambda: field(Annotated[tuple[int, ...], Field(min_length=1)]),
        (AT, "bound tightened", True),
    ),
    "multiple changed": (
        lambda: number(multiple_of=2), lambda: number(multiple_of=3), (AT, "multipleOf changed", True),
    ),
    "pattern added": (lambda: field(str), lambda: field(One), (AT, "pattern added", True)),
    "pattern removed": (lambda: field(One), lambda: field(str), (AT, "pattern removed", True)),
    "pattern changed": (lambda: field(One), lambda: field(Other), (AT, "pattern changed", True)),
    "format added": (lambda: field(str), lambda: field(Moment), (AT, "format added", True)),
    "format removed": (lambda: field(Moment), lambda: field(str), (AT, "format removed", True)),
    "default changed": (lambda: field(int, 1), lambda: field(int, 2), (AT, "default changed", True)),
    "uniqueness required": (
        lambda: field(tuple[int, ...]), lambda: field(frozenset[int]), (AT, "uniqueness required", True),
    ),
    "uniqueness dropped": (
        lambda: field(frozenset[int]), lambda: field(tuple[int, ...]), (AT, "uniqueness dropped", True),
    ),
    "object closed": (schema, lambda: schema(closed=True), ("data", "object closed", True)),
    "object opened": (lambda: schema(closed=True), schema, ("data", "object opened", False)),
    "map key pattern changed": (
        lambda: field(dict[One, int]), lambda: field(dict[Other, int]), (AT, "map key pattern changed", True),
    ),
    "map values changed inside": (
        lambda: field(dict[One, int]), lambda: field(dict[One, str]), (AT + "{}", "type changed", True),
    ),
    "items changed inside": (
        lambda: field(tuple[Inner, ...]), lambda: field(tuple[InnerBroken, ...]),
        (AT + "[].x", "type changed", True),
    ),
    "part grown": (
        lambda: field(Inner), lambda: field(InnerGrown), (AT + ".y", "optional field added", False),
    ),
    "part of an optional field broken": (
        lambda: field(Inner | None, None), lambda: field(InnerBroken | None, None),
        (AT + ".x", "type changed", True),
    ),
    "tuple lengthened": (
        lambda: field(tuple[int, int]), lambda: field(tuple[int, int, int]),
        (AT, "tuple length changed", True),
    ),
    "description changed": (
        lambda: field(Annotated[int, Field(description="seconds")]),
        lambda: field(Annotated[int, Field(description="minutes")]), (AT, "description changed", False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_change_is_named_and_judged(name: str) -> None:
    old, new, expected = CASES[name]

    changes = told(compare(old(), new()))

    assert expected in changes
    assert all(not breaking for _, _, breaking in changes) is not expected[2]


@pytest.mark.parametrize("name", CASES)
def test_equal_contracts_have_no_changes(name: str) -> None:
    old, new, _ = CASES[name]

    assert compare(old(), old()) == []
    assert compare(new(), new()) == []


def test_a_renamed_part_of_the_same_shape_is_no_change() -> None:
    same = create_model("Renamed", x=(int, ...))

    assert compare(field(Inner), field(same)) == []


def test_money_keeps_its_digits_in_the_contract() -> None:
    schema = field(Amount)["properties"]["field"]

    assert schema["type"] == "string"
    assert schema["pattern"] == r"^[0-9]{1,12}(\.[0-9]{1,2})?$"


def test_a_removed_name_may_not_come_back() -> None:
    first, second, third = field(int, 0), schema(), field(str, "")

    second["x-retired"] = retired(first, second)
    again = compare(second, third)

    assert second["x-retired"] == [AT]
    assert told(again) == [(AT, "retired name used again", True)]
    assert retired(second, schema(other=(int, 0))) == [AT]


def test_facts_of_the_message_are_part_of_the_contract() -> None:
    class Elsewhere(Event):
        type: ClassVar[str] = "test.thing"

        @classmethod
        def topic(cls) -> str:
            return "test.samples"

    moved = create_model("Thing", __base__=Elsewhere, id=(str, ...))

    assert told(compare(schema(), schema_of(moved))) == [("message", "topic changed", True)]


def test_a_keyword_without_a_rule_is_not_guessed_about() -> None:
    old, new = field(str), field(str)
    new["properties"]["field"]["contentEncoding"] = "base64"

    assert told(compare(old, new)) == [(AT, "contentEncoding added", True)]


def test_a_change_reads_as_a_sentence() -> None:
    (change,) = compare(field(Two), field(Three))

    assert str(change) == (
        "BREAKING  data.field: enum widened: with c, readers not yet updated refuse the new messages"
    )
