"""`python -m gateway.rebuild` as an operator runs it: a process that may be killed, on a real database."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.entry import Entry
from gateway.store import MongoStore
from persistence import Handle, MongoSettings, connect
from schemas import intake

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MANY = 600


class House:
    """A database of the gateway, and the program that rebuilds its views."""

    def __init__(self, settings: MongoSettings, handle: Handle) -> None:
        self.settings, self.db, self.store = settings, handle.db, MongoStore(handle.db)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        env = {
            **os.environ,
            "MONGO_URL": self.settings.url,
            "MONGO_DATABASE_PREFIX": self.settings.database_prefix,
        }
        argv = [sys.executable, "-m", "gateway.rebuild", *words]
        return subprocess.Popen(argv, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    async def views(self) -> dict[str, bytes]:
        return {one["_id"]: one["view"] async for one in self.db["views"].find({})}


@pytest.fixture
async def house(mongo_url: str) -> AsyncIterator[House]:
    settings = MongoSettings(url=mongo_url, database_prefix=f"t{uuid4().hex[:10]}_")
    handle = connect(settings, "gateway")
    made = House(settings, handle)
    await made.store.prepare()
    yield made
    handle.close()


def key(number: int) -> str:
    return f"ENG-{number:04d}"


async def fill(house: House, engagements: int) -> None:
    keys = [key(number) for number in range(engagements)]
    logs = [house.store.append("acme", [_entry(one, cursor) for cursor in (1, 2, 3)]) for one in keys]
    await asyncio.gather(*logs)


def _entry(engagement: str, cursor: int) -> Entry:
    event = intake.EngagementOpened.model_validate(
        {
            "title": f"Order system, told {cursor} times",
            "client": {"name": "Berg Pumps", "industry": "machinery"},
            "currency": "EUR",
            "budget": "850000.00",
            "start_on": "2026-12-01",
            "target_on": "2027-06-30",
        }
    )
    about: dict[str, Any] = {"actor": "anna", "correlation": "flow", "causation": None, "traceparent": None}
    return Entry(
        cursor=cursor,
        id=f"{engagement}/intake/{cursor}",
        wire_type=event.wire_type(),
        at=NOON + timedelta(minutes=cursor),
        engagement=engagement,
        tenant="acme",
        sequence=cursor,
        data=event.model_dump_json(),
        **about,
    )


async def test_a_check_names_what_is_missing_and_a_rebuild_brings_it_back(house: House) -> None:
    await fill(house, 3)

    seen = house.run()
    mended = house.run("--write")
    again = house.run()

    assert (seen[0], mended[0], again[0]) == (1, 0, 0)
    assert seen[1].splitlines() == [f"{key(n)} missing" for n in range(3)]
    assert mended[1].splitlines() == [f"{key(n)} missing replaced" for n in range(3)]
    assert again[1] == ""
    assert again[2] == "3 views, 0 not as their log says, 0 still so\n"


async def test_asked_for_json_it_prints_one_document_and_nothing_else(house: House) -> None:
    empty = json.loads(house.run("--json")[1])
    await fill(house, 2)
    await house.store.append("acme", [_entry(key(7), 1)])

    seen = json.loads(house.run("--json")[1])
    mended = json.loads(house.run("--json", "--write")[1])

    assert empty == {"findings": [], "views": 0, "states": {}, "wrong": 0, "events": 0, "finished": True}
    assert [finding["engagement"] for finding in seen["findings"]] == [key(0), key(1), key(7)]
    assert seen["findings"][0] == {"engagement": key(0), "state": "missing", "replaced": False}
    assert (seen["wrong"], mended["wrong"], mended["states"]) == (3, 0, {"missing": 3})
    assert mended["events"] == 7


async def test_after_a_kill_it_goes_on_behind_what_is_done(house: House) -> None:
    await fill(house, MANY)
    process = house.start("--write")
    deadline = time.monotonic() + 30
    while await house.store.marked() is None:
        assert time.monotonic() < deadline
    process.kill()
    process.communicate()
    mark, before = await house.store.marked(), await house.views()

    code, out, err = house.run("--write")
    whole = await house.views()

    assert mark is not None
    assert process.returncode == -signal.SIGKILL
    assert 0 < mark.engagements < MANY
    assert len(before) >= mark.engagements
    assert code == 0
    assert f"going on behind {mark.after}: {mark.engagements} engagements are done" in err
    assert f"{MANY - mark.engagements} views" in err
    assert all(line.split()[0] > mark.after for line in out.splitlines())
    assert len(whole) == MANY
    assert house.run()[0] == 0


async def test_asked_to_stop_it_settles_what_it_has_in_hand_and_says_where_it_is(house: House) -> None:
    await fill(house, MANY)
    process = house.start("--write", "--json")
    deadline = time.monotonic() + 30
    while await house.store.marked() is None:
        assert time.monotonic() < deadline
    process.terminate()
    out, err = process.communicate(timeout=20)
    mark = await house.store.marked()

    answer = json.loads(out)
    assert process.returncode == 75
    assert answer["finished"] is False
    assert mark is not None
    assert len(answer["findings"]) == answer["views"] == mark.engagements == len(await house.views())
    assert f"cut off behind {mark.after}" in err


async def test_a_database_that_is_not_there_is_told_by_the_exit_code(house: House) -> None:
    house.settings = MongoSettings(url="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100")

    code, out, err = house.run("--write")

    assert (code, out) == (69, "")
    assert "the database does not answer" in err
