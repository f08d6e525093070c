"""HTTP checks: a GET without redirects that is answered with a status below 400."""

import ssl

import httpx

from monitoring.adapters.probe_network import ProbeNetwork
from monitoring.adapters.timed import timed
from monitoring.engine.probing import Check
from schemas.monitoring import Probe

BODY_LIMIT_BYTES = 64 * 1024


class BadStatus(Exception):
    """The server answered, but not well."""


class HttpxChecks:
    def __init__(self, network: ProbeNetwork) -> None:
        self._network = network
        # Loading the trust store takes longer than a check, so it is done once.
        self._trust = ssl.create_default_context()

    async def check(self, probe: Probe) -> Check:
        troubles = (httpx.HTTPError, httpx.InvalidURL, BadStatus)
        return await timed(lambda: self._get(probe.target), probe.timeout_seconds, troubles)

    async def _get(self, target: str) -> str:
        url = httpx.URL(target)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self._network.address_of(url.host, port)
        # trust_env off: a proxy variable would take the request out of the allowed networks.
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, follow_redirects=False) as client:
            request = client.build_request(
                "GET",
                url.copy_with(host=address),
                headers={"host": url.netloc.decode("ascii"), "user-agent": "throughline-probe"},
                extensions={"sni_hostname": url.host, "timeout": httpx.Timeout(None).as_dict()},
            )
            response = await client.send(request, stream=True)
            try:
                size = await _read_some(response)
            finally:
                await response.aclose()
        if response.status_code >= 400:
            raise BadStatus(f"{target} answered {response.status_code} {response.reason_phrase}")
        return f"{target} answered {response.status_code}, {size}"


async def _read_some(response: httpx.Response) -> str:
    """Read the body up to the limit, so that no server can fill our memory."""
    size = 0
    async for part in response.aiter_raw(8192):
        size += len(part)
        if size >= BODY_LIMIT_BYTES:
            return f"more than {BODY_LIMIT_BYTES} bytes"
    return f"{size} bytes"
