"""TCP checks: something accepts connections at host:port."""

import asyncio

from monitoring.adapters.probe_network import ProbeNetwork
from monitoring.adapters.timed import timed
from monitoring.engine.probing import Check
from schemas.monitoring import Probe


class TcpChecks:
    def __init__(self, network: ProbeNetwork) -> None:
        self._network = network

    async def check(self, probe: Probe) -> Check:
        return await timed(lambda: self._connect(probe.target), probe.timeout_seconds)

    async def _connect(self, target: str) -> str:
        host, _, port = target.rpartition(":")
        address = await self._network.address_of(host.strip("[]"), int(port))
        _, writer = await asyncio.open_connection(address, int(port))
        writer.close()
        return f"{target} accepts connections"
