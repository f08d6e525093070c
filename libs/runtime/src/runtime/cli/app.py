"""The command tree."""

import typer

from runtime import VERSION
from runtime.cli import dlq, engagement, events, local, operate, traces

app = typer.Typer(
    name="throughline",
    help="Run Throughline on this machine, and talk to a running one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"throughline {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Show it."
    ),
) -> None:
    """Run Throughline on this machine, and talk to a running one.

    THROUGHLINE_URL and THROUGHLINE_TOKEN choose another gateway; THROUGHLINE_PORT another local stack.
    """


local.register(app)
app.add_typer(engagement.app, name="engagement")
app.add_typer(events.app, name="events")
app.add_typer(dlq.app, name="dlq")
operate.register(app)
traces.register(app)
