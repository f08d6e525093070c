"""What was folded, held against what is stored, beside a gateway that goes on projecting."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Rebuildable, Standing
from gateway.rebuild.walking import Folding
from gateway.view import VIEW_VERSION

MISSING, DIFFERENT, EQUAL, NEWER = "missing", "different", "equal", "newer"
LOOKS = 4
PAUSE_SECONDS = 0.1
"""Before one looks again: between the projector's append and its save lie milliseconds."""


@dataclass(frozen=True)
class Finding:
    """`newer`: a later version of the gateway made the view, and it is left alone."""

    engagement: str
    state: str
    replaced: bool = False

    @property
    def right(self) -> bool:
        """Whether the view is now as its log says."""
        return self.state == EQUAL or self.replaced


async def settle(log: Rebuildable, foldings: Sequence[Folding], *, write: bool) -> list[Finding]:
    """One finding each, in the given order.

    A stored view is never set back: it is replaced at the cursor it was seen at, by one that is not behind.
    """
    settling = _Settling(log, write)
    left = list(foldings)
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(PAUSE_SECONDS * 2 ** (look - 1))
            for one in left:
                await one.catch_up(log)
        left = await settling.look(left)
        if not left:
            break
    return [settling.finding(one.engagement) for one in foldings]


class _Settling:
    def __init__(self, log: Rebuildable, write: bool) -> None:
        self._log, self._write = log, write
        self._wrong: dict[str, str] = {}
        self._settled: dict[str, Finding] = {}

    def finding(self, engagement: str) -> Finding:
        return self._settled.get(engagement) or Finding(engagement, self._wrong[engagement])

    async def look(self, foldings: Sequence[Folding]) -> list[Folding]:
        """Those that have to be looked at again, since they moved or could not be replaced."""
        standings = await self._log.standings([one.stored() for one in foldings])
        pairs = list(zip(foldings, standings, strict=True))
        wrong = [(one, standing) for one, standing in pairs if not self._is_settled(one, standing)]
        for one, standing in wrong:
            self._wrong.setdefault(one.engagement, DIFFERENT if standing.cursor else MISSING)
        if self._write:
            await self._replace([pair for pair in wrong if pair[1].cursor <= pair[0].view["cursor"]])
        return [one for one, _ in wrong if one.engagement not in self._settled]

    def _is_settled(self, one: Folding, standing: Standing) -> bool:
        engagement = one.engagement
        if standing.equal:
            # What was wrong when one looked first has come right: by our write, or by the projector's.
            state = self._wrong.get(engagement, EQUAL) if self._write else EQUAL
            self._settled[engagement] = Finding(engagement, state, replaced=state != EQUAL)
        elif standing.view_version > VIEW_VERSION:
            self._settled[engagement] = Finding(engagement, NEWER)
        elif standing.cursor == one.view["cursor"] and not self._write:
            self._settled[engagement] = Finding(engagement, DIFFERENT)
        return engagement in self._settled

    async def _replace(self, wrong: Sequence[tuple[Folding, Standing]]) -> None:
        changes = [(one.stored(), standing) for one, standing in wrong]
        if changes and await self._log.replace(changes):
            for one, _ in wrong:
                engagement = one.engagement
                self._settled[engagement] = Finding(engagement, self._wrong[engagement], replaced=True)
