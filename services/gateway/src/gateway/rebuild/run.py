"""A rebuild from its first engagement to its last, or from where an earlier one was cut off."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gateway.ports import Mark, Rebuildable
from gateway.rebuild.settling import Finding, settle
from gateway.rebuild.walking import Folding, folded, parts
from gateway.view import VIEW_VERSION
from persistence import DatabaseError

SETTLED_ENGAGEMENTS, SETTLED_ENTRIES = 50, 20_000
"""How many are compared and written at once, at the most: what a kill loses, and what memory holds."""
TRIES = 6


@dataclass
class Summary:
    """What came of it; the counts of `mark` include those of the run that was gone on with."""

    mark: Mark
    states: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    finished: bool = False

    @property
    def views(self) -> int:
        return self.states.total()


class Rebuild:
    """Compares every view with its log; with `write` those that differ are replaced and a mark is kept.

    `found` is told of each engagement, `settled` after each write; `stop` ends it after the next.
    """

    def __init__(
        self,
        log: Rebuildable,
        *,
        write: bool,
        found: Callable[[Finding], None],
        settled: Callable[[Mark], None] = lambda _: None,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._log, self._write, self._found, self._told = log, write, found, settled
        self._stop = stop or asyncio.Event()
        self._pending: list[Folding] = []
        self._summary = Summary(Mark(VIEW_VERSION, "", 0, 0, 0, datetime.now(UTC)))

    async def run(self, *, begin: Mark | None = None) -> Summary:
        """Behind `begin`, where given. Raises DatabaseError when the database stays away."""
        if begin:
            self._summary.mark = begin
        tries = 0
        while True:
            came_to = self._summary.mark.after
            try:
                await self._rest()
                return self._summary
            except DatabaseError:
                tries = 1 if self._summary.mark.after != came_to else tries + 1
                if tries == TRIES:
                    raise
                # What was not settled is folded again from the log.
                self._pending.clear()
                await asyncio.sleep(min(0.5 * 2**tries, 8))

    async def _rest(self) -> None:
        for after, upto in parts(await self._log.log_documents(), self._summary.mark.after):
            async for one in folded(self._log, after, upto):
                self._pending.append(one)
                if self._is_full():
                    await self._settle()
                if self._stop.is_set():
                    await self._settle()
                    return
        await self._settle()
        self._summary.finished = True
        if self._write:
            await self._log.mark(None)

    def _is_full(self) -> bool:
        entries = sum(one.entries for one in self._pending)
        return len(self._pending) >= SETTLED_ENGAGEMENTS or entries >= SETTLED_ENTRIES

    async def _settle(self) -> None:
        if not self._pending:
            return
        findings = await settle(self._log, self._pending, write=self._write)
        mark = _further(self._summary.mark, self._pending)
        if self._write:
            await self._log.mark(mark)
        self._pending, self._summary.mark = [], mark
        for finding in findings:
            self._summary.states[finding.state] += 1
            self._summary.wrong += not finding.right
            self._found(finding)
        self._told(mark)


def _further(mark: Mark, settled: list[Folding]) -> Mark:
    return replace(
        mark,
        after=settled[-1].engagement,
        documents=mark.documents + sum(one.documents for one in settled),
        entries=mark.entries + sum(one.entries for one in settled),
        engagements=mark.engagements + len(settled),
    )
