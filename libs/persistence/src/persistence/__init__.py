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
    connect,
    slices,
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
    "connect",
    "slices",
]
