"""Prints what happens in one engagement, or in all of a tenant's, as it happens."""

import asyncio

import httpx

from runtime.cli.output import as_json_line, data, note
from runtime.client import GatewayClient, Json
from runtime.documents import ENGAGEMENTS

POLL_SECONDS = 0.5
RECONNECT_SECONDS = 1.0


def print_entry(entry: Json, *, json: bool, engagement: str = "") -> None:
    if json:
        as_json_line({**entry, "engagement": engagement} if engagement else entry)
        return
    where = f"{engagement:<10} " if engagement else ""
    data(f"{entry['at'][11:23]}  {where}{entry['cursor']:>5}  {entry['type']:<38} {entry['summary']}")


async def follow(url: str, token: str, engagement: str, after: int, *, json: bool) -> None:
    """Ends only with the caller; after a broken connection it goes on behind the last cursor seen."""
    cursor = after
    async with GatewayClient(url, token) as client:
        while True:
            try:
                async for change in client.changes(engagement, cursor):
                    cursor = change["cursor"]
                    print_entry(change["entry"], json=json)
            except httpx.TransportError as error:
                note(f"the gateway is away ({type(error).__name__}); trying again")
            await asyncio.sleep(RECONNECT_SECONDS)


async def follow_all(
    url: str, token: str, types: list[str] | None, *, json: bool, once: bool, only: str = ""
) -> None:
    """Every engagement of the tenant, newest hundred; polls, since one subscription is one engagement."""
    cursors: dict[str, int] = {}
    async with GatewayClient(url, token) as client:
        while True:
            for key in [only] if only else await _keys(client):
                cursors[key] = await _print_news(client, key, cursors.get(key, 0), types, json=json)
            if once:
                return
            await asyncio.sleep(POLL_SECONDS)


async def _keys(client: GatewayClient) -> list[str]:
    """Oldest first."""
    page = (await client.ask(ENGAGEMENTS, first=100))["engagements"]
    return [edge["node"]["key"] for edge in reversed(page["edges"])]


async def _print_news(
    client: GatewayClient, key: str, cursor: int, types: list[str] | None, *, json: bool
) -> int:
    while entries := await client.timeline(key, after=cursor, types=types):
        for entry in entries:
            print_entry(entry, json=json, engagement=key)
        cursor = int(entries[-1]["cursor"])
    return cursor
