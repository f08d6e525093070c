"""`throughline trace`: a trace as a tree, by its id or by its engagement."""

from typing import Annotated

import typer

from runtime.cli.local import AsJson


def register(app: typer.Typer) -> None:
    app.command()(trace)


def trace(
    which: Annotated[str, typer.Argument(help="A trace id, or an engagement such as ENG-7F3K: its journey.")],
    json: AsJson = False,
) -> None:
    """Print a trace: every span with its start and its duration, indented below its parent."""
    from dataclasses import asdict

    from runtime.cli.output import as_json, data, note
    from runtime.cli.target import require_local, run
    from runtime.console import counted
    from runtime.servers import SERVICES
    from runtime.trace_reader import check, spans_of, tree

    state = require_local()
    trace_id, spans = run(spans_of(state.traces_url, which))
    if json:
        as_json({"traceId": trace_id, "spans": [asdict(span) for span in spans]})
        return
    for line in tree(spans):
        data(line)
    found = check(spans, SERVICES)
    size = f"{counted(found.spans, 'span')}, {counted(len(found.services), 'service')}"
    note(f"{size}   {state.traces_url}/traces/{trace_id}")
    if found.missing:
        note(f"not the whole of a journey: {found.missing}")
