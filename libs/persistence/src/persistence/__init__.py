"""The only room that knows the database driver."""

from persistence.mongo import (
    BulkRefused,
    Collection,
    Database,
    DatabaseError,
    DuplicateKey,
    Handle,
    InsertOne,
    ReplaceOne,
    UpdateOne,
    Watcher,
    connect,
    duplicates,
    majority,
    slices,
    watching,
)
from persistence.settings import MongoSettings

__all__ = [
    "BulkRefused",
    "Collection",
    "Database",
    "DatabaseError",
    "DuplicateKey",
    "Handle",
    "InsertOne",
    "MongoSettings",
    "ReplaceOne",
    "UpdateOne",
    "Watcher",
    "connect",
    "duplicates",
    "majority",
    "slices",
    "watching",
]
