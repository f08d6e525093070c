"""The local stack: up, down, ps, logs, doctor, demo, token."""

from typing import Annotated

import typer

from runtime.brokers import BrokerKind

Broker = Annotated[
    BrokerKind, typer.Option("--kafka", help="apache: a real broker, its log and all else kept across runs.")
]
WithJaeger = Annotated[
    bool, typer.Option("--jaeger", help="Traces in a real Jaeger; kept across runs where all else is.")
]
Names = Annotated[str, typer.Option("--only", help="Only these services, separated by commas.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


def register(app: typer.Typer) -> None:
    for command in (up, down, ps, logs, doctor, demo, token):
        app.command()(command)


def up(
    only: Names = "",
    external: Annotated[
        bool,
        typer.Option("--external", help="Use KAFKA_BOOTSTRAP_SERVERS and MONGO_URL; start services only."),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database from run to run.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it running in the background.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="First port; 0 takes free ones. [env: THROUGHLINE_PORT]")
    ] = None,
    kafka: Broker = BrokerKind.EMBEDDED,
    jaeger: WithJaeger = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    from runtime.bring_up import Wish, bring_up

    wish = Wish(only=only, external=external, keep=keep, detach=detach, port=port, kafka=kafka, jaeger=jaeger)
    raise typer.Exit(bring_up(wish))


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete what the stack has kept as well.")] = False,
) -> None:
    """Stop the local stack."""
    from runtime.take_down import take_down

    raise typer.Exit(take_down(wipe=wipe))


def ps(json: AsJson = False) -> None:
    """Show every process of the local stack and whether it is healthy."""
    from runtime.cli.output import as_json, as_table, note
    from runtime.cli.target import local_layout, require_local, run
    from runtime.health import check

    state = require_local()
    found = run(check(state))
    rows = [
        (
            name,
            "healthy" if not fault else "unhealthy",
            state.pids.get(name),
            port,
            state.restarts.get(name, 0),
            fault,
        )
        for (name, fault), port in zip(found.items(), state.ports.values(), strict=True)
    ]
    header = ("name", "health", "pid", "port", "restarts", "detail")
    if json:
        as_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        as_table(rows, header, "nothing is running")
    if not local_layout().is_supervised():
        note(f"the supervisor (pid {state.supervisor}) is gone; `throughline up` cleans up and starts anew")
    raise typer.Exit(int(any(found.values())))


def logs(
    service: Annotated[str, typer.Argument(help="One service or server; all where none is named.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 40,
) -> None:
    """Print the logs of the local stack."""
    from runtime.logs import show

    raise typer.Exit(show(service, follow=follow, lines=lines))


def doctor(json: AsJson = False) -> None:
    """Check what a local stack needs and how the running one does; exit 1 where something is wrong."""
    import sys

    from runtime.cli.output import as_json, data
    from runtime.console import Console
    from runtime.doctor import examine

    found = examine()
    failed = sum(1 for item in found if item.level == "failed")
    if json:
        as_json([item.as_dict() for item in found])
    else:
        console = Console(sys.stdout)
        for item in found:
            for line in item.as_lines(console):
                data(line)
        warned = sum(1 for item in found if item.level == "warning")
        data(f"summary: {len(found) - failed - warned} passed, {warned} warnings, {failed} failed")
    raise typer.Exit(int(failed > 0))


def demo(
    example: Annotated[str, typer.Argument(help="An example's name or folder.")] = "rheintal-order-system",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database from run to run.")] = False,
    port: Annotated[
        int | None, typer.Option(help="First port; 0 takes free ones. [env: THROUGHLINE_PORT]")
    ] = None,
    kafka: Broker = BrokerKind.EMBEDDED,
    jaeger: WithJaeger = False,
) -> None:
    """Start everything, play an example engagement from outside, and show what came of it."""
    from runtime.bring_up import Wish, show_demo

    raise typer.Exit(show_demo(example, Wish(keep=keep, port=port, kafka=kafka, jaeger=jaeger)))


def token(
    role: Annotated[list[str] | None, typer.Option(help="Repeat for several. [default: all]")] = None,
    tenant: Annotated[str, typer.Option()] = "demo",
    actor: Annotated[str, typer.Option(help="Who is acting.")] = "local",
) -> None:
    """Print a token for the local gateway."""
    from runtime.cli.output import data
    from runtime.cli.target import local_layout, require_local
    from runtime.tokens import ROLES, mint

    require_local()
    data(mint(local_layout().jwt_key, tenant=tenant, actor=actor, roles=role or ROLES))
