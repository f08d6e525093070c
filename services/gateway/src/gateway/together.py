"""Reads that go together: what is asked for while a read is under way is read by the next, all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")
AT_ONCE = 2
MOST = 50
"""Keys of one read: the embedded server's `$in` costs the square of its length."""


class Together(Generic[Key, Found]):
    """Each `get` is answered by a read that began after it was called: never by an older one."""

    def __init__(self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._read = read
        self._waiting: dict[Key, asyncio.Future[Found | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: Key) -> Found | None:
        """None where there is nothing. Callers share what they are given: nobody may change it."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if len(self._tasks) < AT_ONCE:
            self._start()
        # One caller that goes away must not take the others' answer along.
        return await asyncio.shield(future)

    def _start(self) -> None:
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._waiting and len(self._tasks) < AT_ONCE:
            self._start()

    async def _run(self) -> None:
        batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST]}
        try:
            found = await self._read(list(batch)) if batch else {}
        except BaseException as error:
            for future in batch.values():
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, future in batch.items():
            if not future.done():
                future.set_result(found.get(key))
