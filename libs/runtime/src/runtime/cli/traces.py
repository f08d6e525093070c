"""`throughline trace`: an engagement's traces, or one trace as a tree."""

from typing import Annotated, Any

import typer

from runtime.cli.local import AsJson


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
    from runtime.cli.target import traces_url

    url = traces_url()
    if which.startswith("ENG-"):
        _list(url, which, lone=lone, json=json)
    else:
        _show(url, which.lower(), critical=critical, every=every, json=json)


def _list(url: str, engagement: str, *, lone: bool, json: bool) -> None:
    from runtime.cli.output import as_json, as_table, note
    from runtime.cli.target import run
    from runtime.console import counted
    from runtime.trace_reader import summaries_of

    found = run(summaries_of(url, engagement))
    shown = [one for one in found if lone or one["spanCount"] > 1 or one["errorSpanCount"]]
    if json:
        as_json([{**one, "page": _page(url, one["traceId"])} for one in shown])
        return
    rows = [_row(url, one) for one in shown]
    header = ("started (UTC)", "took", "spans", "failed", "services", "begins with", "page")
    as_table(rows, header, f"there is no trace of {engagement}")
    if len(shown) < len(found):
        note(f"{counted(len(found) - len(shown), 'trace')} of a single span not shown (--lone)")
    if shown:
        note(f"one of them as a tree: throughline trace {shown[0]['traceId']}")


def _row(url: str, one: dict[str, Any]) -> tuple[object, ...]:
    from runtime.console import instant, length

    start, end = int(one["minStartTimeUnixNano"]), int(one.get("maxEndTimeUnixNano", 0))
    services = [service["name"] for service in one["services"]]
    named = " ".join(services[:3]) + (f" +{len(services) - 3}" if len(services) > 3 else "")
    begins = f"{one['rootServiceName']}: {one['rootOperationName']}"[:48]
    took = length(end - start) if end else ""
    failed = one["errorSpanCount"] or ""
    return instant(start), took, one["spanCount"], failed, named, begins, _page(url, one["traceId"])


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
        as_json({"traceId": trace_id, "page": _page(url, trace_id), "spans": rows})
        return
    style = Console(sys.stdout).styled
    for line in critical_lines(tree, style) if critical else lines(tree, style, every=every):
        data(line)
    note(_summary(url, trace_id, spans, tree))


def _summary(url: str, trace_id: str, spans: Any, tree: Any) -> str:
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
    return f"{', '.join(parts)}   {_page(url, trace_id)}"


def _page(url: str, trace_id: str) -> str:
    from runtime.trace_reader import page_of

    return page_of(url, trace_id)
