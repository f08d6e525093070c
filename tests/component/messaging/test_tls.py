"""Every client of the backbone speaks mutual TLS when the environment says so, and nothing else gets in."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from aiokafka.errors import KafkaError

from gateway.adapters.kafka_dead_letters import KafkaDeadLetters
from messaging import KafkaSettings, NotPublished, Producer, Record
from messaging.topics import apply
from runtime.kafka_tail import tail_topics
from runtime.ports import HOST
from schemas import intake
from testkit import servers
from testkit.backbone import backbone as make_backbone
from testkit.register import register_service, stakeholder

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    issued = AUTHORITY.issue_cert("intake")
    AUTHORITY.cert_pem.write_to_path(str(folder / "ca.crt"))
    trustme.CA().cert_pem.write_to_path(str(folder / "foreign-ca.crt"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "user.crt"))
    issued.private_key_pem.write_to_path(str(folder / "user.key"))
    return folder


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, certificates: Path) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KAFKA_SSL_CA_FILE", str(certificates / "ca.crt"))
    monkeypatch.setenv("KAFKA_SSL_CERTIFICATE_FILE", str(certificates / "user.crt"))
    monkeypatch.setenv("KAFKA_SSL_KEY_FILE", str(certificates / "user.key"))


@pytest.fixture
def plain() -> Iterator[tuple[str, int]]:
    """The embedded broker, which knows no TLS, and the port it tells its clients to come to."""
    door = servers.free_port()
    with servers.kafka(advertised=door) as address:
        yield address, door


@pytest.fixture
async def guarded(plain: tuple[str, int]) -> AsyncIterator[str]:
    address, door = plain
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(HOST).configure_cert(context)
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection(*address.split(":"))
        await asyncio.gather(_copy(reader, inner[1]), _copy(inner[0], writer))

    server = await asyncio.start_server(pass_on, HOST, door, ssl=context)
    yield f"{HOST}:{door}"
    server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.usefixtures("environment")
async def test_topics_commands_and_events_go_over_mutual_tls(guarded: str, mongo_url: str) -> None:
    async with make_backbone(guarded, mongo_url) as backbone, backbone.tail("intake.events") as tail:
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("anna"))
            await tail.until(lambda t: bool(t.of(intake.StakeholderRegistered)))

    assert len(tail.of(intake.StakeholderRegistered)) == 1


@pytest.mark.usefixtures("environment")
async def test_dead_letters_are_written_and_read_over_mutual_tls(guarded: str, mongo_url: str) -> None:
    seen: asyncio.Queue[Record] = asyncio.Queue()

    async with make_backbone(guarded, mongo_url) as backbone:
        letters = KafkaDeadLetters(backbone.kafka, ["intake.dead"], seen.put)
        async with letters.running(), backbone.running(register_service()):
            await backbone.send_raw("intake.commands", b"ENG-1", b"not json", [])
            record = await asyncio.wait_for(seen.get(), 25)

    assert record.value == b"not json"


@pytest.mark.usefixtures("environment")
async def test_the_command_line_reads_the_log_over_mutual_tls(
    guarded: str, mongo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with make_backbone(guarded, mongo_url) as backbone:
        await backbone.happened(intake.StakeholderRegistered(stakeholder=stakeholder("anna").stakeholder))
        await tail_topics(guarded, None, "", json=False, once=True)

    assert "intake.stakeholder_registered.v1" in capsys.readouterr().out


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "changes",
    [
        {"security_protocol": "PLAINTEXT", "ssl_ca_file": None, "certificate": None},
        {"certificate": None},
        {"ssl_ca_file": "foreign-ca.crt"},
    ],
    ids=["plain text", "no certificate", "another authority"],
)
async def test_a_client_without_the_right_papers_gets_nowhere(
    guarded: str, certificates: Path, changes: dict[str, str | None]
) -> None:
    papers: dict[str, object] = {}
    for name, value in changes.items():
        fields = ["ssl_certificate_file", "ssl_key_file"] if name == "certificate" else [name]
        papers |= dict.fromkeys(fields, certificates / value if value and name == "ssl_ca_file" else value)
    settings = KafkaSettings.model_validate({"bootstrap_servers": guarded, **papers})

    with pytest.raises(NotPublished, match="no broker at"):
        await asyncio.wait_for(Producer(settings, "stranger").start(), 30)
    with pytest.raises((KafkaError, TimeoutError)):
        await asyncio.wait_for(apply(settings), 30)
