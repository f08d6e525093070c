"""How a rebuild tells how far it is: a line on stderr every few seconds."""

import sys
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from gateway.ports import Mark

EVERY_SECONDS = 5.0


class Progress:
    """`documents` is about how many there are; rate and rest are of this run, not of one gone on with."""

    def __init__(
        self,
        documents: int,
        begin: Mark | None,
        out: TextIO = sys.stderr,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._documents, self._out, self._clock = documents, out, clock
        self._began, self._last = clock(), clock()
        self._from_documents = begin.documents if begin else 0
        self._from_entries = begin.entries if begin else 0

    def __call__(self, mark: Mark) -> None:
        now = self._clock()
        if now - self._last < EVERY_SECONDS:
            return
        self._last = now
        seconds = now - self._began
        rate = (mark.entries - self._from_entries) / seconds
        left = max(0, self._documents - mark.documents)
        rest = left * seconds / max(1, mark.documents - self._from_documents)
        share = min(1.0, mark.documents / max(1, self._documents))
        self._out.write(
            f"{share:6.1%}  {mark.engagements:,} engagements, {mark.entries:,} events, "
            f"{rate:,.0f} events/s, about {rest:,.0f} s to go\n"
        )
        self._out.flush()
