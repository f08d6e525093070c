"""The building work that a started build sets off: step by step, retried, undone when it cannot be done."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from messaging import Activity, Work
from provisioning.ports import Environments, Outcome, Target
from schemas.base import Value
from schemas.provisioning import (
    BuildStarted,
    RecordStepCompleted,
    RecordStepFailed,
    RecordStepUndone,
    Step,
)

MAX_ATTEMPTS = 3
MAX_ERROR_LENGTH = 2000


class Progress(Value):
    """The checkpoint: which steps were reported, and how often the one in hand has failed."""

    done: tuple[str, ...] = ()
    failures: int = 0
    given_up: str = ""
    """The step whose last attempt failed; from then on everything is undone."""
    error: str = ""


def activities(environments: Environments, *, pause_seconds: float = 0.5) -> Sequence[Activity]:
    run = partial(build, environments=environments, pause_seconds=pause_seconds)
    # Steps count their own failures; given up for an outage, the build could neither go on nor be repeated.
    return [Activity(on=BuildStarted, run=run, max_attempts=1_000_000, lease_seconds=10.0)]


async def build(
    event: BuildStarted, work: Work, *, environments: Environments, pause_seconds: float = 0.5
) -> None:
    """Carry out every step not done yet. Safe to run again from any point: steps find their work done, and
    the keys of what is sent are the same."""
    target = Target(work.engagement, event.build, event.environment)
    progress = Progress.model_validate(dict(work.checkpoint))
    for step in event.steps:
        while step.id not in progress.done and not progress.given_up:
            progress = await _attempt(target, step, progress, work, environments)
            if progress.failures and not progress.given_up:
                await asyncio.sleep(pause_seconds * 2 ** (progress.failures - 1))
    if progress.given_up:
        await _undo(target, event.steps, progress, work, environments)


async def _attempt(
    target: Target, step: Step, progress: Progress, work: Work, environments: Environments
) -> Progress:
    started = time.perf_counter()
    try:
        outcome = await environments.carry_out(target, step)
    except Exception as error:
        return await _failed(target, step, progress, work, error)
    await work.send(_completed(target, step, progress, outcome, started), key=f"{step.id}-done")
    return await _saved(work, progress, done=(*progress.done, step.id), failures=0)


def _completed(
    target: Target, step: Step, progress: Progress, outcome: Outcome, started: float
) -> RecordStepCompleted:
    return RecordStepCompleted(
        build=target.build,
        step=step.id,
        attempt=progress.failures + 1,
        changed=outcome.changed,
        duration_ms=round((time.perf_counter() - started) * 1000, 1),
        detail=outcome.detail,
        endpoint=outcome.endpoint,
    )


async def _failed(target: Target, step: Step, progress: Progress, work: Work, error: Exception) -> Progress:
    attempt = progress.failures + 1
    said = (str(error) or type(error).__name__)[:MAX_ERROR_LENGTH]
    if attempt >= MAX_ATTEMPTS:
        # Kept before it is told: a run that takes over must not try once more what was given up.
        return await _saved(work, progress, failures=attempt, given_up=step.id, error=said)
    await work.send(_failure(target, step, attempt, said, final=False), key=f"{step.id}-failed-{attempt}")
    return await _saved(work, progress, failures=attempt)


def _failure(target: Target, step: Step, attempt: int, error: str, *, final: bool) -> RecordStepFailed:
    return RecordStepFailed(build=target.build, step=step.id, attempt=attempt, error=error, final=final)


async def _undo(
    target: Target, steps: Sequence[Step], progress: Progress, work: Work, environments: Environments
) -> None:
    """First what the failed step left half done, which nobody will ask for later; then the others."""
    failed = next(step for step in steps if step.id == progress.given_up)
    await environments.undo(target, failed)
    final = _failure(target, failed, progress.failures, progress.error, final=True)
    await work.send(final, key=f"{failed.id}-failed-{progress.failures}")
    for step in reversed([step for step in steps if step.id in progress.done]):
        detail = await environments.undo(target, step)
        command = RecordStepUndone(build=target.build, step=step.id, detail=detail)
        await work.send(command, key=f"{step.id}-undone")
        progress = await _saved(work, progress, done=tuple(s for s in progress.done if s != step.id))


async def _saved(work: Work, progress: Progress, **changes: Any) -> Progress:
    changed = progress.model_copy(update=changes)
    await work.save(changed.model_dump(mode="json"))
    return changed
