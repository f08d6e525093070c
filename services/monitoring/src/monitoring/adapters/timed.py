"""A check with its clock, its time limit and its troubles turned into answers."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from monitoring.adapters.probe_network import TargetRefused
from monitoring.engine.probing import Check


async def timed(
    attempt: Callable[[], Awaitable[str]], timeout_seconds: float, troubles: tuple[type[Exception], ...] = ()
) -> Check:
    """Await `attempt`, whose answer is the detail of a check that is up; `troubles` mean down."""
    known: tuple[type[Exception], ...] = (TargetRefused, OSError, *troubles)
    started = perf_counter()
    up = False
    try:
        async with asyncio.timeout(timeout_seconds):
            detail = await attempt()
        up = True
    except TimeoutError:
        detail = f"no answer within {timeout_seconds:g} s"
    except known as error:
        detail = _first_line(error)
    return Check(up=up, ms=(perf_counter() - started) * 1000, detail=detail)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:500]
