"""Is it ready, and is it ours? A port that answers is not proof: another stack's server may sit there."""

import asyncio
import ssl
import struct
from contextlib import suppress

import httpx

from runtime.processes import Probe

# Plain HTTP needs no certificates; loading them for each probe costs 20 ms, and blocks the other probes.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_PING = b"\x10ping\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00\x00"


def http_ready(url: str) -> Probe:
    """Ready when GET answers 200; otherwise says what the answer says."""

    async def probe() -> str:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2, verify=_NO_TLS) as client:
                answer = await client.get(url)
        except httpx.HTTPError as error:
            return f"{url} ({type(error).__name__})"
        return (
            ""
            if answer.status_code == httpx.codes.OK
            else f"{url}: {answer.text[:300] or answer.status_code}"
        )

    return probe


def broker_ready(address: str, cluster: str) -> Probe:
    """Ready when the broker's metadata names our cluster; a broker of another cluster is never ready."""

    async def probe() -> str:
        found = await cluster_id(address)
        if found is None:
            return f"metadata from {address}"
        return "" if found == cluster else f"cluster {cluster}, but {address} belongs to cluster {found!r}"

    return probe


async def cluster_id(address: str) -> str | None:
    """The id in the broker's answer to a Metadata request (version 2); None where nothing answers in 2 s."""
    host, _, port = address.rpartition(":")
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, struct.error, UnicodeDecodeError):
        async with asyncio.timeout(2):
            return await _ask_cluster(host, int(port))
    return None


async def _ask_cluster(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        # api key 3, version 2, correlation 1, no client id, no topics
        request = struct.pack(">hhihi", 3, 2, 1, -1, 0)
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        return _cluster_in(await reader.readexactly(size))
    finally:
        writer.close()


def _cluster_in(answer: bytes) -> str:
    """Skips correlation id and the brokers (id, host, port, rack) to the cluster id."""
    (brokers,), at = struct.unpack_from(">i", answer, 4), 8
    for _ in range(brokers):
        at = _after_string(answer, at + 4) + 4
        at = _after_string(answer, at)
    (length,) = struct.unpack_from(">h", answer, at)
    return answer[at + 2 : at + 2 + length].decode() if length >= 0 else ""


def _after_string(answer: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return int(at + 2 + max(length, 0))


def mongo_ready(host: str, port: int) -> Probe:
    """Ready when the server answers a ping: asked in raw bytes, as only one library may know the driver."""

    async def probe() -> str:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(2):
                return "" if await _ping(host, port) else f"a ping answered by {host}:{port}"
        return f"an answer from {host}:{port}"

    return probe


async def _ping(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        document = struct.pack("<i", len(_PING) + 4) + _PING
        body = struct.pack("<IB", 0, 0) + document
        writer.write(struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body)
        (size,) = struct.unpack("<i", await reader.readexactly(4))
        return b"\x01ok\x00" + struct.pack("<d", 1.0) in await reader.readexactly(size - 4)
    finally:
        writer.close()
