"""The views that clients read, beside the reference fold and beside a rebuild from the log."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from json import loads
from typing import Any

from messaging import Message
from runtime.client import GatewayClient
from testkit.faults.altered import SECOND
from testkit.faults.checks import Finding
from testkit.faults.evidence import READS, Evidence, lag
from testkit.faults.reference import QUERY, differences, fold
from testkit.faults.system import System, altered
from testkit.faults.workload import TENANT

AT_ONCE = 4
CATCH_UP_SECONDS = 120


async def views_equal_reference(evidence: Evidence, client: GatewayClient) -> Finding:
    """Every engagement, as GraphQL shows it, is what the catalogue says its events come to."""
    streams: dict[str, dict[str, Sequence[Message]]] = {}
    for (service, engagement), events in evidence.streams.items():
        streams.setdefault(engagement, {})[service] = events
    places = asyncio.Semaphore(AT_ONCE)

    async def compared(engagement: str) -> list[str]:
        async with places:
            found = (await client.ask(QUERY, id=engagement))["engagement"]
        if found is None:
            return [f"{engagement} has no view"]
        try:
            expected = fold(engagement, TENANT, streams[engagement])
        except (LookupError, TypeError) as missing:
            # Events in a wrong order speak of what is not there yet.
            return [f"{engagement}: an event speaks of what no event before it has said ({missing})"]
        return differences(expected, found, engagement)

    faults = await asyncio.gather(*(compared(engagement) for engagement in sorted(streams)))
    broken = [fault for some in faults for fault in some]
    return Finding("final views are the reference fold", f"{len(streams)} engagements", broken)


async def rebuild_equals(system: System) -> Finding:
    """Every stored view, byte for byte, is what its log folds to anew."""
    env = {**os.environ, **system.specs["gateway"].env}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.rebuild"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    broken = out.decode().splitlines()
    if process.returncode and not broken:
        broken = err.decode().splitlines()[-3:]
    return Finding(
        "the views rebuilt from the log are equal byte for byte", err.decode().strip()[-100:], broken
    )


async def second_equals_first(system: System, ends: dict[tuple[str, int], int]) -> Finding:
    """A gateway with an empty database, which reads all topics from offset 0, shows the same (ADR 0017)."""
    begun = time.monotonic()
    name = await system.add_replica("gateway", altered("second", "gateway"))
    await system.keeper.until_ready(name)
    reads = {SECOND: READS["gateway"]}
    deadline = begun + CATCH_UP_SECONDS
    while time.monotonic() < deadline:
        behind = await lag(system.kafka, ends, reads)
        if not behind[SECOND]:
            break
        await asyncio.sleep(0.5)
    took = time.monotonic() - begun
    first, other = await stored_views(system, "gateway"), await stored_views(system, SECOND)
    await system.keeper.dismiss(name)
    broken = [f"{SECOND} is {behind[SECOND]} records behind"] if behind[SECOND] else []
    broken += [f"{key} is only in one of them" for key in sorted(first.keys() ^ other.keys())]
    for key in sorted(first.keys() & other.keys()):
        broken += [] if first[key] == other[key] else differing(loads(first[key]), loads(other[key]), key)
    looked_at = f"{len(first)} views, {sum(map(len, first.values())) // 1024} kB, read in {took:.1f} s"
    return Finding("a second gateway that begins at offset 0 shows the same bytes", looked_at, broken)


async def stored_views(system: System, database: str) -> dict[str, bytes]:
    handle = system.database(database)
    try:
        return {document["_id"]: document["view"] async for document in handle.db["views"].find({})}
    finally:
        handle.close()


def differing(one: Any, other: Any, at: str) -> list[str]:
    """The places where two JSON documents differ; equal values in another order of keys differ too."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return [fault for name in one for fault in differing(one[name], other[name], f"{at}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [fault for place, (a, b) in pairs for fault in differing(a, b, f"{at}[{place}]")]
    return [] if one == other and not isinstance(one, dict) else [f"{at}: {one!r:.80} and {other!r:.80}"]


class Onlooker:
    """A client that looks at some engagements all the while: no answer may be older than the one before."""

    def __init__(self, client: GatewayClient, engagements: Sequence[str]) -> None:
        self._client, self._engagements = client, engagements
        self._cursors: dict[str, int] = {}
        self.looks = 0
        self.broken: list[str] = []

    async def look_for_ever(self) -> None:
        while True:
            for engagement in self._engagements:
                found = await self._cursor(engagement)
                before = self._cursors.get(engagement, 0)
                if found is not None and found < before:
                    self.broken.append(f"{engagement} went back from {before} to {found}")
                self._cursors[engagement] = max(before, found or 0)
            await asyncio.sleep(0.3)

    async def _cursor(self, engagement: str) -> int | None:
        try:
            answer: Mapping[str, dict[str, int] | None] = await self._client.ask(
                "query($id: ID!) { engagement(id: $id) { cursor } }", id=engagement
            )
        except Exception:  # the gateway is being killed: no answer is no wrong answer
            return None
        self.looks += 1
        view = answer["engagement"]
        return view["cursor"] if view else None

    def finding(self) -> Finding:
        return Finding("no client sees a view go back", f"{self.looks} looks", self.broken)
