"""Keeps what was sent while something ran: which command, to which collection, asked by whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testkit.mongo import features
from testkit.mongo.features import Feature

# By these a client keeps connections and cursors; when, depends on the server too.
HOUSEKEEPING = frozenset({"hello", "isMaster", "ismaster", "endSessions", "getMore", "killCursors"})
# Tests remove their databases.
OF_TESTS = frozenset({"dropDatabase"})
NOWHERE = "-"


@dataclass(frozen=True)
class Sent:
    """One command as it was sent. `asked` is what asked for it, `""` where that is not known."""

    command: str
    collection: str
    body: Mapping[str, Any]
    asked: str = ""

    @property
    def features(self) -> frozenset[Feature]:
        return features.of(self.command, self.body)


@dataclass
class Recorder:
    """A `persistence.Watcher`. `asked` is written beside everything that is sent from now on."""

    asked: str = ""
    sent: list[Sent] = field(default_factory=list)

    def __call__(self, _: str, command: str, body: Mapping[str, Any]) -> None:
        if command not in HOUSEKEEPING:
            self.sent.append(Sent(command, _collection(command, body), body, self.asked))

    def take(self) -> list[Sent]:
        """What was sent since it was taken last."""
        taken, self.sent = self.sent, []
        return taken


def _collection(command: str, body: Mapping[str, Any]) -> str:
    named = body.get(command)
    return named if isinstance(named, str) else NOWHERE


@dataclass
class Unlisted:
    """A `persistence.Watcher` that keeps what no page lists, and the databases that were spoken to."""

    listed: frozenset[Feature]
    found: set[Feature] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)

    def __call__(self, database: str, command: str, body: Mapping[str, Any]) -> None:
        self.databases.add(database)
        if command not in HOUSEKEEPING | OF_TESTS:
            self.found |= features.of(command, body) - self.listed

    def take(self) -> list[str]:
        """As sentences' ends: `query operator $elemMatch`."""
        taken, self.found = self.found, set()
        return sorted(f"{feature.kind} {feature.name}" for feature in taken)
