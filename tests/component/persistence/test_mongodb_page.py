"""docs/reference/mongodb.md lists what is sent to MongoDB, all of it and nothing else."""

from pathlib import Path

import pytest

from persistence import MongoSettings, connect
from testkit.mongo.documented import features
from testkit.mongo.page import render
from testkit.mongo.recording import Sent, Unlisted
from testkit.mongo.tour import asked, tour

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "mongodb.md"
UPDATE = "make contracts-update"


@pytest.fixture
async def toured(mongo_url: str) -> tuple[list[Sent], set[str]]:
    return await tour(mongo_url)


async def test_the_tour_calls_every_function_that_asks_a_database(
    toured: tuple[list[Sent], set[str]],
) -> None:
    assert toured[1] == asked()


async def test_what_is_sent_is_what_is_documented(toured: tuple[list[Sent], set[str]]) -> None:
    sent = {feature for one in toured[0] for feature in one.features}

    assert sent == set(features())


async def test_the_page_is_the_one_that_is_made_of_what_is_sent(toured: tuple[list[Sent], set[str]]) -> None:
    assert PAGE.read_text("utf-8") == render(toured[0]), f"stale: run {UPDATE}"


async def test_what_is_published_or_shown_is_read_from_a_majority(
    toured: tuple[list[Sent], set[str]],
) -> None:
    reads = [one for one in toured[0] if one.command in ("find", "aggregate", "count", "distinct")]

    durable = {one.collection for one in reads if one.body.get("readConcern") == {"level": "majority"}}
    others = {one.collection for one in reads if "readConcern" not in one.body}

    assert durable == {"commits", "heads", "snapshots", "log", "views", "dead_letters", "rebuilds"}
    assert others == {"waiting", "work", "held", "commands"}


async def test_every_write_waits_for_a_majority(toured: tuple[list[Sent], set[str]]) -> None:
    writes = [one for one in toured[0] if one.command in ("insert", "update", "delete", "findAndModify")]

    assert writes
    assert all(one.body["writeConcern"] == {"w": "majority", "j": True} for one in writes)


async def test_an_operator_that_no_page_lists_is_noticed(mongo_url: str, unlisted: Unlisted) -> None:
    handle = connect(MongoSettings(url=mongo_url, database_prefix="t0000000000_"), "intake")

    await handle.db["work"].find({"tags": {"$elemMatch": {"$gt": 1}}}).to_list(None)
    handle.close()

    # Taken here, it fails no test.
    assert unlisted.take() == ["query operator $elemMatch"]
