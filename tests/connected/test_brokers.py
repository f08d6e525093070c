"""Three brokers, one or two of them killed: what is acknowledged stays, and nothing else is acknowledged."""

import asyncio
import subprocess
from collections import defaultdict
from collections.abc import Iterator

import pytest

from messaging.producer import NotPublished
from runtime.apache_kafka import home, java_command
from schemas import intake
from testkit.apache import Cluster
from testkit.backbone import Backbone, Tail
from testkit.register import register_service, stakeholder

pytestmark = pytest.mark.timeout(240)

ENGAGEMENTS = [f"ENG-B{number:03}" for number in range(10)]
ROUNDS = 30


@pytest.fixture
def cluster(apache_cluster: Cluster | None) -> Iterator[Cluster]:
    if apache_cluster is None or len(apache_cluster.numbers) < 3:
        pytest.skip("needs three Apache brokers: make test-real")
    yield apache_cluster
    apache_cluster.revive()


async def acknowledged(backbone: Backbone, name: str, engagement: str) -> str:
    """The command's id, once the brokers have it: sent again under the same id until they say so."""
    identity = f"{engagement}-{name}"
    while True:
        try:
            await backbone.send(stakeholder(name), engagement=engagement, id=identity)
        except NotPublished:
            await asyncio.sleep(0.2)
        else:
            return identity


async def kill_each_in_turn(cluster: Cluster) -> None:
    for number in cluster.numbers:
        await asyncio.sleep(2)
        await asyncio.to_thread(cluster.kill, number)
        await asyncio.sleep(4)
        await asyncio.to_thread(cluster.revive)


def registered(tail: Tail) -> dict[str, dict[int, str | None]]:
    """What each command led to, by engagement and sequence."""
    found: dict[str, dict[int, str | None]] = defaultdict(dict)
    for message in tail.of(intake.StakeholderRegistered):
        about = message.envelope
        assert about.sequence is not None
        found[about.engagement].setdefault(about.sequence, about.causation)
    return found


async def test_brokers_killed_one_after_another_cost_nothing(backbone: Backbone, cluster: Cluster) -> None:
    sent: dict[str, list[str]] = defaultdict(list)
    async with backbone.tail("intake.events") as tail, backbone.running(register_service()):
        killing = asyncio.create_task(kill_each_in_turn(cluster))
        for number in range(ROUNDS):
            for engagement in ENGAGEMENTS:
                sent[engagement].append(await acknowledged(backbone, f"n{number}", engagement))
            await asyncio.sleep(0.5)
        await killing
        await tail.until(lambda t: sum(map(len, registered(t).values())) == ROUNDS * len(ENGAGEMENTS), 60)

    for engagement, by_sequence in registered(tail).items():
        assert [by_sequence[number] for number in sorted(by_sequence)] == sent[engagement]
        assert sorted(by_sequence) == list(range(1, ROUNDS + 1))
    assert {type(message.payload) for message in tail.messages} == {intake.StakeholderRegistered}


async def test_one_broker_of_three_acknowledges_nothing(backbone: Backbone, cluster: Cluster) -> None:
    async with backbone.tail("intake.events") as tail, backbone.running(register_service()):
        await acknowledged(backbone, "before", ENGAGEMENTS[0])
        await tail.until(lambda t: len(t.messages) == 1)
        for number in cluster.numbers[1:]:
            await asyncio.to_thread(cluster.kill, number)

        with pytest.raises(NotPublished):
            await backbone.send(stakeholder("alone"), engagement=ENGAGEMENTS[0], id="alone")

        await asyncio.to_thread(cluster.revive)
        await acknowledged(backbone, "after", ENGAGEMENTS[0])
        await tail.until(lambda t: registered(t)[ENGAGEMENTS[0]].get(2) is not None, 60)


async def test_a_producer_numbers_what_it_sends(backbone: Backbone, cluster: Cluster) -> None:
    """A broker drops what a producer repeats only when the batch carries the producer's id."""
    async with backbone.tail("intake.events") as tail, backbone.running(register_service()):
        await acknowledged(backbone, "anna", ENGAGEMENTS[0])
        await tail.until(lambda t: len(t.messages) == 1)

    files = ",".join(map(str, [*cluster.segments("intake.commands"), *cluster.segments("intake.events")]))
    dump = java_command(home(), "kafka.tools.DumpLogSegments", "--files", files)
    said = await asyncio.to_thread(subprocess.check_output, dump, text=True, timeout=60)
    batches = [line for line in said.splitlines() if line.startswith("baseOffset")]
    assert batches
    assert [line for line in batches if "producerId: -1 " in line] == []
