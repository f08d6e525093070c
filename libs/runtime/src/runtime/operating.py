"""Asks the broker and every service's database what operators want to know."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from messaging.inspecting import Blocked, WorkItem, blocked, work_items
from messaging.lag import BrokerAway, TopicLag, lag_of
from messaging.settings import KafkaSettings
from persistence import Database, DatabaseError, MongoSettings, connect
from runtime.errors import CommandFailed, Exit
from runtime.servers import SERVICES

T = TypeVar("T")
DEAD_LETTER_READER = "gateway-dead-letters"


async def lag_rows(kafka: str) -> list[TopicLag]:
    """Raises CommandFailed (69)."""
    try:
        return await lag_of(KafkaSettings(bootstrap_servers=kafka), (*SERVICES, DEAD_LETTER_READER))
    except BrokerAway as error:
        hint = "if it should be there: docs/runbooks/broker-down.md"
        raise CommandFailed(Exit.UNREACHABLE, str(error), hint) from None


async def blocked_rows(url: str, service: str) -> list[Blocked]:
    """Raises CommandFailed (2, 69)."""
    return await _of_every_database(url, service, blocked)


async def work_rows(url: str, service: str) -> list[WorkItem]:
    """Raises CommandFailed (2, 69)."""
    return await _of_every_database(url, service, work_items)


async def _of_every_database(
    url: str, only: str, ask: Callable[[str, Database], Awaitable[list[T]]]
) -> list[T]:
    deciding = [name for name in SERVICES if name != "gateway"]
    if only and only not in deciding:
        raise CommandFailed(Exit.USAGE, f"no service {only}; there are: {', '.join(deciding)}")
    found: list[T] = []
    for service in [only] if only else deciding:
        handle = connect(MongoSettings(url=url), service)
        try:
            found += await ask(service, handle.db)
        except DatabaseError as error:
            reason = str(error).partition(",")[0][:200]
            hint = "if it should be there: docs/runbooks/database-down.md"
            raise CommandFailed(Exit.UNREACHABLE, f"no answer from {_safe(url)}: {reason}", hint) from None
        finally:
            handle.close()
    return found


def _safe(url: str) -> str:
    """Without what a connection string may hold of a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
