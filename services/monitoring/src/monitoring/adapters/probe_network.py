"""The guard in front of every probe: which addresses a check may connect to."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address


class TargetRefused(Exception):
    """A probe points to where probes may not go."""


class ProbeNetwork:
    """Looks a host up and lets only allowed addresses through.

    Callers connect to the address they are given, never to the name: a second look-up could answer otherwise.
    """

    def __init__(self, allowed: Sequence[IPv4Network | IPv6Network]) -> None:
        self._allowed = tuple(allowed)

    async def address_of(self, host: str, port: int) -> str:
        """Raises TargetRefused, or OSError for a name nobody knows."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise TargetRefused(f"refused: {host} cannot be the name of a host") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if any(ip_address(address) in network for network in self._allowed):
                return address
        networks = ", ".join(str(network) for network in self._allowed)
        found_at = ", ".join(addresses)
        raise TargetRefused(f"refused: {host} is {found_at}, outside the networks of probes ({networks})")
