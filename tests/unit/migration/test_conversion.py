"""Values arrive as they were, or are refused with a kind."""

import re
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.adapters import sqlite_proof
from migration.engine import conversion
from migration.engine.conversion import BadRow, BadValue, Converter, RowConverter, Undecodable
from schemas.migration import AnomalyKind, ColumnMapping, TargetType

money = partial(conversion.numeric, precision=12, scale=2)
free = partial(conversion.numeric, precision=None, scale=None)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def unescaped(line: str) -> str:
    """What PostgreSQL reads from a field of COPY text."""
    plain = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: plain[match[1]], line, flags=re.DOTALL)


@given(TEXTS)
def test_any_text_arrives_and_breaks_neither_field_nor_line(value: str) -> None:
    line = conversion.text(value)

    assert unescaped(line) == value
    assert not {"\n", "\t", "\r"} & set(line)
    assert line != conversion.NULL


@given(st.floats(allow_nan=False))
def test_any_double_arrives_to_the_last_bit(value: float) -> None:
    assert struct.pack("d", float(conversion.double(value))) == struct.pack("d", value)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-9_999_999_999, max_value=9_999_999_999
    )
)
def test_any_amount_arrives_to_the_last_digit(value: Decimal) -> None:
    assert Decimal(money(str(value))) == value


@given(st.integers(-(10**14), 10**14))
def test_amount_that_sqlite_made_a_double_arrives_as_it_was_written(cents: int) -> None:
    written = Decimal(cents) / 100

    assert Decimal(free(float(written))) == written


@given(st.binary())
def test_any_bytes_arrive(value: bytes) -> None:
    assert bytes.fromhex(conversion.binary(value).removeprefix(r"\\x")) == value


@given(st.datetimes())
def test_any_timestamp_counts_as_utc(value: datetime) -> None:
    line = conversion.timestamp(value.isoformat(" "))

    assert datetime.fromisoformat(line) == value.replace(tzinfo=UTC)


@given(st.dates())
def test_any_date_arrives(value: date) -> None:
    assert conversion.day(value.isoformat()) == value.isoformat()


@pytest.mark.parametrize(
    ("convert", "value", "kind"),
    [
        (conversion.text, "a\0b", AnomalyKind.NUL_CHARACTER),
        (conversion.text, Undecodable(b"caf\xe9"), AnomalyKind.BAD_ENCODING),
        (conversion.text, b"bytes in a text column", AnomalyKind.BAD_ENCODING),
        (conversion.bigint, "high", AnomalyKind.BAD_NUMBER),
        (conversion.bigint, 9.3e18, AnomalyKind.BAD_NUMBER),
        (money, "N/A", AnomalyKind.BAD_NUMBER),
        (money, 0.1 + 0.2, AnomalyKind.BAD_NUMBER),
        (money, 12345678901, AnomalyKind.BAD_NUMBER),
        (money, "1e3", AnomalyKind.BAD_NUMBER),
        (money, "١٢", AnomalyKind.BAD_NUMBER),
        (money, b"12", AnomalyKind.BAD_NUMBER),
        (free, float("inf"), AnomalyKind.BAD_NUMBER),
        (free, 1234567890123456.78, AnomalyKind.BAD_NUMBER),
        (free, 0.1 + 0.2, AnomalyKind.BAD_NUMBER),
        (conversion.double, "1.5", AnomalyKind.BAD_NUMBER),
        (conversion.double, 2**53 + 1, AnomalyKind.BAD_NUMBER),
        (conversion.boolean, 2, AnomalyKind.BAD_BOOLEAN),
        (conversion.boolean, "maybe", AnomalyKind.BAD_BOOLEAN),
        (conversion.boolean, 1.0, AnomalyKind.BAD_BOOLEAN),
        (conversion.day, "0000-00-00", AnomalyKind.BAD_DATE),
        (conversion.day, "1987-00-15", AnomalyKind.BAD_DATE),
        (conversion.day, "2023-02-29", AnomalyKind.BAD_DATE),
        (conversion.day, "31/12/1979", AnomalyKind.BAD_DATE),
        (conversion.day, "2020-W01-1", AnomalyKind.BAD_DATE),
        (conversion.day, 86400, AnomalyKind.BAD_DATE),
        (conversion.day, "2024-01-01 00:00:00", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "0000-00-00 00:00:00", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "2024-01-01 24:00:00", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "2024-01-01 10:00:00.1234567", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "2020-W01-1 03:04:05", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "0001-01-01 00:00:00+02:00", AnomalyKind.BAD_DATE),
        (conversion.timestamp, "2024-01-01 10:00:00 \n", AnomalyKind.BAD_DATE),
        (conversion.binary, 7, AnomalyKind.BAD_ENCODING),
    ],
)
def test_value_that_would_change_is_refused(convert: Converter, value: object, kind: AnomalyKind) -> None:
    with pytest.raises(BadValue) as refusal:
        convert(value)

    assert refusal.value.kind is kind


