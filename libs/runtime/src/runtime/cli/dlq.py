"""`throughline dlq`: messages that were given up, and engagements that wait behind one."""

from typing import Annotated, Any

import typer

from runtime.cli.local import AsJson

app = typer.Typer(help="Look at dead letters; send them again, or give them up.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Its id, as `dlq list` shows it.")]


def _all(status: str | None, service: str | None) -> list[dict[str, Any]]:
    from runtime.cli.target import run, target
    from runtime.client import GatewayClient
    from runtime.dead_letters import DeadLetterList

    where = target(["operator"])

    async def ask() -> list[dict[str, Any]]:
        async with GatewayClient(where.url, where.token) as client:
            return await DeadLetterList(client, status=status, service=service).all()

    return run(ask())


def _decide(document: str, **variables: Any) -> dict[str, Any]:
    from runtime.cli.target import run, target
    from runtime.client import GatewayClient

    where = target(["operator"])

    async def ask() -> dict[str, Any]:
        async with GatewayClient(where.url, where.token) as client:
            return await client.ask(document, **variables)

    return run(ask())


@app.command("list")
def list_(
    status: Annotated[
        str | None, typer.Option(help="OPEN, REDRIVEN, DISCARDED, BLOCKED or RESOLVED.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Only what this service gave up.")] = None,
    json: AsJson = False,
) -> None:
    """List dead letters, newest first."""
    from runtime.cli.output import as_json, as_table

    found = _all(status.upper() if status else None, service)
    if json:
        as_json(found)
        return
    header = ("id", "status", "service", "engagement", "reason")
    rows = [(x["id"], x["status"], x["service"], x["engagement"], _complaint(x)[:100]) for x in found]
    as_table(rows, header, "no dead letters")


def _complaint(letter: dict[str, Any]) -> str:
    return f"{letter['field']}: {letter['reason']}" if letter["field"] else str(letter["reason"])


@app.command()
def show(letter: Id, json: AsJson = False) -> None:
    """Show everything known about one dead letter."""
    from runtime.cli.output import as_json, data

    found = _one(letter)
    if json:
        as_json(found)
        return
    for name, value in found.items():
        if name == "headers":
            for header in value:
                data(f"header     {header['name']}: {header['value']}")
        elif value is not None:
            data(f"{name:<10} {value}")


def _one(letter: str) -> dict[str, Any]:
    from runtime.documents import DEAD_LETTERS_IN_FULL
    from runtime.errors import CommandFailed, Exit

    after: str | None = None
    while True:
        page = _decide(DEAD_LETTERS_IN_FULL, **({"after": after} if after else {}))["deadLetters"]
        for found in page["nodes"]:
            if found["id"] == letter:
                one: dict[str, Any] = found
                return one
        if not page["hasNextPage"]:
            raise CommandFailed(Exit.FAILED, f"there is no dead letter {letter}")
        after = page["endCursor"]


@app.command()
def redrive(
    letter: Annotated[str, typer.Argument(help="Its id; with --all none.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every open one.")] = False,
    service: Annotated[str | None, typer.Option(help="With --all: only what this service gave up.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which; send nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Send a message again to where it came from, unchanged."""
    from runtime.cli.output import as_json, note
    from runtime.documents import REDRIVE
    from runtime.errors import CommandFailed, Exit

    if bool(letter) == every:
        raise CommandFailed(Exit.USAGE, "name one dead letter, or --all")
    wanted = [letter] if letter else [found["id"] for found in _all("OPEN", service)]
    sent = []
    for one in wanted:
        if not dry_run:
            sent.append(_decide(REDRIVE, id=one)["redriveDeadLetter"])
        note(f"{'would redrive' if dry_run else 'redriven'} {one}")
    if json:
        as_json(sent)


@app.command()
def discard(
    letter: Id,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    json: AsJson = False,
) -> None:
    """Give a message up for good."""
    from runtime.cli.output import as_json, note
    from runtime.documents import DISCARD

    found = _decide(DISCARD, id=letter, reason=reason)["discardDeadLetter"]
    if json:
        as_json(found)
    note(f"discarded {letter}")
