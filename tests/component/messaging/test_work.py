"""Work items: started by events, retried, resumed from a checkpoint, repeated, given up."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from messaging import Activity, Again, Work
from schemas import intake
from testkit.backbone import Backbone, Tail
from testkit.register import register_service, stakeholder

DEPUTY = "-deputy"


def _starts(run: Any, **changes: Any) -> Any:
    return register_service(
        activities=[Activity(on=intake.StakeholderRegistered, run=run, backoff_seconds=0.05, **changes)]
    )


def _names(tail: Tail) -> list[str]:
    return [m.payload.stakeholder.id for m in tail.of(intake.StakeholderRegistered)]


def _is_deputy(event: intake.StakeholderRegistered) -> bool:
    return event.stakeholder.id.endswith(DEPUTY)


async def test_work_resumes_from_its_checkpoint_and_its_commands_take_effect_once(backbone: Backbone) -> None:
    runs: list[tuple[int, dict[str, Any]]] = []

    async def appoint(event: intake.StakeholderRegistered, work: Work) -> None:
        if _is_deputy(event):
            return
        runs.append((work.attempt, dict(work.checkpoint)))
        await work.send(stakeholder(event.stakeholder.id + DEPUTY), key="deputy")
        if work.attempt == 1:
            await work.save({"sent": True})
            raise ConnectionError("cut off after sending")

    async with backbone.running(_starts(appoint)), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: len(runs) == 2 and len(t.messages) >= 2)
        await backbone.send(stakeholder("berta"))
        await tail.until(lambda t: "berta" + DEPUTY in _names(t))

    assert runs[:2] == [(1, {}), (2, {"sent": True})]
    assert sorted(_names(tail)) == ["anna", "anna-deputy", "berta", "berta-deputy"]
    assert not tail.of(intake.CommandHadNoEffect)


async def test_work_that_keeps_failing_is_given_up_with_a_last_command(backbone: Backbone) -> None:
    async def fail(event: intake.StakeholderRegistered, work: Work) -> None:
        if not _is_deputy(event):
            raise ValueError("never works")

    def instead(event: intake.StakeholderRegistered, error: str) -> intake.RegisterStakeholder:
        assert error == "never works"
        return stakeholder(event.stakeholder.id + DEPUTY)

    service = _starts(fail, max_attempts=3, give_up=instead)
    async with backbone.running(service), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: _names(t) == ["anna", "anna-deputy"])

    work = backbone.database("intake").db["work"]
    item = await work.find_one({"_id": "ENG-TEST1/intake/1"})
    assert (item["failures"], item["due"], item["error"]) == (3, None, "never works")


async def test_a_timer_runs_when_due_and_again_as_it_asks(backbone: Backbone) -> None:
    ran_at: list[datetime] = []

    async def tick(event: intake.StakeholderRegistered, work: Work) -> Again | None:
        ran_at.append(datetime.now(UTC))
        ticks = work.checkpoint.get("ticks", 0) + 1
        await work.save({"ticks": ticks})
        return Again(0.2) if ticks < 3 else None

    begun = datetime.now(UTC)
    service = _starts(tick, due=lambda _: begun + timedelta(seconds=4))
    async with backbone.running(service), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"))
        await tail.until(lambda _: len(ran_at) == 3)

    assert ran_at[0] >= begun + timedelta(seconds=4)
    assert all(later - earlier >= timedelta(seconds=0.2) for earlier, later in pairwise(ran_at))


async def test_work_cut_off_by_a_stop_is_taken_over(backbone: Backbone) -> None:
    started = asyncio.Event()
    attempts: list[int] = []

    async def slow(event: intake.StakeholderRegistered, work: Work) -> None:
        if _is_deputy(event):
            return
        attempts.append(1)
        started.set()
        if len(attempts) == 1:
            await asyncio.sleep(60)
        await work.send(stakeholder("anna" + DEPUTY), key="deputy")

    async with backbone.tail("intake.events") as tail:
        async with backbone.running(_starts(slow)):
            await backbone.send(stakeholder("anna"))
            await asyncio.wait_for(started.wait(), 20)
        async with backbone.running(_starts(slow)):
            await tail.until(lambda t: _names(t) == ["anna", "anna-deputy"])

    assert len(attempts) == 2
