"""The whole log, an engagement at a time, in memory that does not grow with it."""

from collections.abc import AsyncIterator, Iterator
from itertools import product

from gateway.ports import Log, Logged, Rebuildable, Stored
from gateway.view import VIEW_VERSION, fold_into, new_view

PART_DOCUMENTS = 2_000
"""About so much of the log is asked for at once: the embedded server holds all that it finds in memory."""
_PREFIX, _LETTERS, _DEEPEST = "ENG-", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3


class Folding:
    """An engagement's view while its log is folded; `documents` and `entries` count what of it was."""

    def __init__(self, first: Logged) -> None:
        self.engagement, self.tenant = first.entries[0].engagement, first.tenant
        self.created_at = first.entries[0].at
        self.view = new_view(self.engagement, self.tenant)
        self.documents = self.entries = 0

    def add(self, logged: Logged) -> None:
        fold_into(self.view, logged.entries)
        self.documents += 1
        self.entries += len(logged.entries)

    async def catch_up(self, log: Log) -> None:
        """Fold what came since."""
        while missing := await log.tail(self.engagement, self.view["cursor"]):
            fold_into(self.view, missing)

    def stored(self) -> Stored:
        return Stored(
            engagement=self.engagement,
            tenant=self.tenant,
            cursor=self.view["cursor"],
            created_at=self.created_at,
            view_version=VIEW_VERSION,
            view=self.view,
        )


def parts(documents: int, after: str = "") -> Iterator[tuple[str, str | None]]:
    """Ranges `first < key <= last` that hold every key behind `after` once; None is no end."""
    depth = 0
    while depth < _DEEPEST and documents > PART_DOCUMENTS * len(_LETTERS) ** depth:
        depth += 1
    edges = (_PREFIX + "".join(letters) for letters in product(_LETTERS, repeat=depth)) if depth else ()
    later = [edge for edge in edges if edge > after]
    yield from zip([after, *later], [*later, None], strict=True)


async def folded(log: Rebuildable, after: str, upto: str | None) -> AsyncIterator[Folding]:
    """Each engagement of a part, in the order of their keys."""
    current: Folding | None = None
    async for logged in log.walk(after, upto):
        if current is None or current.engagement != logged.entries[0].engagement:
            if current is not None:
                yield current
            current = Folding(logged)
        current.add(logged)
    if current is not None:
        yield current
