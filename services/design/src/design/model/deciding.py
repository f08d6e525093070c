"""One decision per command, in the order of the lifecycle."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from design.model.confirming import approve_proposal, reject_proposal, request_revision
from design.model.drafting import draft_proposal, offer_catalogue, record_infeasibility, record_proposal
from design.model.state import State
from schemas.base import Command, Event
from schemas.design import (
    ApproveProposal,
    DraftProposal,
    OfferCatalogue,
    RecordInfeasibility,
    RecordProposal,
    RejectProposal,
    RequestRevision,
)
from schemas.rules import Context

_DECIDE: Mapping[type[Command], Callable[[State, Any], Sequence[Event]]] = {
    OfferCatalogue: offer_catalogue,
    DraftProposal: draft_proposal,
    RecordProposal: record_proposal,
    RecordInfeasibility: record_infeasibility,
    ApproveProposal: approve_proposal,
    RejectProposal: reject_proposal,
    RequestRevision: request_revision,
}


def decide(state: State, command: Command, _: Context) -> Sequence[Event]:
    """The events that follow; none where the command is satisfied already. Raises Refused."""
    return _DECIDE[type(command)](state, command)
