"""The only file that names the database driver: connect, check, close, and the errors others may catch."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from pymongo.read_concern import ReadConcern

from persistence.settings import MongoSettings

Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]
DatabaseError = PyMongoError
DuplicateKey = DuplicateKeyError
BulkRefused = BulkWriteError
Watcher = Callable[[str, str, Mapping[str, Any]], None]
"""Is told database, name and body of a command when it is sent, in whichever thread sends it."""
DUPLICATE_KEY = 11000

__all__ = [
    "BulkRefused",
    "Collection",
    "Database",
    "DatabaseError",
    "DuplicateKey",
    "Handle",
    "InsertOne",
    "ReplaceOne",
    "UpdateOne",
    "Watcher",
    "connect",
    "duplicates",
    "majority",
    "slices",
    "watching",
]

_watchers: list[Watcher] = []


class Handle:
    """One database of one service."""

    def __init__(self, client: AsyncIOMotorClient[dict[str, Any]], name: str) -> None:
        self._client = client
        self.db: Database = client[name]

    async def ping(self) -> None:
        """Raises DatabaseError when the server does not answer."""
        await self._client.admin.command("ping")

    def close(self) -> None:
        self._client.close()


def connect(settings: MongoSettings, name: str) -> Handle:
    """A handle on the service's own database; nothing is sent before the first operation.

    Raises ValueError for a file of settings that cannot be read.
    """
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        settings.address(),
        tz_aware=True,
        # Whatever the address says: the promises rest on these.
        w="majority",
        journal=True,
        readPreference="primary",
        serverSelectionTimeoutMS=3_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=20_000,
        appname=f"throughline-{name}",
        event_listeners=[_Telling(tuple(_watchers))] if _watchers else [],
    )
    return Handle(client, f"{settings.database_prefix}{name}")


def majority(collection: Collection) -> Collection:
    """The collection as what is published or shown has to be read: a failover cannot take it back.

    Just after a failover it may lack a moment's writes; a write under a condition tells.
    """
    return collection.with_options(read_concern=ReadConcern("majority"))


def duplicates(error: BulkRefused) -> set[int]:
    """Positions of the documents that are there already; everything else is written.

    Raises the error itself where it says anything more: then what is written, and stays, is not known.
    """
    details = error.details
    faults = details["writeErrors"]
    if details.get("writeConcernErrors") or any(fault["code"] != DUPLICATE_KEY for fault in faults):
        raise error
    return {fault["index"] for fault in faults}


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Clients connected inside the context tell the watcher every command, for as long as they live."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class _Telling(CommandListener):
    def __init__(self, watchers: tuple[Watcher, ...]) -> None:
        self._watchers = watchers

    def started(self, event: CommandStartedEvent) -> None:
        for watcher in self._watchers:
            watcher(event.database_name, event.command_name, event.command)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


def slices(items: list[Any], size: int = 50) -> list[list[Any]]:
    """Parts of at most `size`: the embedded server's `$in` costs the square of its length."""
    return [items[i : i + size] for i in range(0, len(items), size)]
