"""Drafting: the long work that a request for a draft starts."""

import asyncio
from collections.abc import Callable, Sequence

from design.engine.drafting import Infeasible
from messaging import Activity, Work
from schemas.base import Command
from schemas.design import DraftingRequested, DraftOrder, Proposal, RecordInfeasibility, RecordProposal

Draft = Callable[[DraftOrder], Proposal | Infeasible]
"""Equal orders give equal answers, so that a run taken over from a killed worker ends the same."""


def activities(draft: Draft) -> Sequence[Activity]:
    async def run(event: DraftingRequested, work: Work) -> None:
        # In a thread: the solver is busy for seconds, and the lease's heartbeat must go on.
        answer = await asyncio.to_thread(draft, event.order)
        await work.send(_report(event.order, answer), key="answer")

    return (Activity(on=DraftingRequested, run=run, give_up=_give_up, max_attempts=3),)


def _report(order: DraftOrder, answer: Proposal | Infeasible) -> Command:
    if isinstance(answer, Infeasible):
        return RecordInfeasibility(proposal_version=order.version, conflicts=answer.conflicts)
    return RecordProposal(proposal=answer)


def _give_up(event: DraftingRequested, error: str) -> Command:
    conflict = f"drafting failed: {error}"[:8000]
    return RecordInfeasibility(proposal_version=event.order.version, conflicts=(conflict,))
