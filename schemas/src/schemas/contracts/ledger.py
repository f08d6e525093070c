"""Breaks taken on purpose while nobody had published the version: each with its reason, for reviewers."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.contracts.snapshots import Schema, digest


@dataclass(frozen=True, slots=True)
class Break:
    """`digest` is that of the schema after the break, so that the next one needs a reason of its own."""

    type: str
    digest: str
    reason: str


def read(root: Path) -> list[Break]:
    path = _path(root)
    return [Break(**entry) for entry in json.loads(path.read_text("utf-8"))] if path.exists() else []


def allows(breaks: list[Break], wire_type: str, schema: Schema | None) -> bool:
    """True where the break to this schema (None: the message is gone) is written down."""
    return any(b.type == wire_type and b.digest == (digest(schema) if schema else "removed") for b in breaks)


def record(root: Path, wire_type: str, schema: Schema | None, reason: str) -> None:
    kept = [entry for entry in read(root) if entry.type != wire_type]
    entries = sorted(
        [*kept, Break(wire_type, digest(schema) if schema else "removed", reason)], key=lambda b: b.type
    )
    text = json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False)
    _path(root).write_text(text + "\n", "utf-8")


def _path(root: Path) -> Path:
    return root / "snapshots" / "breaks.json"
