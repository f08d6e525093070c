"""What follows events ends when its reader has seen enough, and says nothing about it."""

import asyncio
import os
import sys

import pytest

from runtime.cli.output import data, while_read
from runtime.errors import ReaderGone


def piped(monkeypatch: pytest.MonkeyPatch) -> int:
    """The reading end of a pipe that is our stdout; called in the test, since pytest sets its own before."""
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdout", os.fdopen(writing, "w"))
    return reading


async def test_quiet_following_ends_when_the_reader_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = piped(monkeypatch)
    ended = asyncio.Event()

    async def follow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    following = asyncio.create_task(while_read(follow()))
    await asyncio.sleep(0)
    assert not following.done()
    os.close(reader)

    await asyncio.wait_for(following, 5)
    assert ended.is_set()


async def test_following_that_ends_by_itself_or_fails_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = piped(monkeypatch)

    async def fail() -> None:
        raise ValueError("gone wrong")

    await asyncio.wait_for(while_read(asyncio.sleep(0)), 5)
    with pytest.raises(ValueError, match="gone wrong"):
        await while_read(fail())
    os.close(reader)


def test_writing_to_nobody_says_that_the_reader_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = piped(monkeypatch)
    os.close(reader)

    with pytest.raises(ReaderGone):
        data("a line")
    # What could not be written must not be tried again when the stream is thrown away.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
