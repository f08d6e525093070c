"""Reads that go together: each is answered by a read that began after it was asked for."""

import asyncio

import pytest

from gateway.together import AT_ONCE, Together


class Slow:
    """Counts up; a read gives the number at its beginning, once it is let go."""

    def __init__(self):
        self.now, self.batches, self.go = 0, [], asyncio.Event()

    async def read(self, keys):
        began = self.now
        self.batches.append(keys)
        await self.go.wait()
        return dict.fromkeys(keys, began)


async def test_what_comes_while_reads_are_under_way_goes_together_and_is_newer():
    slow = Slow()
    together = Together(slow.read)
    first = []
    for number in range(AT_ONCE):
        first.append(asyncio.create_task(together.get(f"first{number}")))
        await asyncio.sleep(0.01)
    slow.now = 7
    later = [asyncio.create_task(together.get(key)) for key in ("a", "b", "a")]
    await asyncio.sleep(0.01)
    slow.go.set()

    assert await asyncio.gather(*first) == [0] * AT_ONCE
    assert await asyncio.gather(*later) == [7, 7, 7]
    assert slow.batches[AT_ONCE:] == [["a", "b"]]


async def test_a_failed_read_fails_those_that_wait_for_it_and_no_later_one():
    answers = [OSError("away"), {"k": 1}]

    async def read(_):
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    together = Together(read)
    with pytest.raises(OSError, match="away"):
        await together.get("k")

    assert await together.get("k") == 1


async def test_a_caller_that_goes_away_takes_nobody_along():
    slow = Slow()
    together = Together(slow.read)
    leaving, staying = (asyncio.create_task(together.get("k")) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    slow.go.set()

    assert await staying == 0
