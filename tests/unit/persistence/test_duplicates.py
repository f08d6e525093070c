"""Which refusals of a bulk insert mean "it is there already", and which mean that nothing is known."""

from typing import Any

import pytest

from persistence import BulkRefused, duplicates

DUPLICATE = 11000
NOT_PRIMARY = 10107


def refused(*faults: tuple[int, int], **details: Any) -> BulkRefused:
    errors = [{"index": index, "code": code, "errmsg": "as the server words it"} for index, code in faults]
    return BulkRefused({"writeErrors": errors, "writeConcernErrors": [], **details})


def test_duplicates_are_named_by_their_positions() -> None:
    assert duplicates(refused((1, DUPLICATE), (4, DUPLICATE))) == {1, 4}


def test_a_document_refused_for_anything_else_is_raised() -> None:
    error = refused((0, DUPLICATE), (1, NOT_PRIMARY))

    with pytest.raises(BulkRefused) as raised:
        duplicates(error)

    assert raised.value is error


@pytest.mark.parametrize("faults", [[], [(0, DUPLICATE)]], ids=["all written", "one duplicate"])
def test_documents_that_no_majority_has_are_not_taken_for_written(faults: list[tuple[int, int]]) -> None:
    stepped_down = {"code": 189, "codeName": "PrimarySteppedDown", "errmsg": "while waiting for a majority"}

    with pytest.raises(BulkRefused):
        duplicates(refused(*faults, writeConcernErrors=[stepped_down]))
