"""The hop with few and with many engagements in flight, against 200 of them."""

import asyncio
from statistics import median

from form import Result, Row, paired
from hop import ENGAGEMENTS, hop_rate, prepare
from stage import stage

OTHERS = (10, 1_000, 10_000)
NOTES = (
    "A batch ends in one commit document for each engagement it touches: 10 in flight write 10 for 500 "
    "messages, 10,000 write 500, and each of those streams is first read from the store.",
)


def run(quick: bool) -> Result:
    count, repeats = (2_000, 1) if quick else (20_000, 3)
    found = asyncio.run(_measure(count, repeats))
    floor = Row(what=_what(ENGAGEMENTS), value=median(found[ENGAGEMENTS]), unit="msg/s")
    rows = [paired(_what(n), found[n], "msg/s", floor, found[ENGAGEMENTS], ">= 0.5") for n in OTHERS]
    return Result(
        name="hop_in_flight",
        title=f"One hop, {count:,} commands, by the number of engagements in flight",
        repeats=repeats,
        rows=[floor, *rows],
        notes=NOTES,
    )


def _what(engagements: int) -> str:
    return f"hop with {engagements:,} engagements in flight"


async def _measure(count: int, repeats: int) -> dict[int, list[float]]:
    async with stage() as on:
        await prepare(on, max(OTHERS))
        found: dict[int, list[float]] = {n: [] for n in (ENGAGEMENTS, *OTHERS)}
        for number in range(repeats):
            for engagements, rates in found.items():
                rates.append(await hop_rate(on, count, engagements, f"f{number}-{engagements}"))
        return found