@pytest.mark.parametrize(
    ("convert", "value", "line"),
    [
        (conversion.text, "", ""),
        (conversion.text, r"\N", r"\\N"),
        (conversion.text, "NULL", "NULL"),
        (conversion.text, "  ", "  "),
        (money, "-0.50", "-0.50"),
        (money, 12.5, "12.5"),
        (money, "9999999999.990", "9999999999.990"),
        (free, 1e22, "10000000000000000000000"),
        (conversion.double, 0.1 + 0.2, "0.30000000000000004"),
        (conversion.boolean, "Yes", "t"),
        (conversion.timestamp, "2024-01-01", "2024-01-01 00:00:00+00"),
        (conversion.timestamp, "2024-01-01T10:00Z", "2024-01-01T10:00Z"),
        (conversion.binary, "ü", r"\\xc3bc"),
    ],
)
def test_unusual_value_is_taken_over(convert: Converter, value: object, line: str) -> None:
    assert convert(value) == line


class TestRowConverter:
    COLUMNS = (
        ColumnMapping(source="id", target="id", type=TargetType.BIGINT, required=True),
        ColumnMapping(source="name", target="name", type=TargetType.TEXT),
        ColumnMapping(source="born", target="born", type=TargetType.DATE),
    )

    def test_row_becomes_one_line(self) -> None:
        assert RowConverter(self.COLUMNS).line((1, "a\tb", None)) == "1\ta\\tb\t\\N"

    def test_first_bad_column_is_named(self) -> None:
        with pytest.raises(BadRow) as refusal:
            RowConverter(self.COLUMNS).line((1, b"x", "never"))

        assert (refusal.value.column, refusal.value.kind) == ("name", AnomalyKind.BAD_ENCODING)

    def test_missing_required_value_is_named(self) -> None:
        with pytest.raises(BadRow) as refusal:
            RowConverter(self.COLUMNS).line((None, "x", None))

        assert (refusal.value.column, refusal.value.kind) == ("id", AnomalyKind.MISSING_VALUE)

    def test_all_complaints_are_listed(self) -> None:
        found = RowConverter(self.COLUMNS).complaints((None, b"x", "never"))

        assert [bad.column for bad in found] == ["id", "name", "born"]


class TestProofReader:
    """The source's canonical text, coded apart from conversion."""

    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
    def test_decimals_are_plain_digits_without_superfluous_zeros(self, value: Decimal) -> None:
        shown = sqlite_proof.shortest_decimal(str(value))

        assert Decimal(shown) == value
        assert "E" not in shown
        assert shown == "0" or not re.search(r"^-?0\d|\.\d*0$|\.$|^-0$", shown)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_doubles_as_decimals_keep_every_digit(self, value: float) -> None:
        assert float(sqlite_proof.shortest_decimal(value)) == value

    @given(
        st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),
        st.integers(-14 * 60, 14 * 60),
    )
    def test_timestamps_with_an_offset_are_shown_in_utc(self, value: datetime, minutes: int) -> None:
        moment = value.replace(tzinfo=timezone(timedelta(minutes=minutes)))

        shown = sqlite_proof.utc_timestamp(moment.isoformat(" "))

        assert datetime.fromisoformat(shown) == moment
        assert shown.endswith("+00")

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("2024-05-06 07:08:09", "2024-05-06 07:08:09+00"),
            ("2024-05-06 07:08:09.500000", "2024-05-06 07:08:09.5+00"),
            ("2024-05-06T07:08", "2024-05-06 07:08:00+00"),
            ("2024-05-06", "2024-05-06 00:00:00+00"),
            ("2024-05-06T07:08:09Z", "2024-05-06 07:08:09+00"),
            ("2024-05-06 07:08:09-02:00", "2024-05-06 09:08:09+00"),
        ],
    )
    def test_timestamps_are_shown_as_postgresql_does(self, value: str, shown: str) -> None:
        assert sqlite_proof.utc_timestamp(value) == shown
