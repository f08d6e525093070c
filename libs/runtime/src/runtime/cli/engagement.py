"""`throughline engagement`: open one from its file, list, show, watch."""

from pathlib import Path
from typing import Annotated, Any

import typer

from runtime.cli.local import AsJson

app = typer.Typer(help="Open engagements and look at them.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Its key, such as ENG-7F3K.")]


@app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(help="The engagement file (YAML).")],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until design has drafted its first proposal.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 120.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, send nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Check an engagement file and open what it describes, in one go."""
    from runtime.cli.output import as_json, data, note
    from runtime.cli.target import run, target
    from runtime.engagement_file import load, opening_commands
    from runtime.opening import open_engagement

    commands = opening_commands(load(file))
    if dry_run:
        note(f"{file}: good; {len(commands)} commands would be sent")
        raise typer.Exit
    where = target(["consultant", "operator", "viewer"])
    key = run(open_engagement(where.url, where.token, commands, note, timeout_seconds=timeout, wait=wait))
    if json:
        as_json({"engagement": key, "commands": [command.type for command in commands]})
    else:
        data(key)
        note(f"look at it: throughline engagement show {key}   follow it: throughline engagement watch {key}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the engagement file, for editors and checks."""
    from runtime.cli.output import as_json
    from schemas.engagement_file import json_schema

    as_json(json_schema())


@app.command("list")
def list_(json: AsJson = False) -> None:
    """List engagements, newest first."""
    from runtime.cli.output import as_json, as_table
    from runtime.console import moment

    found = _ask_all()
    if json:
        as_json(found)
        return
    header = ("key", "client", "title", "stage", "health", "updated")
    rows = [
        (
            e["key"],
            (e["client"] or {}).get("name"),
            e["title"],
            e["stage"],
            e["health"]["state"],
            moment(e["updatedAt"]),
        )
        for e in found
    ]
    as_table(rows, header, "no engagements yet; open one with: throughline engagement open FILE")


def _ask_all() -> list[dict[str, Any]]:
    from runtime.cli.target import run, target
    from runtime.client import GatewayClient
    from runtime.documents import ENGAGEMENTS

    where = target(["viewer"])

    async def ask() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = None
        async with GatewayClient(where.url, where.token) as client:
            while True:
                page = (await client.ask(ENGAGEMENTS, first=100, after=after))["engagements"]
                found += [edge["node"] for edge in page["edges"]]
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = page["pageInfo"]["endCursor"]

    return run(ask())


@app.command()
def show(engagement: Id, json: AsJson = False) -> None:
    """Show one engagement: its stages, its health, what was refused."""
    from runtime.cli.output import as_json
    from runtime.cli.target import run, target
    from runtime.client import GatewayClient
    from runtime.documents import ENGAGEMENT
    from runtime.errors import CommandFailed, Exit

    where = target(["viewer"])

    async def ask() -> Any:
        async with GatewayClient(where.url, where.token) as client:
            return (await client.ask(ENGAGEMENT, id=engagement))["engagement"]

    found = run(ask())
    if found is None:
        raise CommandFailed(Exit.FAILED, f"there is no engagement {engagement}")
    if json:
        as_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from runtime.cli.output import as_table, data
    from runtime.console import moment

    client = (found["client"] or {}).get("name", "-")
    data(f"{found['key']}  {client}, {found['title']}")
    data(f"health {found['health']['state']}: {found['health']['reason']}")
    data(f"budget {found['budget']} {found['currency']}, {found['startOn']} to {found['targetOn']}")
    data(f"cycle {found['cycle']}, {found['cursor']} events")
    data("")
    stages = [(s["name"], s["state"], moment(s["startedAt"]), moment(s["doneAt"])) for s in found["stages"]]
    as_table(stages, ("stage", "state", "started", "done"), "")
    for refusal in found["refusals"]:
        data(f"refused {refusal['command']} by {refusal['actor']}: {refusal['field']}: {refusal['message']}")


@app.command()
def watch(
    engagement: Id,
    after: Annotated[int, typer.Option(help="Start behind this cursor; 0 from the beginning.")] = 0,
    json: AsJson = False,
) -> None:
    """Follow an engagement: what has happened, then what happens. Reconnects where the gateway restarts."""
    from runtime.cli.output import while_read
    from runtime.cli.target import run, target
    from runtime.following import follow

    where = target(["viewer"])
    run(while_read(follow(where.url, where.token, engagement, after, json=json)))
