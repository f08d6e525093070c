"""Any service killed at any moment: it is restarted, the engagement completes, the view is the same."""

import asyncio
import os
import random
import re
import signal
from typing import Any

import pytest

from testkit.stack import Played, RunningStack, whole_view

pytestmark = [pytest.mark.journey, pytest.mark.timeout(420)]

STORY = "rheintal-order-system"
SERVICES = ["intake", "design", "provisioning", "migration", "monitoring", "feedback", "gateway"]
KILLS = 10
VOLATILE = re.compile(
    r"(At|On|Since|asOf|duration\w*|rowsPerSecond|cursor|sequences?|port|attempts?|changed|detail|id|key|tenant"
    r"|lastSequence|latency\w*|meanMs|checks|failures|eventId|because|points|secret|since|target|commandId)$"
)
"""What differs between two plays of the same story: moments, speeds, addresses, identities."""


async def _kill_at_random(stack: RunningStack, playing: asyncio.Event, seed: int) -> list[str]:
    choice = random.Random(seed)
    killed: list[str] = []
    victims = [*SERVICES, *choice.sample(SERVICES, KILLS - len(SERVICES))]
    choice.shuffle(victims)
    await playing.wait()
    for name in victims:
        await asyncio.sleep(choice.uniform(1.0, 4.0))
        os.kill(stack.state.pids[name], signal.SIGKILL)
        killed.append(name)
    return killed


def _steady(value: Any) -> Any:
    """The view without what two plays may differ in."""
    if isinstance(value, dict):
        return {name: _steady(part) for name, part in value.items() if not VOLATILE.search(name)}
    if isinstance(value, list):
        return [_steady(part) for part in value]
    if isinstance(value, str):
        return re.sub(r"ENG-[0-9A-Z]+|\d{4}-\d\d-\d\d(T[\d:.+Z]*)?|\d+(\.\d+)? ?m?s\b", "*", value)
    return value


async def test_ten_kills_change_nothing_in_the_outcome(stack: RunningStack, calm: Played) -> None:
    assert calm.passed, calm.said
    seed = 20261123

    playing = asyncio.Event()
    killing = asyncio.create_task(_kill_at_random(stack, playing, seed))
    stormy = await stack.play(STORY, playing)
    killed = await killing

    assert "6/6 phases" in stormy.verdict, stormy.said
    assert len(killed) == KILLS
    client = stack.client()
    expected = _steady(await whole_view(client, calm.engagement))
    found = _steady(await whole_view(client, stormy.engagement))
    for view in (expected, found):
        # Probes report every so often, so a longer play has more of their events.
        del view["monitoring"]["events"]
    for section in expected:
        assert found[section] == expected[section], f"{section} differs (seed {seed})"
