"""The drafting activity reports a proposal, an infeasibility, or why it was given up."""

from collections.abc import Mapping
from typing import Any

from design.activities import activities
from design.engine.drafting import Infeasible, draft
from schemas.base import Command
from schemas.design import DraftingRequested, RecordInfeasibility, RecordProposal


class RecordedWork:
    """A run of work that keeps what was sent, by key."""

    engagement, tenant, attempt = "ENG-TEST1", "acme", 1
    checkpoint: Mapping[str, Any] = {}

    def __init__(self) -> None:
        self.sent: dict[str, Command] = {}

    async def send(self, command: Command, *, key: str) -> None:
        self.sent[key] = command

    async def save(self, checkpoint: Mapping[str, Any]) -> None:
        raise AssertionError("drafting saves no checkpoint")

    async def state(self) -> Any:
        raise AssertionError("drafting reads its order only")


async def test_a_draft_is_reported(build):
    (activity,), work = activities(draft), RecordedWork()

    await activity.run(DraftingRequested(order=build.order()), work)

    assert work.sent == {"answer": RecordProposal(proposal=draft(build.order()))}


async def test_an_infeasibility_is_reported(build):
    (activity,), work = activities(lambda _: Infeasible(("Too dear.",))), RecordedWork()

    await activity.run(DraftingRequested(order=build.order(version=4)), work)

    assert work.sent == {"answer": RecordInfeasibility(proposal_version=4, conflicts=("Too dear.",))}


def test_drafting_that_keeps_failing_ends_as_an_infeasibility(build):
    (activity,) = activities(draft)

    asked = activity.give_up(DraftingRequested(order=build.order(version=2)), "the solver stopped")

    assert asked == RecordInfeasibility(
        proposal_version=2, conflicts=("drafting failed: the solver stopped",)
    )
