"""Clients that know CloudEvents but not us publish to us and read us."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas import intake
from testkit.backbone import Backbone
from testkit.register import register_service, stakeholder


def _event(identity: str, name: str) -> CloudEvent:
    attributes = {
        "id": identity,
        "source": "/crm",
        "type": "intake.register_stakeholder.v1",
        "specversion": "1.0",
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
        "partitionkey": "ENG-TEST1",
        "engagement": "ENG-TEST1",
        "tenant": "acme",
    }
    return CloudEvent(attributes, json.loads(stakeholder(name).model_dump_json()))


def _produce(address: str, *messages: KafkaMessage) -> None:
    producer = Producer({"bootstrap.servers": address})
    for message in messages:
        headers = list(message.headers.items())
        producer.produce("intake.commands", message.value, message.key, headers=headers)
    assert producer.flush(10) == 0


def _consume(address: str, topic: str, count: int) -> list[Any]:
    # Assigned by hand: joining a group takes seconds on the embedded broker and is not the point here.
    consumer = Consumer({"bootstrap.servers": address, "group.id": "foreign"})
    partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Any] = []
    for _ in range(50):
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message)
        if len(found) == count:
            break
    consumer.close()
    return found


def _kcat_environment(scratch: Path) -> dict[str, str]:
    """Debian 12's librdkafka 2.0 cannot read the embedded broker's ApiVersions: kcat is lent a newer one."""
    wheel = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (scratch / "librdkafka.so.1").symlink_to(next(wheel.glob("librdkafka*.so*")))
    return {**os.environ, "LD_LIBRARY_PATH": f"{scratch}:{wheel}"}


@pytest.mark.parametrize("mode", [to_binary, to_structured])
async def test_the_cloudevents_package_over_librdkafka_publishes_and_reads(
    backbone: Backbone, mode: Callable[..., KafkaMessage]
) -> None:
    address = backbone.kafka.bootstrap_servers
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        await asyncio.to_thread(_produce, address, mode(_event("crm-1", "Łukasz-1"[1:]), JSONFormat()))
        await tail.until(lambda t: len(t.messages) == 1)
        [raw] = await asyncio.to_thread(_consume, address, "intake.events", 1)

    read = from_binary(KafkaMessage(dict(raw.headers()), raw.key(), raw.value()), JSONFormat())
    assert read.get_id() == "ENG-TEST1/intake/1"
    assert read.get_type() == "intake.stakeholder_registered.v1"
    assert read.get_source() == "/throughline/intake"
    assert read.get_extension("causationid") == "crm-1"
    assert read.get_extension("engagement") == raw.key().decode()
    assert intake.StakeholderRegistered.model_validate(read.get_data()).stakeholder.id == "ukasz-1"


@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed (Debian package kcat)")
async def test_kcat_publishes_and_reads(backbone: Backbone, tmp_path: Path) -> None:
    address = backbone.kafka.bootstrap_servers
    env = _kcat_environment(tmp_path)
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": "kcat-1",
        "ce_source": "/kcat",
        "ce_type": "intake.register_stakeholder.v1",
        "ce_engagement": "ENG-TEST1",
        "ce_tenant": "acme",
        "content-type": "application/json",
    }
    flags = [flag for name, value in attributes.items() for flag in ("-H", f"{name}={value}")]
    publish = ["kcat", "-P", "-b", address, "-t", "intake.commands", "-k", "ENG-TEST1", *flags]
    read = ["kcat", "-C", "-b", address, "-t", "intake.events", "-o", "beginning", "-e", "-f", "%k %h %s\n"]
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        body = stakeholder("anna").model_dump_json().encode()
        await asyncio.to_thread(subprocess.run, publish, input=body, check=True, timeout=20, env=env)
        await tail.until(lambda t: len(t.messages) == 1)
        shown = await asyncio.to_thread(
            subprocess.run, read, capture_output=True, check=True, timeout=20, text=True, env=env
        )

    assert shown.stdout.startswith("ENG-TEST1 ce_specversion=1.0,ce_id=ENG-TEST1/intake/1,")
    assert '"name":"anna"' in shown.stdout
