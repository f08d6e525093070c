"""Start of a service that has 100,000 engagements in its store, against one that has none."""

import asyncio
import time
from datetime import UTC, datetime
from statistics import median

from form import Result, Row, paired
from intake_load import openings, statements
from stage import Stage, free_port, outcome, stage, until_ready

from intake.main import build_app
from intake.settings import Settings
from messaging.commits import commit_document
from messaging.stream import Received, Record, Stream, handle
from persistence import connect

AT_ONCE = 1_000
NOTES = (
    "A start reads no engagement: a stream is loaded when its first message comes. What is left is the "
    "interpreter, indexes that are there already, and joining the consumer group, which takes half of the "
    "session timeout on the embedded broker.",
)


def run(quick: bool) -> Result:
    engagements, repeats = (1_000, 1) if quick else (100_000, 5)
    empty, full, first = asyncio.run(_measure(engagements, repeats))
    floor = Row(what="start to ready, empty store", value=median(empty), unit="s")
    rows = [
        floor,
        paired(f"start to ready, {engagements:,} engagements", full, "s", floor, empty, "<= 2"),
        Row(what="first command answered after ready", value=median(first), unit="s"),
    ]
    return Result(
        name="service_start",
        title="From the start of the process to ready",
        repeats=repeats,
        rows=rows,
        notes=NOTES,
    )


async def _measure(engagements: int, repeats: int) -> tuple[list[float], list[float], list[float]]:
    async with stage() as on:
        await _fill_store(on, engagements)
        empty, full, first = [], [], []
        for number in range(repeats):
            empty.append(await _start(on, "empty_"))
            full.append(await _start(on, ""))
            first.append(await _first_answer(on, number))
        return empty, full, first


async def _start(on: Stage, prefix: str) -> float:
    port = free_port()
    began = time.perf_counter()
    with on.process("-m", "intake", HTTP_PORT=str(port), MONGO_DATABASE_PREFIX=prefix):
        await until_ready([port])
        return time.perf_counter() - began


async def _first_answer(on: Stage, number: int) -> float:
    """Seconds from a command to a ready service, to its event; its stream is read from the store."""
    port = free_port()
    process = on.start("hop_worker.py", "service", "1", HTTP_PORT=str(port))
    await until_ready([port])
    began = time.time()
    await on.fill("intake.commands", statements(1, 1, f"first{number}"))
    return float((await asyncio.to_thread(outcome, process))["at"]) - began


async def _fill_store(on: Stage, engagements: int) -> None:
    """The commit of an opening for each engagement, decided by the service's own rules."""
    service = build_app(Settings()).service
    database = connect(on.mongo, "intake")
    documents = []
    for message in openings(engagements):
        envelope = message.envelope
        record = Record("intake.commands", 0, 0, None, None, ())
        received = Received(envelope, message.payload, record)
        before = Stream(envelope.engagement, service.state(), version=1)
        outcome = handle(service, before, [received], lambda _: (None, None))
        documents.append(commit_document(outcome, datetime.now(UTC)))
        if len(documents) == AT_ONCE:
            await database.db["commits"].insert_many(documents)
            documents = []
    if documents:
        await database.db["commits"].insert_many(documents)
    database.close()
