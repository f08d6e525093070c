"""Events from files: checked against their schemas, and sent by HTTP or straight to Kafka."""

import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from runtime.cli.target import TENANT, require_local, target
from runtime.client import GatewayClient, Json, refusal_of
from runtime.complaints import explain
from runtime.demo.outsider import KafkaOutsider, structured, wire_type
from runtime.errors import CommandFailed, Exit
from schemas import registry

SOURCE = "/throughline/cli"


def checked_events(kind: str, file: Path, engagement: str) -> list[Json]:
    """The file's events, ready to be sent. Raises CommandFailed (65) with every fault."""
    entries = list(_read(file, kind))
    return structured(entries, engagement, SOURCE, secrets.token_hex(6))


def validate_file(file: Path, kind: str) -> int:
    """How many events the file holds. Raises CommandFailed (65) with every fault."""
    return len(list(_read(file, kind)))


def _read(file: Path, kind: str) -> Iterator[Json]:
    faults: list[str] = []
    name = "stdin" if str(file) == "-" else file.name
    for number, text in _documents(file):
        entry, found = _checked(text, kind)
        faults += [f"{name}:{number}: {fault}" for fault in found]
        if entry is not None:
            yield entry
    if faults:
        raise CommandFailed(Exit.BAD_DATA, *faults)


def _documents(file: Path) -> Iterator[tuple[int, str]]:
    """One JSON document over many lines, or one per line."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandFailed(Exit.BAD_DATA, f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(Exit.BAD_DATA, f"{file}: cannot be read: {error}") from None
    try:
        json.loads(text)
    except ValueError:
        yield from ((n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip())
    else:
        yield 1, text


def _checked(text: str, kind: str) -> tuple[Json | None, list[str]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        return None, [f"not JSON: {error}"]
    if not isinstance(content, dict):
        return None, ["must be a JSON object"]
    entry = {"type": kind, "data": content} if kind and set(content) != {"type", "data"} else content
    if "type" not in entry or "data" not in entry:
        return None, ['needs "type" and "data", or give the type by --type']
    return entry, list(_faults(entry))


def _faults(entry: Json) -> Iterator[str]:
    name = wire_type(entry["type"])
    try:
        cls, version = registry.find(name)
        if version == cls.version:
            cls.model_validate_json(json.dumps(entry["data"]))
        else:
            registry.parse(name, json.dumps(entry["data"]))
    except registry.UnknownType as error:
        yield f"type: {error.args[0]}"
    except registry.UnknownVersion as error:
        yield f"type: {error.args[0]}"
    except ValidationError as error:
        for found in error.errors():
            where = ".".join(str(part) for part in found["loc"]) or "data"
            yield f"{where}: {explain(found, cls)}"


async def send(events: list[Json], *, kafka: bool) -> None:
    """Raises CommandFailed (65) where the gateway refuses them."""
    if kafka:
        async with KafkaOutsider(require_local().kafka, TENANT) as outsider:
            await outsider.publish(events)
        return
    where = target(["publisher"])
    async with GatewayClient(where.url, where.token) as client:
        answer = await client.post_events(events)
    if answer.status_code >= 400:
        raise CommandFailed(Exit.BAD_DATA, *(f"refused: {fault}" for fault in refusal_of(answer)))
