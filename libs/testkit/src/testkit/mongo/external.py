"""Leaves a server that is not ours as it was found: the run's own databases are removed."""

import re
from collections.abc import Iterable

from persistence import MongoSettings, connect

OURS = re.compile(r"^t[0-9a-f]{10}_")


async def remove(url: str, spoken_to: Iterable[str]) -> list[str]:
    """Removes the databases that share a test's prefix with one that was spoken to; returns their names."""
    prefixes = tuple({found[0] for name in spoken_to if (found := OURS.match(name))})
    handle = connect(MongoSettings(url=url), "tests")
    try:
        client = handle.db.client
        names = [n for n in await client.list_database_names() if prefixes and n.startswith(prefixes)]
        for name in names:
            await client.drop_database(name)
        return names
    finally:
        handle.close()
