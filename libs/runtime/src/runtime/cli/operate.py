"""`throughline lag`, `blocked`, `work` and `views`: what an operator looks at when an alert fires."""

from typing import Annotated, Any

import typer

from runtime.cli.local import AsJson

blocked_app = typer.Typer(help="Engagements that wait: see, retry, skip.", no_args_is_help=True)
work_app = typer.Typer(help="Activities and timers: what is due, what failed.", no_args_is_help=True)
views_app = typer.Typer(help="The gateway's views against their log.", no_args_is_help=True)
Service = Annotated[str, typer.Option("--service", "-s", help="Only this service.")]
Engagement = Annotated[str, typer.Argument(help="Its key, such as ENG-7F3K.")]


def register(app: typer.Typer) -> None:
    app.command()(lag)
    app.add_typer(blocked_app, name="blocked")
    app.add_typer(work_app, name="work")
    app.add_typer(views_app, name="views")


def lag(
    every: Annotated[bool, typer.Option("--all", help="Topics without lag too.")] = False,
    json: AsJson = False,
) -> None:
    """Show how far behind each consumer group is, as the broker has it."""
    from dataclasses import asdict

    from runtime.cli.output import as_json, as_table
    from runtime.cli.target import kafka_address, run
    from runtime.operating import lag_rows

    found = [row for row in run(lag_rows(kafka_address())) if every or row.lag]
    if json:
        as_json([asdict(row) for row in found])
    else:
        rows = [(row.group, row.topic, row.lag, row.stuck, row.end) for row in found]
        as_table(rows, ("group", "topic", "lag", "partitions behind", "messages"), "nobody is behind")


@blocked_app.command("list")
def blocked_list(service: Service = "", json: AsJson = False) -> None:
    """List engagements whose messages wait, with what they wait for."""
    from dataclasses import asdict

    from runtime.cli.output import as_json, as_table
    from runtime.cli.target import mongo_url, run
    from runtime.console import clock
    from runtime.operating import blocked_rows

    found = run(blocked_rows(mongo_url(), service))
    if json:
        as_json([asdict(row) for row in found])
    else:
        rows = [
            (
                b.service,
                b.engagement,
                b.kind,
                b.behind,
                b.attempts,
                clock(b.next_try),
                b.type,
                b.message_id,
                b.reason,
            )
            for b in found
        ]
        header = ("service", "engagement", "kind", "behind", "tries", "next try", "type", "message", "reason")
        as_table(rows, header, "nothing is blocked")


@blocked_app.command()
def retry(
    engagement: Engagement, service: Annotated[str, typer.Option("--service", "-s", help="Which one.")]
) -> None:
    """Have an engagement's waiting messages tried again now."""
    _operate(engagement, service, "operations.retry_blocked", {})


@blocked_app.command()
def lost(
    engagement: Engagement,
    service: Annotated[str, typer.Option("--service", "-s", help="Which one.")],
    message: Annotated[str, typer.Option(help="The id of the first message that waits for what is lost.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the engagement's stream.")],
) -> None:
    """Declare that what is missing before a message will never come: what waits for it goes on."""
    _operate(engagement, service, "operations.declare_lost", {"message_id": message, "reason": reason})


@blocked_app.command()
def skip(
    engagement: Engagement,
    service: Annotated[str, typer.Option("--service", "-s", help="Which one.")],
    message: Annotated[str, typer.Option(help="The id of the message, as `blocked list` has it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the dead letter.")],
) -> None:
    """Give up a message that others wait for: it becomes a dead letter, the rest goes on."""
    _operate(engagement, service, "operations.skip_blocked", {"message_id": message, "reason": reason})


def _operate(engagement: str, service: str, command: str, more: dict[str, str]) -> None:
    from runtime.cli.output import note
    from runtime.cli.target import actor, run, target
    from runtime.client import GatewayClient
    from runtime.errors import CommandFailed, Exit

    where = target(["operator"])

    async def ask() -> Any:
        async with GatewayClient(where.url, where.token) as client:
            content = {"service_name": service, "requested_by": actor(), **more}
            return await client.submit(command, content, engagement=engagement)

    answer = run(ask())
    if answer.kind != "Accepted":
        raise CommandFailed(Exit.FAILED, answer.refusal if answer.kind == "Refused" else "not answered yet")
    note(f"{command} is done and recorded by {service}; what waits now: throughline blocked list")


@work_app.command("list")
def work_list(
    service: Service = "",
    wrong: Annotated[bool, typer.Option("--wrong", help="Only failed, overdue and retrying ones.")] = False,
    json: AsJson = False,
) -> None:
    """List what was given up, then what is open, most overdue first."""
    from dataclasses import asdict

    from runtime.cli.output import as_json, as_table
    from runtime.cli.target import mongo_url, run
    from runtime.console import clock
    from runtime.operating import work_rows

    found = [row for row in run(work_rows(mongo_url(), service)) if not wrong or row.state != "scheduled"]
    if json:
        as_json([asdict(row) for row in found])
        return
    rows = [
        (w.service, w.engagement, w.state, w.event, w.failures, clock(w.due) if w.due else "", w.error[:100])
        for w in found
    ]
    header = ("service", "engagement", "state", "started by", "failures", "due", "error")
    as_table(rows, header, "no work" if not wrong else "no work is failing or overdue")


@views_app.command()
def check(json: AsJson = False) -> None:
    """Fold every view anew from its log and compare; exit 1 where one differs. Writes nothing."""
    _rebuild(["--json"] if json else [])


@views_app.command()
def rebuild(
    anew: Annotated[
        bool, typer.Option("--anew", help="From the start, not from where one was cut off.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Fold every view anew and put those that differ in place, beside a gateway that goes on projecting."""
    _rebuild(["--write", *(["--anew"] if anew else []), *(["--json"] if json else [])])


def _rebuild(options: list[str]) -> None:
    import os
    import sys

    from runtime.cli.target import mongo_url

    # In place of this process: what stops this command stops the rebuild, which then says where it was.
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, "-m", "gateway.rebuild", *options],
        {**os.environ, "MONGO_URL": mongo_url()},
    )
