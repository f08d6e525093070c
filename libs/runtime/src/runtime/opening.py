"""Opens an engagement by sending its file's commands through the gateway, one after the other."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

from runtime.client import ACCEPTED, PENDING, GatewayClient
from runtime.errors import CommandFailed, Exit
from schemas.base import Command

WAITED_FOR = ("design.proposal_drafted", "design.proposal_infeasible")


async def open_engagement(
    url: str,
    token: str,
    commands: Sequence[Command],
    tell: Callable[[str], None],
    *,
    timeout_seconds: float,
    wait: bool,
) -> str:
    """Returns the new engagement's key. Raises CommandFailed for the first refusal, or (75) at a timeout."""
    run, key = secrets.token_hex(6), ""
    async with GatewayClient(url, token) as client:
        for number, command in enumerate(commands):
            answer = await client.submit(
                command.type,
                command.model_dump(mode="json"),
                engagement=key or None,
                key=f"{run}-{number}",
                timeout_seconds=timeout_seconds,
            )
            if answer.kind == PENDING:
                raise CommandFailed(Exit.TIMED_OUT, f"{command.type}: {answer.data['message']}")
            if answer.kind != ACCEPTED:
                raise CommandFailed(Exit.FAILED, f"{command.type} was refused: {answer.refusal}")
            key = key or answer.engagement
            tell(f"{number + 1}/{len(commands)} {command.type}")
        if wait:
            await _until_drafted(client, key, timeout_seconds, tell)
    return key


async def _until_drafted(
    client: GatewayClient, key: str, timeout_seconds: float, tell: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + timeout_seconds
    tell(f"waiting for {WAITED_FOR[0]}: the plan must be scored, proposed and agreed")
    while time.monotonic() < deadline:
        if found := await client.timeline(key, types=WAITED_FOR):
            tell(found[-1]["summary"])
            return
        await asyncio.sleep(0.3)
    raise CommandFailed(Exit.TIMED_OUT, f"{key}: waited {timeout_seconds:.0f} s for {WAITED_FOR[0]}")
