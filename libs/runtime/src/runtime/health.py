"""Whether a stack that says it is running really answers, process by process."""

import asyncio

from runtime.ports import HOST
from runtime.readiness import cluster_id, http_ready, mongo_ready
from runtime.state import RunState


async def check(state: RunState) -> dict[str, str]:
    """Every process to "" when healthy, else to what is wrong with it. All are asked at once."""
    names = list(state.ports)
    found = await asyncio.gather(*(_check(name, state) for name in names))
    return dict(zip(names, found, strict=True))


async def _check(name: str, state: RunState) -> str:
    port = state.ports[name]
    if name == "kafka":
        found = await cluster_id(f"{HOST}:{port}")
        if found is None:
            return f"no answer from {HOST}:{port}"
        return "" if found == state.cluster else f"answers as cluster {found!r}"
    if name == "mongo":
        return await mongo_ready(HOST, port)()
    path = "/api/v3/services" if name == "jaeger" else "/health/ready"
    return await http_ready(f"http://{HOST}:{port}{path}")()
