"""The first-event examples: what they send is a message we read, byte for byte as a newcomer sends it."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from starlette.datastructures import Headers

from gateway.edge.cloudevents import read_events
from messaging.envelope import Message, decode
from schemas.inbound import SamplesTaken

FOLDER = Path(__file__).parents[3] / "examples" / "first-event"
TOPIC, ENGAGEMENT = "monitoring.samples", "ENG-TEST1"


@pytest.fixture
def topic(kafka_address: str) -> str:
    admin = AdminClient({"bootstrap.servers": kafka_address})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(10)
    return kafka_address


@pytest.fixture
def newer_librdkafka(tmp_path: Path) -> dict[str, str]:
    """Debian 12's librdkafka 2.0 cannot read the embedded broker's ApiVersions: kcat is lent a newer one."""
    wheel = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (tmp_path / "librdkafka.so.1").symlink_to(next(wheel.glob("librdkafka*.so*")))
    return {"LD_LIBRARY_PATH": f"{tmp_path}:{wheel}"}


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "over_kafka.py"),
        pytest.param(
            ("sh", "over_kcat.sh"),
            marks=pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed"),
        ),
    ],
    ids=["confluent-kafka", "kcat"],
)
def test_an_event_sent_straight_to_kafka_is_read(
    topic: str, command: Sequence[str], newer_librdkafka: dict[str, str]
) -> None:
    environment = {**os.environ, **newer_librdkafka} if command[0] == "sh" else None
    subprocess.run([*command, ENGAGEMENT, topic], cwd=FOLDER, check=True, timeout=30, env=environment)

    envelope, payload = (message := _received(topic)).envelope, message.payload

    assert (envelope.engagement, envelope.tenant) == (ENGAGEMENT, "demo")
    assert isinstance(payload, SamplesTaken)
    assert (payload.series, payload.component) == ("erp_response_ms", "erp")


def test_an_event_posted_is_what_the_gateway_reads() -> None:
    taken: list[tuple[dict[str, str], bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        command = [sys.executable, "over_http.py", ENGAGEMENT, "a-token", url]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=30)

    headers, body = taken[0]
    posted = read_events(Headers(headers), body)
    assert headers["Authorization"] == "Bearer a-token"
    assert [one.engagement for one in posted] == [ENGAGEMENT]
    assert isinstance(posted[0].event, SamplesTaken)


def _received(address: str) -> Message:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "newcomer"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    try:
        for _ in range(100):
            record = consumer.poll(0.2)
            if record is not None and record.error() is None:
                pairs = dict(record.headers() or []).items()
                headers = [(name, value) for name, value in pairs if isinstance(value, bytes)]
                return decode(TOPIC, record.key(), record.value(), headers, 1_000_000)
    finally:
        consumer.close()
    raise AssertionError("nothing arrived")
