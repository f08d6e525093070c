"""Several processes of one service: partitions move between them, and nothing is lost or done twice."""

import asyncio
from collections import Counter

import httpx

from schemas import intake
from testkit.backbone import Backbone
from testkit.register import register_service, stakeholder

ENGAGEMENTS = [f"ENG-R{number:03}" for number in range(20)]


async def test_a_second_replica_joining_and_leaving_changes_no_outcome(backbone: Backbone) -> None:
    async def publish() -> None:
        for round_number in range(30):
            for engagement in ENGAGEMENTS:
                await backbone.send(stakeholder(f"n{round_number}"), engagement=engagement)
            await asyncio.sleep(0.1)

    async with backbone.tail("intake.events") as tail, backbone.running(register_service()):
        publishing = asyncio.create_task(publish())
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(t.records) > 200)
        await publishing
        await tail.until(lambda t: len({m.envelope.id for m in t.messages}) == 600, 60)

    for engagement in ENGAGEMENTS:
        mine = [m for m in tail.messages if m.envelope.engagement == engagement]
        first_seen = list(dict.fromkeys(m.envelope.sequence for m in mine))
        assert first_seen == list(range(1, 31))
        names = {m.envelope.sequence: m.payload.stakeholder.id for m in mine}
        assert [names[n] for n in range(1, 31)] == [f"n{n}" for n in range(30)]
    assert Counter(type(m.payload) for m in tail.messages).keys() == {intake.StakeholderRegistered}


async def test_readiness_tells_what_is_missing(backbone: Backbone) -> None:
    async with backbone.running(register_service()) as app, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{app.port}"
        answers = []
        for _ in range(200):
            answers.append(await client.get(f"{base}/health/ready"))
            if answers[-1].status_code == 200:
                break
            await asyncio.sleep(0.05)
        live = await client.get(f"{base}/health/live")
        metrics = await client.get(f"{base}/metrics")

    assert answers[-1].status_code == 200
    waiting = [answer.json() for answer in answers if answer.status_code == 503]
    assert all("waiting for partition assignment" in answer["consumer"] for answer in waiting)
    assert live.status_code == 200
    assert "throughline_consumer_lag_messages" in metrics.text
