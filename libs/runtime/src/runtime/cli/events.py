"""`throughline events`: follow, publish, validate."""

from pathlib import Path
from typing import Annotated

import typer

from runtime.cli.local import AsJson

app = typer.Typer(help="Follow events, publish some, check files of them.", no_args_is_help=True)
Types = Annotated[list[str] | None, typer.Option("--type", "-t", help="Only this type; repeat for several.")]
ByKafka = Annotated[bool, typer.Option("--kafka", help="Straight from the broker, not through the gateway.")]


@app.command()
def tail(
    type: Types = None,
    engagement: Annotated[str, typer.Option("--engagement", "-e", help="Only this one.")] = "",
    once: Annotated[bool, typer.Option("--once", help="End when everything so far is printed.")] = False,
    kafka: ByKafka = False,
    json: AsJson = False,
) -> None:
    """Print events as they happen, from the beginning."""
    from runtime.cli.output import while_read
    from runtime.cli.target import require_local, run, target

    if kafka:
        from runtime.kafka_tail import tail_topics

        run(while_read(tail_topics(require_local().kafka, type, engagement, json=json, once=once)))
        return
    from runtime.following import follow, follow_all

    where = target(["viewer"])
    if engagement and not once and not type:
        run(while_read(follow(where.url, where.token, engagement, 0, json=json)))
    else:
        following = follow_all(where.url, where.token, type, json=json, once=once, only=engagement)
        run(while_read(following))


@app.command()
def publish(
    type: Annotated[str, typer.Argument(help="Such as inbound.mail_received.")],
    file: Annotated[
        Path, typer.Argument(help="The event's data as JSON, one per line for several; - for stdin.")
    ],
    engagement: Annotated[str, typer.Option("--engagement", "-e", help="Its key, such as ENG-7F3K.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only.")] = False,
    kafka: ByKafka = False,
    json: AsJson = False,
) -> None:
    """Publish events as an outside system would."""
    from runtime.cli.output import as_json, note
    from runtime.cli.target import run
    from runtime.publishing import checked_events, send

    events = checked_events(type, file, engagement)
    if not dry_run:
        run(send(events, kafka=kafka))
    if json:
        as_json([{"id": event["id"], "type": event["type"]} for event in events])
    note(f"{len(events)} {'checked' if dry_run else 'published'}")


@app.command()
def validate(
    file: Annotated[
        Path, typer.Argument(help='One {"type": .., "data": ..} per line, or the data of --type.')
    ],
    type: Annotated[str, typer.Option("--type", "-t", help="The type of every line.")] = "",
) -> None:
    """Check events against their schemas: every fault with its line."""
    from runtime.cli.output import note
    from runtime.publishing import validate_file

    note(f"{file}: {validate_file(file, type)} events, all good")
