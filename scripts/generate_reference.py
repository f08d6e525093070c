"""Writes docs/reference: AsyncAPI, events, commands and metrics, from the schemas and the services' code.

`python scripts/generate_reference.py [--check]`: with --check nothing is written, and a difference is exit 1.
"""

import argparse
import importlib
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import metrics_page

from messaging.topics import TOPICS
from schemas import registry
from schemas.base import Command, Event
from schemas.contracts import asyncapi, catalogue, examples
from schemas.contracts.snapshots import ROOT
from schemas.contracts.topology import RETENTION_FOR_EVER, Reader, Topology

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
SNAPSHOTS = "../../schemas/snapshots"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = [
        name
        for name, text in pages(topology()).items()
        if not _settled(REFERENCE / name, text, write=not check)
    ]
    for name in stale:
        sys.stdout.write(
            f"{'stale: run make contracts-update' if check else 'written'}: docs/reference/{name}\n"
        )
    return 1 if check and stale else 0


def topology() -> Topology:
    """What the services say: their reactions, and the topics' retention."""
    readers: dict[str, list[Reader]] = defaultdict(list)
    for service in registry.SERVICES:
        for event, reaction in _reactions(service).items():
            readers[event.type].append(Reader(service, _asked(event, reaction)))
    retention = {
        topic.name: RETENTION_FOR_EVER
        if topic.retention is None
        else int(topic.retention.total_seconds() * 1000)
        for topic in TOPICS
    }
    return Topology({event: tuple(found) for event, found in readers.items()}, retention)


def pages(found: Topology) -> dict[str, str]:
    return {
        "asyncapi.json": asyncapi.render(found, ROOT, SNAPSHOTS),
        "events.md": catalogue.render("event", found, ROOT),
        "commands.md": catalogue.render("command", found, ROOT),
        "metrics.md": metrics_page.render(),
    }


def _reactions(service: str) -> Mapping[type[Event], object]:
    try:
        table: Mapping[type[Event], object] = importlib.import_module(f"{service}.reactions").REACTIONS
    except ImportError as error:
        sys.stderr.write(f"{service} is left out, it cannot be imported: {error}\n")
        return {}
    return table


def _asked(event: type[Event], reaction: object) -> str:
    """The command a reaction makes of the event's complete example."""
    message = examples.make(event, "complete")
    payload = event.model_validate(message["data"])
    command = reaction(payload) if callable(reaction) else None
    return command.wire_type() if isinstance(command, Command) else ""


def _settled(path: Path, text: str, *, write: bool) -> bool:
    if path.exists() and path.read_text("utf-8") == text:
        return True
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return False


if __name__ == "__main__":
    sys.exit(main())
