"""The building work on a scripted environment: order, retries, resuming, undoing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from messaging import LeaseLost
from provisioning.activities import build
from provisioning.engine import plan
from provisioning.ports import Outcome, StepError, Target
from schemas.base import Command
from schemas.design import DatabaseRole, EnvironmentSpec
from schemas.provisioning import (
    BuildStarted,
    RecordStepCompleted,
    RecordStepFailed,
    RecordStepUndone,
    Step,
)

SPEC = EnvironmentSpec(
    component="db",
    database="d",
    schemas=("s",),
    roles=(DatabaseRole(name="app", login=False, privileges=()),),
)
STARTED = BuildStarted(build=1, environment=SPEC, steps=plan.steps(SPEC))
IDS = [step.id for step in STARTED.steps]


class Journal:
    """A work item as the backbone keeps it: checkpoint and sent keys survive a killed run."""

    engagement, tenant, attempt = "ENG-TEST1", "acme", 1

    def __init__(self) -> None:
        self.checkpoint: Mapping[str, Any] = {}
        self.sent: dict[str, Command] = {}
        self.killed_at: str | None = None

    async def save(self, checkpoint: Mapping[str, Any]) -> None:
        self.checkpoint = checkpoint

    async def send(self, command: Command, *, key: str) -> None:
        self.sent.setdefault(key, command)
        if key == self.killed_at:
            self.killed_at = None
            raise LeaseLost

    async def state(self) -> Any:
        raise NotImplementedError

    def told(self) -> list[tuple[str, str]]:
        names = {RecordStepCompleted: "done", RecordStepFailed: "failed", RecordStepUndone: "undone"}
        return [(names[type(c)], c.step) for c in self.sent.values()]  # type: ignore[index, attr-defined]


class Scripted:
    """Remembers what it was asked, and fails a step as often as it was told to."""

    def __init__(self, **failures: int) -> None:
        self.failures = Counter(failures)
        self.there: list[str] = []
        self.made: list[str] = []

    async def carry_out(self, target: Target, step: Step) -> Outcome:
        if self.failures[step.id] > 0:
            self.failures[step.id] -= 1
            raise StepError("not today")
        changed = step.id not in self.there
        if changed:
            self.there.append(step.id)
            self.made.append(step.id)
        return Outcome(changed, "done")

    async def undo(self, target: Target, step: Step) -> str:
        if step.id in self.there:
            self.there.remove(step.id)
        return "gone"


async def test_steps_are_done_in_order_and_reported() -> None:
    work, environments = Journal(), Scripted()

    await build(STARTED, work, environments=environments)

    assert work.told() == [("done", step) for step in IDS]
    assert environments.made == IDS


async def test_failing_step_is_tried_again() -> None:
    work, environments = Journal(), Scripted(database=2)

    await build(STARTED, work, environments=environments, pause_seconds=0)

    assert work.told() == [
        ("done", "server"),
        ("failed", "database"),
        ("failed", "database"),
        *(("done", s) for s in IDS[1:]),
    ]
    completed = work.sent["database-done"]
    assert isinstance(completed, RecordStepCompleted)
    assert completed.attempt == 3


async def test_third_failure_is_final_and_everything_is_undone_in_reverse() -> None:
    work, environments = Journal(), Scripted(**{"role-1": 3})

    await build(STARTED, work, environments=environments, pause_seconds=0)

    failures = [c.final for c in work.sent.values() if isinstance(c, RecordStepFailed)]
    assert failures == [False, False, True]
    assert work.told()[-3:] == [("undone", "schema-1"), ("undone", "database"), ("undone", "server")]
    assert environments.there == []


@pytest.mark.parametrize("step", IDS)
async def test_killed_after_any_report_it_resumes_without_doing_a_step_twice(step: str) -> None:
    work, environments = Journal(), Scripted()
    work.killed_at = f"{step}-done"

    with pytest.raises(LeaseLost):
        await build(STARTED, work, environments=environments)
    await build(STARTED, work, environments=environments)

    assert work.told() == [("done", step) for step in IDS]
    assert environments.made == IDS


@pytest.mark.parametrize("key", ["role-1-failed-3", "schema-1-undone", "server-undone"])
async def test_killed_while_undoing_it_goes_on_undoing(key: str) -> None:
    work, environments = Journal(), Scripted(**{"role-1": 3})
    work.killed_at = key

    with pytest.raises(LeaseLost):
        await build(STARTED, work, environments=environments, pause_seconds=0)
    await build(STARTED, work, environments=environments, pause_seconds=0)

    assert [what for what in work.told() if what[0] == "undone"] == [
        ("undone", "schema-1"), ("undone", "database"), ("undone", "server"),
    ]  # fmt: skip
    assert environments.there == []
