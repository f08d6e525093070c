"""A trace as lines: the critical path, the time in Kafka, failures with their reason, what is alike."""

from runtime.trace_reader import SpanRow
from runtime.trace_tree import critical_lines, grown, in_kafka, lines

MS = 1_000_000


def span(
    id: str, parent: str = "", start: float = 0, end: float = 1, name: str = "", **more: object
) -> SpanRow:
    defaults = {"service": "intake", "failed": False, "message": "", "attributes": {}}
    given = {**defaults, **more}
    return SpanRow(id=id, parent=parent, name=name or id, start=int(start * MS), end=int(end * MS), **given)  # type: ignore[arg-type]


def plain(text: str, _: str) -> str:
    return text


def names(found: object) -> list[str]:
    return [line.partition("intake: ")[2].strip() for line in list(found)[1:]]  # type: ignore[call-overload]


def test_children_stand_below_their_parent_and_a_failure_says_why() -> None:
    shown = list(
        lines(grown([span("b", "a", 2, 3, failed=True, message="no room"), span("a", end=5)]), plain)
    )

    assert shown[1] == "     0.0 ms       5.0 ms  * intake: a"
    assert shown[2] == "     2.0 ms       1.0 ms  *   intake: b   FAILED: no room"


def test_the_critical_path_goes_through_what_ended_last_also_behind_its_parents_end() -> None:
    flow = [
        span("ask", end=4),
        span("early", "ask", 0, 1),
        span("send", "ask", 1, 2, name="send intake.commands"),
        span("process", "send", 6, 9, name="process intake.commands"),
        span("beside", "ask", 2, 3),
    ]

    assert grown(flow).critical == {"ask", "send", "process", "early"}
    assert len(names(critical_lines(grown(flow), plain))) == 4


def test_time_in_kafka_is_from_the_end_of_the_send_and_never_negative() -> None:
    sent = span("s", end=2, name="send x.events")
    late, early = span("l", "s", 6, 7, name="process x.events"), span("e", "s", 1, 3, name="process x.events")
    tree = grown([sent, late, early])

    assert (in_kafka(tree, late), in_kafka(tree, early), in_kafka(tree, sent)) == (4 * MS, 0, None)


def test_only_siblings_that_led_to_the_same_are_folded() -> None:
    flow = [span("root", end=100)]
    flow += [span(f"plain{n}", "root", 5, 6, name="send e") for n in range(5)]
    flow += [span("more", "root", 20, 21, name="send e"), span("after", "more", 22, 23, name="process e")]
    flow += [span("last", "root", 90, 100, name="end")]
    tree = grown(flow)

    folded, every = list(lines(tree, plain)), list(lines(tree, plain, every=True))

    assert len(every) == 1 + len(flow)
    assert len(folded) < len(every)
    assert any("process e" in line for line in folded)


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [span(str(n), str(n - 1) if n else "", n, n + 1) for n in range(5_000)]

    assert len(grown(chain).critical) == 5_000


def test_a_span_whose_parent_is_missing_stands_at_the_root() -> None:
    assert names(lines(grown([span("a", "gone")]), plain)) == ["a"]
