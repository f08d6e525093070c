"""What upstream events make design ask itself."""

from collections.abc import Mapping

from messaging.service import Reaction
from schemas.base import Event
from schemas.design import DraftProposal
from schemas.intake import PlanAgreed


def _draft(event: PlanAgreed) -> DraftProposal:
    return DraftProposal(
        cycle=event.cycle,
        client=event.client,
        currency=event.currency,
        budget=event.budget,
        start_on=event.start_on,
        target_on=event.target_on,
        plan=event.plan,
        requirements=event.requirements,
    )


REACTIONS: Mapping[type[Event], Reaction] = {PlanAgreed: _draft}
