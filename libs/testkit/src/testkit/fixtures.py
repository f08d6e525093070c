"""Pytest fixtures around the servers that --kafka and --mongo name; a conftest imports what it needs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.metadata import MetadataRequest

from messaging.security import client_arguments
from messaging.settings import KafkaProfile, KafkaSettings
from persistence import watching
from testkit import servers
from testkit.apache import Cluster, apache_kafka
from testkit.backbone import Backbone
from testkit.backbone import backbone as make_backbone
from testkit.java_mongo import java_mongo
from testkit.mongo import external
from testkit.mongo.documented import features
from testkit.mongo.recording import Unlisted
from testkit.options import BROKERS

STARTED = {"embedded": servers.mongo, "java": java_mongo}


@pytest.fixture(scope="session")
def unlisted() -> Iterator[Unlisted]:
    with watching(found := Unlisted(frozenset(features()))):
        yield found


@pytest.fixture(autouse=True)
def only_listed_is_sent(unlisted: Unlisted) -> Iterator[None]:
    """Fails the test in whose time a database was sent what docs/reference/mongodb.md does not list."""
    yield
    if found := unlisted.take():
        pytest.fail(f"not in testkit.mongo.documented: {', '.join(found)}", pytrace=False)


@pytest.fixture(scope="session")
def mongo_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """One database server for the whole run; tests keep apart by database names."""
    server = request.config.getoption("--mongo")
    if server in STARTED:
        with STARTED[server]() as url:
            yield url
        return
    spoken_to = request.getfixturevalue("unlisted").databases
    yield server
    asyncio.run(external.remove(server, spoken_to))


@pytest.fixture(scope="session")
def apache_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """One cluster for the whole run: it starts in seconds. None on the embedded broker."""
    count = BROKERS[request.config.getoption("--kafka")]
    if not count:
        yield None
        return
    with apache_kafka(count) as cluster:
        yield cluster


@pytest.fixture
def kafka_address(apache_cluster: Cluster | None) -> Iterator[str]:
    """An empty broker for each test: the embedded one starts in milliseconds, Apache's is emptied."""
    if apache_cluster is None:
        with servers.kafka() as address:
            yield address
        return
    asyncio.run(_emptied(apache_cluster.addresses))
    yield apache_cluster.addresses


@pytest.fixture
async def backbone(
    kafka_address: str, mongo_url: str, apache_cluster: Cluster | None
) -> AsyncIterator[Backbone]:
    profile = KafkaProfile.EMBEDDED if apache_cluster is None else KafkaProfile.APACHE
    replicas = 1 if apache_cluster is None else len(apache_cluster.numbers)
    async with make_backbone(kafka_address, mongo_url, profile=profile, replication_factor=replicas) as made:
        yield made


async def _emptied(addresses: str) -> None:
    """Topics and groups go, and are gone before the test creates its own."""
    admin = AIOKafkaAdminClient(**client_arguments(KafkaSettings(bootstrap_servers=addresses)))
    await admin.start()
    try:
        if groups := [name for name, _ in await admin.list_consumer_groups()]:
            with suppress(Exception):
                await admin.delete_consumer_groups(groups)
        topics = [name for name in await admin.list_topics() if not name.startswith("__")]
        if topics:
            await admin.delete_topics(topics)
        brokers = [broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]]
        while await _remembered(admin, brokers):  # noqa: ASYNC110 - servers of others
            await asyncio.sleep(0.05)
    finally:
        await asyncio.wait_for(admin.close(), 5)


async def _remembered(admin: AIOKafkaAdminClient, brokers: list[int]) -> set[str]:
    """Topics that some broker still lists: each hears of a deletion in its own time."""
    asked = [admin._client.send(broker, MetadataRequest(None)) for broker in brokers]
    told = [answer.to_object()["topics"] for answer in await asyncio.gather(*asked)]
    return {topic["topic"] for topics in told for topic in topics if not topic["topic"].startswith("__")}
