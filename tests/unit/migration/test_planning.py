"""Types, keys, names and the order of loading."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.engine.digest import content_digest, row_hash
from migration.engine.planning import SourceColumn, SourceTable, Unsupported, circular, derive, load_order
from migration.engine.types import target_type
from schemas.migration import Reference, TargetType


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("INTEGER", (TargetType.BIGINT, None, None)),
        ("unsigned big int", (TargetType.BIGINT, None, None)),
        ("DECIMAL(12,2)", (TargetType.NUMERIC, 12, 2)),
        ("decimal( 5 )", (TargetType.NUMERIC, 5, 0)),
        ("NUMERIC", (TargetType.NUMERIC, None, None)),
        ("DOUBLE PRECISION", (TargetType.DOUBLE, None, None)),
        ("FLOAT", (TargetType.DOUBLE, None, None)),
        ("BOOLEAN", (TargetType.BOOLEAN, None, None)),
        ("DATE", (TargetType.DATE, None, None)),
        ("DATETIME", (TargetType.TIMESTAMP, None, None)),
        ("TIMESTAMP", (TargetType.TIMESTAMP, None, None)),
        ("VARCHAR(20)", (TargetType.TEXT, None, None)),
        ("NATIVE CHARACTER(70)", (TargetType.TEXT, None, None)),
        ("BLOB", (TargetType.BYTEA, None, None)),
        ("VARBINARY(16)", (TargetType.BYTEA, None, None)),
        ("JSON", (TargetType.TEXT, None, None)),
    ],
)
def test_declared_type_decides(declared: str, expected: tuple[TargetType, int | None, int | None]) -> None:
    assert target_type(declared, ()) == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"integer", "null"}, TargetType.BIGINT),
        ({"integer", "real"}, TargetType.DOUBLE),
        ({"blob"}, TargetType.BYTEA),
        ({"text", "integer"}, TargetType.TEXT),
        (set(), TargetType.TEXT),
    ],
)
def test_content_decides_where_nothing_is_declared(stored: set[str], expected: TargetType) -> None:
    assert target_type("", stored)[0] is expected


def table(name: str, *parents: str, columns: tuple[str, ...] = ("id",)) -> SourceTable:
    return SourceTable(
        name=name,
        columns=tuple(SourceColumn(column, "INTEGER") for column in columns),
        key=("id",) if "id" in columns else (),
        references=tuple(Reference(columns=("id",), table=p, target_columns=("id",)) for p in parents),
    )


class TestLoadOrder:
    def test_referenced_tables_come_first(self) -> None:
        assert load_order({"c": ["b"], "b": ["a"], "a": []}) == ["a", "b", "c"]

    def test_circle_is_entered_at_the_table_named_first(self) -> None:
        assert load_order({"x": ["y"], "y": ["x"], "z": ["y"]}) == ["x", "y", "z"]

    @given(st.integers(0, 1_000_000))
    def test_any_tree_is_loaded_from_its_root(self, seed: int) -> None:
        rng = random.Random(seed)
        parents = {f"t{n}": [f"t{rng.randrange(n)}"] if n else [] for n in range(12)}
        shuffled = dict(rng.sample(sorted(parents.items()), len(parents)))

        order = load_order(shuffled)

        assert all(order.index(p) < order.index(child) for child, named in parents.items() for p in named)


class TestCircular:
    def test_table_that_refers_to_itself_needs_what_it_refers_to(self) -> None:
        mapping = derive(
            [table("site"), table("staff", "staff", "site"), table("order", "staff")],
            schema_name="s",
            version=1,
        )

        assert circular(mapping) == {"site", "staff"}

    def test_without_circles_nothing_is_read_twice(self) -> None:
        mapping = derive([table("site"), table("staff", "site")], schema_name="s", version=1)

        assert circular(mapping) == set()


class TestDerive:
    def test_names_are_lower_case_unless_two_would_become_one(self) -> None:
        mapping = derive(
            [table("Kunde", columns=("ID", "Name")), table("Ort", columns=("id", "ID"))],
            schema_name="s",
            version=4,
        )

        assert mapping.version == 4
        assert [t.target for t in mapping.tables] == ["kunde", "ort"]
        assert [[c.target for c in t.columns] for t in mapping.tables] == [["id", "name"], ["id", "ID"]]

    def test_key_columns_are_required(self) -> None:
        mapping = derive([table("a", columns=("id", "x"))], schema_name="s", version=1)

        assert [column.required for column in mapping.tables[0].columns] == [True, False]

    @pytest.mark.parametrize("name", ["Straße", "order date", "_hidden", "n" * 64])
    def test_name_that_cannot_be_mapped_is_said(self, name: str) -> None:
        with pytest.raises(Unsupported, match=name):
            derive([table("a", columns=(name,))], schema_name="s", version=1)

    def test_empty_source_is_said(self) -> None:
        with pytest.raises(Unsupported, match="no tables"):
            derive([], schema_name="s", version=1)


class TestContentDigest:
    ROWS = tuple(row_hash(value) for value in (b"a", b"b", b"b", b"c"))

    def test_order_does_not_matter(self) -> None:
        assert content_digest(self.ROWS) == content_digest(self.ROWS[::-1])

    def test_row_that_is_there_twice_counts_twice(self) -> None:
        doubled, without = self.ROWS, [row_hash(b"a"), row_hash(b"c")]

        assert content_digest(doubled)[1] != content_digest(without)[1]

    def test_empty_table_has_a_digest(self) -> None:
        assert content_digest([]) == (0, "0" * 64)
