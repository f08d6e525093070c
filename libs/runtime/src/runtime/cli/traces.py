"""`throughline trace`: an engagement's traces, or one trace as a tree."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runtime.cli.local import AsJson

if TYPE_CHECKING:
    from runtime.trace_summary import Summary


def register(app: typer.Typer) -> None:
    app.command()(trace)


def trace(
    which: Annotated[
        str, typer.Argument(help="An engagement such as ENG-7F3K: its traces. Or a trace's id.")
    ],
    critical: Annotated[
        bool, typer.Option("--critical", help="Of one trace: its critical path alone.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every span; else the first stands for its like.")
    ] = False,
    lone: Annotated[
        bool, typer.Option("--lone", help="Traces of a single span too: rounds of probes.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List an engagement's traces, newest first; or print one as a tree.

    In a tree `*` marks the critical path: the spans without which the trace would have been shorter.
    Traces are read from THROUGHLINE_TRACES_URL (Jaeger), else from the local stack.
    """
    from runtime.cli.target import query_url

    url = query_url()
    if which.startswith("ENG-"):
        _list(url, which, lone=lone, json=json)
    else:
        _show(url, which.lower(), critical=critical, every=every, json=json)


def _list(url: str, engagement: str, *, lone: bool, json: bool) -> None:
    from runtime.cli.output import as_json, as_table, note
    from runtime.cli.target import run
    from runtime.console import counted
    from runtime.trace_search import traces_of

    found = run(traces_of(url, engagement))
    shown = [one for one in found.summaries if lone or not one.lone]
    if json:
        as_json([{**one.as_json(), "page": _page(one.id)} for one in shown])
        return
    rows = [_row(one) for one in shown]
    header = ("started (UTC)", "took", "spans", "failed", "services", "begins with", "page")
    as_table(rows, header, f"there is no trace of {engagement}")
    if len(shown) < len(found.summaries):
        note(f"{counted(len(found.summaries) - len(shown), 'trace')} of a single span not shown (--lone)")
    if found.cut:
        note("older traces than the newest of each service were not looked at")
    if shown:
        note(f"one of them as a tree: throughline trace {shown[0].id}")


def _row(one: "Summary") -> tuple[object, ...]:
    from runtime.console import instant, length

    services = list(one.services)
    named = " ".join(services[:3]) + (f" +{len(services) - 3}" if len(services) > 3 else "")
    begins = f"{one.service}: {one.operation}"[:48]
    took, failed = length(one.end - one.start), one.errors or ""
    return instant(one.start), took, one.spans, failed, named, begins, _page(one.id)


def _show(url: str, trace_id: str, *, critical: bool, every: bool, json: bool) -> None:
    import sys
    from dataclasses import asdict

    from runtime.cli.output import as_json, data, note
    from runtime.cli.target import run
    from runtime.console import Console
    from runtime.trace_reader import spans_of
    from runtime.trace_tree import critical_lines, grown, in_kafka, lines

    spans = run(spans_of(url, trace_id))
    tree = grown(spans)
    if json:
        rows = [
            {**asdict(s), "critical": s.id in tree.critical, "in_kafka_ns": in_kafka(tree, s)} for s in spans
        ]
        as_json({"traceId": trace_id, "page": _page(trace_id), "spans": rows})
        return
    style = Console(sys.stdout).styled
    for line in critical_lines(tree, style) if critical else lines(tree, style, every=every):
        data(line)
    note(_summary(trace_id, spans, tree))


def _summary(trace_id: str, spans: Any, tree: Any) -> str:
    from runtime.console import counted, length
    from runtime.trace_tree import summed_up

    total = summed_up(tree)
    failed = sum(1 for span in spans if span.failed)
    parts = (
        counted(len(spans), "span"),
        counted(len({span.service for span in spans}), "service"),
        f"{failed} failed",
        f"{length(int(total['length_ms'] * 1e6))}, of it {length(int(total['in_kafka_ms'] * 1e6))} in Kafka",
    )
    return f"{', '.join(parts)}   {_page(trace_id)}"


def _page(trace_id: str) -> str:
    from runtime.cli.target import trace_page

    return trace_page(trace_id)
