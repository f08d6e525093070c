"""What is cancelled around a thread waits for it."""

import asyncio
from threading import Event

import pytest

from migration.threads import in_thread


async def test_cancelled_work_is_left_only_when_its_thread_has_ended() -> None:
    entered, may_end, ended = Event(), Event(), Event()

    def block() -> None:
        entered.set()
        may_end.wait(5)
        ended.set()

    task = asyncio.create_task(in_thread(block))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended.is_set()


async def test_a_failure_in_the_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)
