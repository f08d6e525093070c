"""The views that clients read, beside the reference fold and beside a rebuild from the log."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from messaging import Message
from runtime.client import GatewayClient
from testkit.faults.checks import Finding
from testkit.faults.evidence import Evidence
from testkit.faults.reference import QUERY, differences, fold
from testkit.faults.system import System
from testkit.faults.workload import TENANT

AT_ONCE = 4


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
        return differences(fold(engagement, TENANT, streams[engagement]), found, engagement)

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
