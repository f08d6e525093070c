"""The probes' adapters against real servers on free ports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from monitoring.adapters.httpx_checks import BODY_LIMIT_BYTES, HttpxChecks
from monitoring.adapters.probe_network import ProbeNetwork, TargetRefused
from monitoring.adapters.psycopg_checks import PsycopgChecks
from monitoring.adapters.tcp_checks import TcpChecks
from monitoring.model import LOOPBACK
from monitoring.settings import Settings
from schemas.design import DatabaseRole, EnvironmentSpec
from schemas.monitoring import Probe, ProbeKind
from schemas.provisioning import Endpoint
from testkit.environments import environment
from testkit.servers import free_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NETWORK = ProbeNetwork(LOOPBACK)


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(response: bytes, requests: list[bytes] | None = None) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if requests is not None:
            requests.append(request)
        writer.write(response)
        writer.close()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def http(target: str, timeout_seconds: float = 5) -> Probe:
    return Probe(id="p", kind=ProbeKind.HTTP, component="erp", target=target, timeout_seconds=timeout_seconds)


def tcp(target: str) -> Probe:
    return Probe(id="p", kind=ProbeKind.TCP, component="erp", target=target, timeout_seconds=2)


async def test_a_listening_port_is_up():
    async with listening(silent) as port:
        check = await TcpChecks(NETWORK).check(tcp(f"127.0.0.1:{port}"))

    assert (check.up, check.detail) == (True, f"127.0.0.1:{port} accepts connections")
    assert 0 < check.ms < 2_000


async def test_a_closed_port_is_down_with_the_reason():
    check = await TcpChecks(NETWORK).check(tcp(f"127.0.0.1:{free_port()}"))

    assert not check.up
    assert "Connect call failed" in check.detail


async def test_a_host_that_can_have_no_name_is_down_with_the_reason():
    check = await TcpChecks(NETWORK).check(tcp(f"{'a' * 64}.example:80"))

    assert not check.up
    assert check.detail == f"refused: {'a' * 64}.example cannot be the name of a host"


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::1]"])
async def test_a_target_outside_the_probe_networks_is_never_connected_to(host):
    check = await TcpChecks(NETWORK).check(tcp(f"{host}:80"))

    assert not check.up
    assert check.detail.startswith(f"refused: {host.strip('[]')} is ")
    assert check.detail.endswith("outside the networks of probes (127.0.0.0/8)")


async def test_a_name_is_judged_by_its_address():
    assert await NETWORK.address_of("localhost", 80) == "127.0.0.1"
    with pytest.raises(TargetRefused, match=r"localhost is .*127"):
        await ProbeNetwork((ip_network("10.0.0.0/8"),)).address_of("localhost", 80)


async def test_an_unknown_name_is_down_with_the_reason():
    check = await TcpChecks(NETWORK).check(tcp("no-such-host.invalid:80"))

    assert not check.up
    assert check.detail


async def test_a_good_answer_is_up_and_the_server_sees_its_own_name():
    requests: list[bytes] = []
    response = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    async with listening(answering(response, requests)) as port:
        check = await HttpxChecks(NETWORK).check(http(f"http://localhost:{port}/health?full=1"))

    assert (check.up, check.detail) == (True, f"http://localhost:{port}/health?full=1 answered 200, 5 bytes")
    assert requests[0].startswith(b"GET /health?full=1 HTTP/1.1\r\n")
    assert f"host: localhost:{port}\r\n".encode() in requests[0].lower()


async def test_an_error_status_is_down():
    response = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
    async with listening(answering(response)) as port:
        check = await HttpxChecks(NETWORK).check(http(f"http://127.0.0.1:{port}/"))

    assert (check.up, check.detail) == (False, f"http://127.0.0.1:{port}/ answered 503 Service Unavailable")


async def test_redirects_are_answers_and_not_followed():
    asked: list[bytes] = []
    async with listening(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", asked)) as elsewhere:
        response = (
            f"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        )
        async with listening(answering(response.encode())) as port:
            check = await HttpxChecks(NETWORK).check(http(f"http://127.0.0.1:{port}/"))

    assert check.up
    assert "answered 302" in check.detail
    assert asked == []


async def test_an_endless_body_is_read_to_the_limit_only():
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            try:
                await writer.drain()
            except ConnectionError:
                break

    async with listening(endless) as port:
        check = await HttpxChecks(NETWORK).check(http(f"http://127.0.0.1:{port}/"))

    assert check.up
    assert check.detail.endswith(f"answered 200, more than {BODY_LIMIT_BYTES} bytes")


async def test_a_server_that_says_nothing_is_down_after_the_timeout():
    async with listening(silent) as port:
        check = await HttpxChecks(NETWORK).check(http(f"http://127.0.0.1:{port}/", timeout_seconds=0.3))

    assert (check.up, check.detail) == (False, "no answer within 0.3 s")
    assert 300 <= check.ms < 2_000


async def test_a_server_that_does_not_speak_http_is_down():
    async with listening(answering(b"+OK ready\r\n")) as port:
        check = await HttpxChecks(NETWORK).check(http(f"http://127.0.0.1:{port}/"))

    assert not check.up
    assert check.detail


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[tuple[Endpoint, Path]]:
    """A PostgreSQL server as provisioning builds it, and the directory with its passwords."""
    spec = EnvironmentSpec(
        component="database", database="orders", schemas=("shop",),
        roles=(DatabaseRole(name="app", login=True, privileges=("usage",)),),
    )  # fmt: skip
    async with environment(spec, tmp_path) as built_there:
        yield built_there


def postgres(endpoint: Endpoint | None) -> Probe:
    return Probe(id="db", kind=ProbeKind.POSTGRES, component="database", target="db", endpoint=endpoint)


async def test_a_built_database_is_up_and_a_wrong_password_or_database_is_down(built, tmp_path):
    endpoint, secrets = built
    checks = PsycopgChecks(NETWORK, secrets)

    good = await checks.check(postgres(endpoint))
    absent = await checks.check(postgres(endpoint.model_copy(update={"database": "nowhere"})))
    (tmp_path / endpoint.secret).write_text("wrong-password")
    wrong = await PsycopgChecks(NETWORK, tmp_path).check(postgres(endpoint))

    assert good.up, good.detail
    assert good.detail.startswith("orders answers, PostgreSQL ")
    assert not absent.up
    assert "nowhere" in absent.detail
    assert not wrong.up
    assert "password" in wrong.detail
    assert "wrong-password" not in wrong.detail


async def test_a_database_that_is_not_there_is_down(tmp_path):
    (tmp_path / "secret").write_text("x")
    endpoint = Endpoint(host="127.0.0.1", port=free_port(), database="orders", user="app", secret="secret")
    checks = PsycopgChecks(NETWORK, tmp_path)

    assert "refused" in (await checks.check(postgres(endpoint))).detail
    missing = endpoint.model_copy(update={"secret": "other"})
    assert (await checks.check(postgres(missing))).detail == "the secret 'other' is not there"
    assert (await checks.check(postgres(None))).detail == "no environment has been built for this probe"


def test_networks_and_secrets_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MONITORING_PROBE_NETWORKS", "127.0.0.0/8, 10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("MONITORING_SECRETS_DIR", "/run/secrets")

    settings = Settings()

    assert [str(network) for network in settings.probe_networks] == ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"]
    assert settings.secrets_dir == Path("/run/secrets")


def test_without_settings_only_the_loopback_is_probed(monkeypatch):
    monkeypatch.delenv("MONITORING_PROBE_NETWORKS", raising=False)

    assert Settings().probe_networks == LOOPBACK
