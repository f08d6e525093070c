"""Who is waiting in this process, and for what: woken by the projector, never told what happened."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Hub:
    """A wake-up says only `look again`, so a lost or doubled one does no harm."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def notify(self, engagement: str) -> None:
        for event in self._waiting.get(engagement, ()):
            event.set()

    @contextmanager
    def listening(self, engagement: str) -> Iterator["Listener"]:
        event = asyncio.Event()
        self._waiting[engagement].add(event)
        try:
            yield Listener(event)
        finally:
            self._waiting[engagement].discard(event)
            if not self._waiting[engagement]:
                del self._waiting[engagement]

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


class Listener:
    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def woken(self, within_seconds: float) -> None:
        """Return on a wake-up since the last call, or when the time is over: other replicas wake none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._event.wait()
        self._event.clear()
