"""What design remembers of an engagement, folded from its own events."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from schemas.base import Amount, Event, Value
from schemas.design import (
    Catalogue,
    CatalogueOffered,
    DraftingRequested,
    DraftOrder,
    PlanReceived,
    Proposal,
    ProposalApproved,
    ProposalDrafted,
    ProposalInfeasible,
    ProposalRejected,
    RevisionRequested,
)


class State(Value):
    catalogue: Catalogue | None = None
    plan: PlanReceived | None = None
    excluded: tuple[str, ...] = ()
    """Products that revisions of this cycle took out."""
    budget: Amount | None = None
    """The budget of the newest revision that named one; the plan's without."""
    version: int = 0
    """The newest version whose drafting was requested."""
    drafted_from: str = ""
    """The catalogue that version is drafted from."""
    drafting: bool = False
    proposal: Proposal | None = None
    """The newest version, once drafted; None while it is being drafted and where nothing fits."""
    digest: str = ""
    rejected: bool = False
    approved: dict[int, str] = Field(default_factory=dict)
    """Approved versions to their digests."""

    def order(self) -> DraftOrder | None:
        """What the next version would be drafted from; None while plan or catalogue is missing."""
        if self.plan is None or self.catalogue is None:
            return None
        return DraftOrder(
            version=self.version + 1,
            cycle=self.plan.cycle,
            client=self.plan.client,
            currency=self.plan.currency,
            budget=self.plan.budget if self.budget is None else self.budget,
            start_on=self.plan.start_on,
            target_on=self.plan.target_on,
            plan=self.plan.plan,
            requirements=self.plan.requirements,
            catalogue=self.catalogue,
            excluded_products=tuple(sorted(self.excluded)),
        )


def catalogue_key(catalogue: Catalogue) -> str:
    return f"{catalogue.id} {catalogue.version}"


def _plan_received(state: State, event: PlanReceived) -> State:
    # What an earlier cycle drafted is no longer up for confirmation.
    update = {
        "plan": event,
        "excluded": (),
        "budget": None,
        "drafting": False,
        "proposal": None,
        "digest": "",
    }
    return state.model_copy(update=update)


def _drafting_requested(state: State, event: DraftingRequested) -> State:
    update = {
        "version": event.order.version,
        "drafted_from": catalogue_key(event.order.catalogue),
        "drafting": True,
        "proposal": None,
        "digest": "",
        "rejected": False,
    }
    return state.model_copy(update=update)


def _drafted(state: State, event: ProposalDrafted) -> State:
    update = {"drafting": False, "proposal": event.proposal, "digest": event.content_digest}
    return state.model_copy(update=update)


def _approved(state: State, event: ProposalApproved) -> State:
    return state.model_copy(
        update={"approved": {**state.approved, event.proposal.version: event.content_digest}}
    )


def _revision_requested(state: State, event: RevisionRequested) -> State:
    update: dict[str, Any] = {"excluded": (*state.excluded, *event.exclude_products)}
    if event.budget is not None:
        update["budget"] = event.budget
    return state.model_copy(update=update)


_EVOLVE: Mapping[type[Event], Callable[[State, Any], State]] = {
    CatalogueOffered: lambda s, e: s.model_copy(update={"catalogue": e.catalogue}),
    PlanReceived: _plan_received,
    DraftingRequested: _drafting_requested,
    ProposalDrafted: _drafted,
    ProposalInfeasible: lambda s, _: s.model_copy(update={"drafting": False}),
    ProposalApproved: _approved,
    ProposalRejected: lambda s, _: s.model_copy(update={"rejected": True}),
    RevisionRequested: _revision_requested,
}


def evolve(state: State, event: Event) -> State:
    change = _EVOLVE.get(type(event))
    return change(state, event) if change else state
