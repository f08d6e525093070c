"""Six hops on an idle stack: a command through GraphQL, five services, and the view that answers.

intake.commands -> intake.events -> design.events -> provisioning.events -> migration.events ->
monitoring.events -> gateway. Against it: six bare produce-consume hops with the same client settings.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from form import Result, Row
from intake_load import TENANT, engagement, openings
from stage import Stage, free_port, stage, until_ready

from runtime.client import GatewayClient
from runtime.tokens import ROLES, ensure_key, mint

CHAIN = ("intake", "design", "provisioning", "migration", "monitoring")
LAST = "monitoring.command_had_no_effect.v1"
HOPS = 6
NOTES = (
    "A bare hop on the embedded broker is its long poll: it answers a part of fetch_max_wait_ms late.",
    "A hop of ours adds one insert that is synced to disk, the broker's acknowledgement, and two spans.",
)


def run(quick: bool) -> Result:
    count = 20 if quick else 100
    flows, hops = asyncio.run(_measure(count))
    sums = [sum(hops[i : i + HOPS]) for i in range(0, len(hops), HOPS)]
    floor = Row(what="six bare hops, p50", value=round(median(sums), 2), unit="ms")
    row = Row(
        what="six-hop flow, command to answered view, p50",
        value=round(median(flows), 2),
        unit="ms",
        against=floor.what,
        ratio=round(median(flows) / median(sums), 3),
        reach="<= 3",
    )
    high = Row(what="six-hop flow, p95", value=round(quantiles(flows, n=20)[-1], 2), unit="ms")
    return Result(
        name="flow",
        title=f"Six hops on an idle stack, {count} commands one after the other",
        repeats=count,
        rows=[floor, row, high],
        notes=NOTES,
    )


async def _measure(count: int) -> tuple[list[float], list[float]]:
    async with stage() as on:
        await on.make_topics("bare.hop")
        await on.fill("intake.commands", openings(1))
        async with _chain(on) as client:
            flows = [await _flow(client, number) for number in range(count + 5)][5:]
            hops = await _bare_hops(on, count * HOPS)
        return flows, hops


@asynccontextmanager
async def _chain(on: Stage) -> AsyncIterator[GatewayClient]:
    """Intake, four links and the gateway, all ready; then a client of it."""
    with ExitStack() as stack, TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        ensure_key(key)
        ports = {name: free_port() for name in (*CHAIN, "gateway")}
        for name, upstream in [("intake", ""), *((b, a) for a, b in pairwise(CHAIN))]:
            words = ("-m", "intake") if not upstream else ("chain_worker.py", name, upstream)
            stack.enter_context(on.process(*words, HTTP_PORT=str(ports[name])))
        stack.enter_context(
            on.process("-m", "gateway", HTTP_PORT=str(ports["gateway"]), GATEWAY_JWT_KEY_FILE=str(key))
        )
        await until_ready(ports.values())
        token = mint(key, tenant=TENANT, actor="bench", roles=ROLES)
        url = f"http://127.0.0.1:{ports['gateway']}"
        async with GatewayClient(url, token, retry_seconds=20) as client:
            await _opened(client)
            yield client


async def _opened(client: GatewayClient) -> None:
    found = None
    while found is None:
        await asyncio.sleep(0.1)
        found = (await client.ask(CURSOR, id=engagement(0)))["engagement"]


CURSOR = "query($id: ID!) { engagement(id: $id) { cursor } }"


async def _flow(client: GatewayClient, number: int) -> float:
    """Milliseconds from the mutation to a query's answer that holds the last link's event."""
    before = (await client.ask(CURSOR, id=engagement(0)))["engagement"]["cursor"]
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    person = {
        "stakeholder": {"id": f"p{number}", "name": "Anna", "role": "it", "department": "IT"},
    }
    sent = asyncio.create_task(client.submit("intake.register_stakeholder", person, engagement=engagement(0)))
    async with aclosing(client.changes(engagement(0), before)) as changes:
        async for change in changes:
            if change["entry"]["type"] == LAST.removesuffix(".v1"):
                break
    await client.ask(CURSOR, id=engagement(0))
    took = (time.perf_counter() - began) * 1000
    await sent
    return took


async def _bare_hops(on: Stage, count: int) -> list[float]:
    """Milliseconds from a send to the record in a consumer's hands, one after the other."""
    settings = on.kafka
    consumer = AIOKafkaConsumer(
        "bare.hop", bootstrap_servers=settings.bootstrap_servers, fetch_max_wait_ms=settings.fetch_wait_ms
    )
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, acks="all", linger_ms=1)
    await producer.start()
    await consumer.start()
    try:
        await producer.send_and_wait("bare.hop", b"warm", key=b"k")
        await consumer.getone()
        took = []
        for _ in range(count):
            await asyncio.sleep(0.01)
            began = time.perf_counter()
            await producer.send("bare.hop", b"x" * 1000, key=b"k")
            await consumer.getone()
            took.append((time.perf_counter() - began) * 1000)
        return took
    finally:
        await consumer.stop()
        await producer.stop()
