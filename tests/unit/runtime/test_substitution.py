"""Times and saved values in a playbook."""

from datetime import UTC, datetime

import pytest

from runtime.demo.substitution import Unsaved, pick, substitute

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@-30d", "2026-10-24T12:00:00.000Z"),
        ("@+2h30m", "2026-11-23T14:30:00.000Z"),
        ("@-90s", "2026-11-23T11:58:30.000Z"),
        ("@date+30d", "2026-12-23"),
        ("@date", "2026-11-23"),
        ("me@-30d", "me@-30d"),
        ("@", "@"),
        ("@+5y", "@+5y"),
    ],
)
def test_times_are_relative_to_the_start(text, expected):
    assert substitute(text, START, {}) == expected


def test_saved_value_keeps_its_type_when_it_stands_alone():
    data = {"version": "${v}", "note": "version ${v} of ${plan.title}", "list": ["${plan}"]}

    assert substitute(data, START, {"v": 3, "plan": {"title": "A"}}) == {
        "version": 3,
        "note": "version 3 of A",
        "list": [{"title": "A"}],
    }


def test_name_with_a_dot_may_be_saved_as_it_is():
    assert substitute("${plan.version}", START, {"plan.version": 2}) == 2


def test_unsaved_name_is_an_error():
    with pytest.raises(Unsaved, match="no step before this one saved it"):
        substitute("${digest}", START, {})


def test_path_goes_through_lists():
    assert pick({"missing": [{"role": "security"}]}, "missing.0.role") == "security"


def test_path_that_leads_nowhere_says_which_part():
    with pytest.raises(Unsaved, match="there is no 'roles'"):
        pick({"missing": [{"role": "security"}]}, "missing.0.roles")
