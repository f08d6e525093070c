"""A trace as lines: where the time went, what waited in Kafka, what failed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.trace_reader import SpanRow

Style = Callable[[str, str], str]
"""(text, style) -> the text as the terminal shows it."""
NAME_WIDTH = 160
HEADER = f"{'start':>11} {'took':>12}    span"


@dataclass(frozen=True)
class Tree:
    """The spans of one trace by parent; `critical` are the ids of those that its length depends on."""

    origin: int
    children: Mapping[str, Sequence[SpanRow]]
    parents: Mapping[str, SpanRow]
    critical: frozenset[str] = field(default_factory=frozenset)


def grown(spans: Iterable[SpanRow]) -> Tree:
    """A span whose parent is not there stands at the root."""
    found = sorted(spans, key=lambda span: span.start)
    by_id, children = {span.id: span for span in found}, dict[str, list[SpanRow]]()
    for span in found:
        children.setdefault(span.parent if span.parent in by_id else "", []).append(span)
    parents = {span.id: by_id[span.parent] for span in found if span.parent in by_id}
    tree = Tree(found[0].start if found else 0, children, parents)
    return Tree(tree.origin, children, parents, frozenset(_critical(tree)))


def _critical(tree: Tree) -> Iterator[str]:
    """From the end backwards: what ended last, then of what it did not cover the part that ended last before.

    A span's work may go on after it, in what it sent: its end is the end of all that.
    """
    ends = _ends(tree)
    pending = [(span, ends[span.id]) for span in _latest_first(tree.children.get("", ()), ends)[:1]]
    while pending:
        span, until = pending.pop()
        yield span.id
        for child in _latest_first(tree.children.get(span.id, ()), ends):
            if ends[child.id] <= until:
                pending.append((child, ends[child.id]))
                until = child.start


def _latest_first(spans: Iterable[SpanRow], ends: Mapping[str, int]) -> list[SpanRow]:
    return sorted(spans, key=lambda span: ends[span.id], reverse=True)


def _ends(tree: Tree) -> dict[str, int]:
    ends: dict[str, int] = {}
    for span in reversed(list(_walk(tree, "", 0))):
        below = (ends[child.id] for child in tree.children.get(span[0].id, ()))
        ends[span[0].id] = max(span[0].end, *below, 0)
    return ends


def _walk(tree: Tree, parent: str, depth: int) -> Iterator[tuple[SpanRow, int]]:
    """Every span with its depth, parents first; without recursion, as a chain of events may be long."""
    pending = [(span, depth) for span in reversed(tree.children.get(parent, ()))]
    while pending:
        span, level = pending.pop()
        yield span, level
        pending += [(child, level + 1) for child in reversed(tree.children.get(span.id, ()))]


def in_kafka(tree: Tree, span: SpanRow) -> int | None:
    """Nanoseconds from the end of a send to the start of what it led to; None for any other span."""
    parent = tree.parents.get(span.id)
    if parent is None or not (parent.name.startswith("send ") and span.name.startswith("process ")):
        return None
    return max(0, span.start - parent.end)


def lines(tree: Tree, style: Style, *, every: bool = False) -> Iterator[str]:
    """Start and length in milliseconds, `*` for the critical path, then the span below its parent.

    Of siblings that led to the same the first stands for the rest, unless `every`; what failed or is
    critical always stands.
    """
    yield style(HEADER, "dim")
    notable, shapes = tree.critical | _failing(tree), _shapes(tree)
    pending = [(span, 0, 0) for span in reversed(tree.children.get("", ()))]
    while pending:
        span, depth, alike = pending.pop()
        yield _line(tree, span, depth, style, alike)
        below = [(child, 0) for child in tree.children.get(span.id, ())]
        shown = below if every else _folded([child for child, _ in below], notable, shapes)
        pending += [(child, depth + 1, more) for child, more in reversed(shown)]


def critical_lines(tree: Tree, style: Style) -> Iterator[str]:
    """The critical path alone, one span after the other."""
    yield style(HEADER, "dim")
    for span, _ in _walk(tree, "", 0):
        if span.id in tree.critical:
            yield _line(tree, span, 0, style)


def _folded(
    siblings: Sequence[SpanRow], notable: frozenset[str], shapes: Mapping[str, int]
) -> list[tuple[SpanRow, int]]:
    """Each sibling that is shown, with how many like it are not."""
    shown: dict[str | int, tuple[SpanRow, int]] = {}
    for span in siblings:
        key = span.id if span.id in notable else shapes[span.id]
        first, alike = shown.get(key, (span, -1))
        shown[key] = (first, alike + 1)
    return list(shown.values())


def _shapes(tree: Tree) -> dict[str, int]:
    """A number for each span, the same for two that are called alike and led to the same kinds of spans."""
    shapes: dict[str, int] = {}
    for span, _ in reversed(list(_walk(tree, "", 0))):
        below = frozenset(shapes[child.id] for child in tree.children.get(span.id, ()))
        shapes[span.id] = hash((span.service, span.name, below))
    return shapes


def _failing(tree: Tree) -> frozenset[str]:
    """Failed spans and all above them."""
    found: set[str] = set()
    for failed in (span for span, _ in _walk(tree, "", 0) if span.failed):
        span: SpanRow | None = failed
        while span is not None and span.id not in found:
            found.add(span.id)
            span = tree.parents.get(span.id)
    return frozenset(found)


def _line(tree: Tree, span: SpanRow, depth: int, style: Style, alike: int = 0) -> str:
    mark = "*" if span.id in tree.critical else " "
    times = f"{_ms(span.start - tree.origin)} {_ms(span.end - span.start):>12}"
    waited = in_kafka(tree, span)
    notes = f"   in Kafka {_ms(waited).strip()}" if waited is not None else ""
    notes += f"   and {alike} like it" if alike else ""
    text = f"{'  ' * depth}{span.service}: {span.name}"[:NAME_WIDTH]
    if span.failed:
        reason = span.message or span.attributes.get("error.type", "")
        return (
            f"{times}  {mark} {style(f'{text}   FAILED: {reason}'.rstrip(': '), 'bad')}{style(notes, 'dim')}"
        )
    return f"{times}  {mark} {style(text, 'bold') if mark == '*' else text}{style(notes, 'dim')}"


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:>8.1f} ms"


def summed_up(tree: Tree) -> dict[str, float]:
    """What the trace comes to, in milliseconds: its length, and on its critical path the time in Kafka."""
    spans = [span for span, _ in _walk(tree, "", 0)]
    waited = [in_kafka(tree, span) or 0 for span in spans if span.id in tree.critical]
    return {
        "length_ms": (max(span.end for span in spans) - tree.origin) / 1e6,
        "in_kafka_ms": sum(waited) / 1e6,
    }
