"""One hop through a service, against a bare consumer and producer of the same messages on the same broker."""

import asyncio

from form import Result, Row, paired
from hop_worker import BARE_IN, BARE_OUT
from intake_load import openings, statements
from stage import Stage, outcome, stage

ENGAGEMENTS = 200
NOTES = ()


def run(quick: bool) -> Result:
    count, repeats = (2_000, 1) if quick else (20_000, 5)
    hops, floors = asyncio.run(_measure(count, repeats, ENGAGEMENTS))
    floor = Row(what="bare consume + produce", value=sorted(floors)[len(floors) // 2], unit="msg/s")
    rows = [
        floor,
        paired("hop: consume, decide, commit, publish", hops, "msg/s", floor, floors, ">= 0.12"),
    ]
    return Result(
        name="hop",
        title=f"One hop, {count:,} commands of {ENGAGEMENTS} engagements in batches of 500",
        repeats=repeats,
        rows=rows,
        notes=NOTES,
    )


async def _measure(count: int, repeats: int, engagements: int) -> tuple[list[float], list[float]]:
    async with stage() as on:
        await on.make_topics(BARE_IN, BARE_OUT)
        await prepare(on, engagements)
        hops, floors = [], []
        for number in range(repeats):
            label = f"r{number}"
            await on.fill(BARE_IN, statements(count, engagements, label))
            floors.append(count / await timed(on, "bare", count))
            await on.fill("intake.commands", statements(count, engagements, label))
            hops.append(count / await timed(on, "service", count))
        return hops, floors


async def prepare(on: Stage, engagements: int) -> None:
    """Open the engagements, so that what is measured finds them."""
    await on.fill("intake.commands", openings(engagements))
    # Each opening publishes the engagement, a stakeholder and a session.
    await timed(on, "service", engagements * 3)


async def timed(on: Stage, side: str, count: int) -> float:
    process = on.start("hop_worker.py", side, str(count))
    found = await asyncio.to_thread(outcome, process)
    return float(found["seconds"])
