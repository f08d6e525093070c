"""Work that takes its process along is counted when it begins, and given up in the end."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from schemas import intake
from testkit.backbone import Backbone, Tail
from testkit.register import stakeholder

WORKER = Path(__file__).with_name("killing_worker.py")


@asynccontextmanager
async def _process(backbone: Backbone) -> AsyncIterator[asyncio.subprocess.Process]:
    where = (backbone.kafka.bootstrap_servers, backbone.mongo.url, backbone.mongo.database_prefix)
    process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), *where)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _names(tail: Tail) -> list[str]:
    return [m.payload.stakeholder.id for m in tail.of(intake.StakeholderRegistered)]


async def test_work_that_kills_its_process_is_given_up_with_its_reason(backbone: Backbone) -> None:
    async with backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("killer"))
        for _ in range(2):
            async with _process(backbone) as process:
                assert await asyncio.wait_for(process.wait(), 30) == 9
        async with _process(backbone) as process:
            await tail.until(lambda t: "deputy" in _names(t))
            assert process.returncode is None

    item = await backbone.database("intake").db["work"].find_one({"_id": "ENG-TEST1/intake/1"})
    assert item["due"] is None
    assert item["error"] == "its run was cut off 2 times, each time without getting on"
