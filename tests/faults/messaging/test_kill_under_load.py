"""A service is killed or frozen again and again under load: nothing lost, nothing twice, order kept."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import pytest

from schemas import intake
from testkit.backbone import Backbone, Tail
from testkit.register import stakeholder

pytestmark = pytest.mark.timeout(150)

SEED = 20261123
ENGAGEMENTS = [f"ENG-F{number:03}" for number in range(25)]
ROUNDS = 16
KILLS = 4
FREEZES = 3
Process = subprocess.Popen[bytes]
Disturb = Callable[[Backbone, random.Random], Awaitable[list[Process]]]


def _start(backbone: Backbone) -> Process:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": backbone.kafka.bootstrap_servers,
        "KAFKA_PROFILE": backbone.kafka.profile.value,
        "KAFKA_PARTITIONS": "3",
        "KAFKA_SESSION_TIMEOUT_MS": "2000",
        "KAFKA_FETCH_WAIT_MS": "20",
        "MONGO_URL": backbone.mongo.url,
        "MONGO_DATABASE_PREFIX": backbone.mongo.database_prefix,
    }
    silent = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "testkit.register"], env=environment, stdout=silent)


async def _load(backbone: Backbone, choice: random.Random) -> dict[str, list[str]]:
    """Commands, some sent twice, and poison in between; returns the ids sent to each engagement, in order."""
    sent: dict[str, list[str]] = defaultdict(list)
    for round_number in range(ROUNDS):
        for engagement in ENGAGEMENTS:
            identity = f"{engagement}-{round_number}"
            await backbone.send(stakeholder(f"n{round_number}"), engagement=engagement, id=identity)
            sent[engagement].append(identity)
            if choice.random() < 0.05:
                again = choice.randrange(round_number + 1)
                command = stakeholder(f"n{again}")
                await backbone.send(command, engagement=engagement, id=f"{engagement}-{again}")
            if choice.random() < 0.01:
                await backbone.send_raw("intake.commands", engagement.encode(), b"{", [])
                sent["poison"].append(identity)
        await asyncio.sleep(0.5)
    return sent


async def _kill_again_and_again(backbone: Backbone, choice: random.Random) -> list[Process]:
    process = _start(backbone)
    for _ in range(KILLS):
        await asyncio.sleep(choice.uniform(2.5, 6.0))
        process.kill()
        process.wait()
        process = _start(backbone)
    return [process]


async def _freeze_in_turn(backbone: Backbone, choice: random.Random) -> list[Process]:
    """Two replicas; each is frozen for longer than its session lasts, and wakes up as a zombie."""
    replicas = [_start(backbone), _start(backbone)]
    for turn in range(FREEZES):
        await asyncio.sleep(choice.uniform(2.0, 4.0))
        frozen = replicas[turn % 2]
        frozen.send_signal(signal.SIGSTOP)
        await asyncio.sleep(4.0)
        frozen.send_signal(signal.SIGCONT)
    return replicas


def _answered(tail: Tail) -> set[str | None]:
    return {m.envelope.causation for m in tail.of(intake.StakeholderRegistered)}


@pytest.mark.parametrize("disturb", [_kill_again_and_again, _freeze_in_turn])
async def test_every_command_takes_effect_once_and_in_order(backbone: Backbone, disturb: Disturb) -> None:
    async with backbone.tail("intake.events", "intake.dead") as tail:
        disturbing = asyncio.create_task(disturb(backbone, random.Random(SEED)))
        sent = await _load(backbone, random.Random(SEED))
        poison = sent.pop("poison")
        processes = await disturbing
        expected = {identity for ids in sent.values() for identity in ids}
        try:
            await tail.until(lambda t: _answered(t) >= expected, 60)
        finally:
            for process in processes:
                process.terminate()
                process.wait(30)

    for engagement, ids in sent.items():
        first: dict[int, str | None] = {}
        for message in tail.of(intake.StakeholderRegistered):
            if message.envelope.engagement == engagement and message.envelope.sequence is not None:
                first.setdefault(message.envelope.sequence, message.envelope.causation)
        assert sorted(first) == list(range(1, ROUNDS + 1))
        assert [first[n] for n in sorted(first)] == ids
    assert {type(m.payload) for m in tail.messages} == {intake.StakeholderRegistered}
    dead = Counter(dict(r.headers)["dl-id"] for r in tail.records if r.topic == "intake.dead")
    assert len(dead) == len(poison)
