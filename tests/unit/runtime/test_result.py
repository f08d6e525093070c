"""The verdict over a play, and when a trace counts as complete."""

import pytest

from runtime.demo.result import PHASE_ENDS, Result
from runtime.demo.show import told
from runtime.trace_reader import SpanRow, TraceCheck, check, rows

ALL = tuple({"type": kind, "id": str(n)} for n, kind in enumerate(PHASE_ENDS.values()))
GOOD_TRACE = TraceCheck(137, frozenset(PHASE_ENDS) | {"gateway"}, "")


def result(**changes):
    content = {
        "engagement": "ENG-AAAA",
        "timeline": ALL,
        "dead_letters": (),
        "expected_dead": frozenset(),
        "trace": GOOD_TRACE,
        "services": 7,
    }
    return Result(**{**content, **changes})


def letter(identity):
    return {"id": identity, "service": "gateway", "field": "specversion", "reason": "must be 1.0"}


def span(identity, parent="", service="gateway", start=0, end=1_000_000, failed=False):
    return SpanRow(identity, parent, service, f"do {identity}", start, end, failed, "", {})


def test_everything_right_is_one_line():
    assert result().verdict == (
        "demo ok: 6/6 phases, 6 events, 0 dead letters (expected 0), trace complete (137 spans, 7 services)"
    )


def test_expected_dead_letter_is_no_fault():
    good = result(dead_letters=(letter("a"),), expected_dead=frozenset({"a"}))

    assert good.faults == []
    assert "1 dead letter (expected 1)" in good.verdict


def test_unexpected_dead_letter_fails_the_demo():
    bad = result(dead_letters=(letter("a"), letter("b")), expected_dead=frozenset({"a"}))

    assert bad.faults == ["unexpected dead letter in gateway: specversion: must be 1.0"]
    assert bad.verdict.startswith("demo failed: 6/6 phases")


def test_phase_without_its_event_fails_the_demo():
    bad = result(timeline=ALL[:-1])

    assert bad.faults == ["feedback was not completed"]
    assert bad.verdict.startswith("demo failed: 5/6 phases")


def test_trace_needs_every_service_one_root_and_no_orphan():
    whole = [span("a"), span("b", "a", "intake")]

    assert check(whole, ["gateway", "intake"]).missing == ""
    assert check(whole, ["gateway", "design"]).missing == "no span of design"
    assert check([*whole, span("c")], ["gateway"]).missing == "2 roots: gateway do a, gateway do c"
    assert check([*whole, span("d", "x")], ["gateway"]).missing == (
        "1 spans without their parent, first gateway do d"
    )


def test_spans_are_read_from_the_answer_of_the_query_api():
    answer = {
        "result": {
            "resourceSpans": [
                {
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "intake"}}]},
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "spanId": "01",
                                    "parentSpanId": "02",
                                    "name": "handle",
                                    "startTimeUnixNano": "5",
                                    "endTimeUnixNano": "9",
                                    "status": {"code": 2, "message": "no room"},
                                    "attributes": [{"key": "n", "value": {"intValue": "3"}}],
                                }
                            ]
                        }
                    ],
                }
            ]
        }
    }

    assert list(rows(answer)) == [SpanRow("01", "02", "intake", "handle", 5, 9, True, "no room", {"n": "3"})]


def test_gap_in_the_trace_is_forgiven_where_a_service_was_killed():
    gap = TraceCheck(90, GOOD_TRACE.services, "2 spans without their parent")

    assert result(trace=gap).verdict.startswith("demo failed")
    assert result(trace=gap, restarts=1).verdict == (
        "demo ok: 6/6 phases, 6 events, 0 dead letters (expected 0), "
        "trace incomplete (90 spans, 7 services, 1 restarts)"
    )


@pytest.mark.parametrize(
    ("title", "what", "expected"),
    [
        ("A title", "short", [f"  +1.0 s  intake  {'A title':<50}  short"]),
        ("A title", "", ["  +1.0 s  intake  A title"]),
        ("A title", "x" * 40, ["  +1.0 s  intake  A title", " " * 18 + "x" * 40]),
        ("A title", "x" * 90, ["  +1.0 s  intake  A title", " " * 18 + "x" * 59 + "..."]),
    ],
)
def test_step_is_told_on_one_line_or_continues_below(title: str, what: str, expected: list[str]) -> None:
    assert told("  +1.0 s  intake", title, what, 80) == expected
