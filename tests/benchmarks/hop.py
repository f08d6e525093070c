"""One hop through a service, against a bare consumer and producer of the same messages on the same broker."""

import asyncio
from statistics import median

from form import Result, Row, paired
from hop_worker import BARE_IN, BARE_OUT
from intake_load import openings, statements
from stage import Stage, outcome, stage

ENGAGEMENTS = 200
EVENTS_OF_AN_OPENING = 3
TRACED, UNTRACED = "1", "0"
HOP = "hop: consume, decide, commit, publish"
NOTES = (
    "Each side is a process; timed from its first batch in hand to the last acknowledgement.",
    "A statement is a command of about 900 bytes to intake, and an event of the same size comes out.",
    "The database syncs every write to disk: one commit document per engagement and batch, so 200 of them "
    "for 500 messages.",
    "Every message has two spans when all flows are traced; the two rows differ by what they cost.",
)


def run(quick: bool, kafka: str = "embedded", reach: str = ">= 0.12") -> Result:
    """`reach` is for the hop with every flow traced: what a user runs."""
    count, repeats = (2_000, 1) if quick else (20_000, 5)
    found = asyncio.run(_measure(kafka, count, repeats))
    floor = Row(what="bare consume + produce", value=median(found["bare"]), unit="msg/s")
    rows = [
        floor,
        paired(HOP, found[TRACED], "msg/s", floor, found["bare"], reach),
        paired(f"{HOP}, no flow traced", found[UNTRACED], "msg/s", floor, found["bare"]),
    ]
    return Result(
        name="hop" if kafka == "embedded" else f"hop_{kafka}",
        title=f"One hop on {kafka} Kafka, {count:,} commands of {ENGAGEMENTS} engagements, 500 a batch",
        repeats=repeats,
        rows=rows,
        notes=NOTES,
    )


async def _measure(kafka: str, count: int, repeats: int) -> dict[str, list[float]]:
    async with stage(kafka) as on:
        await prepare(on, ENGAGEMENTS)
        found: dict[str, list[float]] = {"bare": [], TRACED: [], UNTRACED: []}
        for number in range(repeats):
            found["bare"].append(await bare_rate(on, count, f"b{number}"))
            for sampled in (TRACED, UNTRACED):
                found[sampled].append(
                    await hop_rate(on, count, ENGAGEMENTS, f"s{number}{sampled}", sampled=sampled)
                )
        return found


async def prepare(on: Stage, engagements: int) -> None:
    """Topics, and open engagements."""
    await on.make_topics(BARE_IN, BARE_OUT)
    await on.fill("intake.commands", openings(engagements))
    await _timed(on, "service", engagements * EVENTS_OF_AN_OPENING)


async def bare_rate(on: Stage, count: int, label: str) -> float:
    """Messages per second of the floor."""
    await on.fill(BARE_IN, statements(count, ENGAGEMENTS, label))
    return count / await _timed(on, "bare", count)


async def hop_rate(on: Stage, count: int, engagements: int, label: str, sampled: str = TRACED) -> float:
    """Messages per second of the service."""
    await on.fill("intake.commands", statements(count, engagements, label))
    return count / await _timed(on, "service", count, OTEL_TRACES_SAMPLER_ARG=sampled)


async def _timed(on: Stage, side: str, count: int, **environment: str) -> float:
    process = on.start("hop_worker.py", side, str(count), **environment)
    return float((await asyncio.to_thread(outcome, process))["seconds"])
