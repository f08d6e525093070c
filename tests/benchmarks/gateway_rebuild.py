"""Every view rebuilt from its log, against reading and parsing the same entries only."""

import asyncio
from statistics import median
from typing import Any

from form import Result, Row, paired
from log_load import ENTRIES, OF_A_DOCUMENT, fill
from stage import Stage, cpu_seconds, outcome, stage

from persistence import connect

FLAT = "<= 1.25"


def run(quick: bool) -> Result:
    engagements, repeats = (80, 1) if quick else (4_000, 2)
    found, size = asyncio.run(_measure(engagements, repeats))
    entries = engagements * ENTRIES
    reads, rebuilds = found["read"], found["rebuild"]
    rates = {side: [entries / one["seconds"] for one in runs] for side, runs in found.items()}
    floor = Row(what="read and parse only", value=median(rates["read"]), unit="events/s")
    rows = [
        floor,
        paired("rebuild of every view", rates["rebuild"], "events/s", floor, rates["read"], ">= 0.3"),
        *_memory(rebuilds[-1], entries),
        *_per_event("read and parse", reads[-1], entries),
        *_per_event("rebuild", rebuilds[-1], entries),
    ]
    return Result(
        name="gateway_rebuild",
        title=f"Rebuild of {engagements:,} views from {entries:,} events",
        repeats=repeats,
        rows=rows,
        notes=_notes(size),
    )


def _memory(one: dict[str, Any], entries: int) -> list[Row]:
    """Memory after each fifth of the log, the later ones against the first, and the process's peak."""
    steps = [next(mb for seen, mb in one["samples"] if seen >= entries * n / 5) for n in (1, 2, 3, 4, 5)]
    first = Row(what="memory of the rebuild, after 1/5", value=round(steps[0], 1), unit="MB")
    later = [
        Row(
            what=f"memory of the rebuild, after {n}/5",
            value=round(mb, 1),
            unit="MB",
            against=first.what,
            ratio=round(mb / steps[0], 3),
            reach=FLAT if n == 5 else None,
        )
        for n, mb in enumerate(steps[1:], 2)
    ]
    return [first, *later, Row(what="memory of the rebuild, peak", value=round(one["peak"], 1), unit="MB")]


def _per_event(side: str, one: dict[str, Any], entries: int) -> list[Row]:
    return [
        Row(what=f"{side}: {whose}", value=round(seconds / entries * 1e6, 1), unit="us/event")
        for whose, seconds in (
            ("own CPU", one["cpu"]),
            ("the database's CPU", one["database"]),
            ("all", one["seconds"]),
        )
    ]


def _notes(size: int) -> tuple[str, ...]:
    return (
        f"{ENTRIES} events an engagement, {OF_A_DOCUMENT} in each document of the log; a view has {size:,} "
        "bytes. All views were dropped before each rebuild, which compares, inserts and marks its place.",
    )


async def _measure(engagements: int, repeats: int) -> tuple[dict[str, list[dict[str, Any]]], int]:
    async with stage() as on:
        database = connect(on.mongo, "gateway")
        await fill(database.db, engagements)
        found: dict[str, list[dict[str, Any]]] = {"read": [], "rebuild": []}
        for _ in range(repeats):
            for side, runs in found.items():
                await database.db["views"].delete_many({})
                runs.append(await _run(on, side))
        one = await database.db["views"].find_one({})
        database.close()
        return found, len(one["view"]) if one else 0


async def _run(on: Stage, side: str) -> dict[str, Any]:
    before = cpu_seconds(on.database_pid)
    done = await asyncio.to_thread(outcome, on.start("rebuild_worker.py", side))
    return {**done, "database": cpu_seconds(on.database_pid) - before}
