"""The only file that names the database driver: connect, check, close, and the errors others may catch."""

from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from persistence.settings import MongoSettings

Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]
DatabaseError = PyMongoError
DuplicateKey = DuplicateKeyError
BulkRefused = BulkWriteError

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
    "connect",
    "slices",
]


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
        w="majority",
        journal=True,
        serverSelectionTimeoutMS=3_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=20_000,
        appname=f"throughline-{name}",
    )
    return Handle(client, f"{settings.database_prefix}{name}")


def slices(items: list[Any], size: int = 50) -> list[list[Any]]:
    """Parts of at most `size`: the embedded server's `$in` costs the square of its length."""
    return [items[i : i + size] for i in range(0, len(items), size)]
