"""The only room that knows the database driver."""

from persistence.settings import MongoSettings

__all__ = ["MongoSettings"]
