"""What leads to a draft: the catalogue, the agreed plan, and the answer of the drafting work."""

from collections.abc import Iterable, Sequence

from design.model.digest import content_digest
from design.model.state import State, evolve
from schemas.base import Event
from schemas.design import (
    Catalogue,
    CatalogueOffered,
    DraftingRequested,
    DraftProposal,
    OfferCatalogue,
    PlanReceived,
    ProposalDrafted,
    ProposalInfeasible,
    RecordInfeasibility,
    RecordProposal,
)
from schemas.rules import Refused

_MOST_EFFORT_DAYS = 2000


def requested(state: State, *events: Event) -> Sequence[Event]:
    """The events, and the drafting that follows once plan and catalogue are there."""
    for event in events:
        state = evolve(state, event)
    order = state.order()
    return (*events, DraftingRequested(order=order)) if order else events


def offer_catalogue(state: State, command: OfferCatalogue) -> Sequence[Event]:
    if command.catalogue == state.catalogue:
        return ()
    _check_catalogue(command.catalogue)
    _check_version(state.catalogue, command.catalogue)
    event = CatalogueOffered(catalogue=command.catalogue)
    # A plan for which nothing fitted before is drafted again from what is offered now.
    waiting = not state.drafting and state.proposal is None
    return requested(state, event) if waiting else (event,)


def _check_version(known: Catalogue | None, offered: Catalogue) -> None:
    if known is None or known.id != offered.id or known.version < offered.version:
        return
    reason = f"version {known.version} of {known.id!r} is known; give a changed catalogue a newer version"
    raise Refused("catalogue.version", "catalogue-version-is-newer", reason)


def _check_catalogue(catalogue: Catalogue) -> None:
    _refuse_duplicates(p.id for p in catalogue.products)
    known = {p.id for p in catalogue.products}
    for index, pair in enumerate(catalogue.incompatibilities):
        path = f"catalogue.incompatibilities.{index}"
        for side, key in (("one", pair.one), ("other", pair.other)):
            if key not in known:
                reason = f"the catalogue has no product {key!r}"
                raise Refused(f"{path}.{side}", "unknown-product", reason)
        if pair.one == pair.other:
            reason = f"{pair.one!r} cannot be incompatible with itself"
            raise Refused(f"{path}.other", "incompatible-products-differ", reason)
    for index, product in enumerate(catalogue.products):
        for role, days in product.effort_days.items():
            if not 0 <= days <= _MOST_EFFORT_DAYS:
                path = f"catalogue.products.{index}.effort_days.{role}"
                reason = f"{days} person days is not between 0 and {_MOST_EFFORT_DAYS}"
                raise Refused(path, "effort-in-range", reason)


def _refuse_duplicates(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, key in enumerate(ids):
        if key in seen:
            reason = f"the product {key!r} is offered twice"
            raise Refused(f"catalogue.products.{index}.id", "duplicate-id", reason)
        seen.add(key)


def draft_proposal(state: State, command: DraftProposal) -> Sequence[Event]:
    received = PlanReceived.model_validate(command.model_dump())
    if received == state.plan:
        return ()
    if state.plan is not None and command.cycle <= state.plan.cycle:
        reason = f"the plan of cycle {state.plan.cycle} is here already"
        raise Refused("cycle", "plan-of-a-newer-cycle", reason)
    return requested(state, received)


def record_proposal(state: State, command: RecordProposal) -> Sequence[Event]:
    if not _awaited(state, command.proposal.version):
        return ()
    digest = content_digest(command.proposal)
    return (ProposalDrafted(proposal=command.proposal, content_digest=digest),)


def record_infeasibility(state: State, command: RecordInfeasibility) -> Sequence[Event]:
    if not _awaited(state, command.proposal_version):
        return ()
    return (ProposalInfeasible(proposal_version=command.proposal_version, conflicts=command.conflicts),)


def _awaited(state: State, version: int) -> bool:
    """False for a draft that was recorded before or overtaken. Refused where never requested."""
    if version > state.version:
        raise Refused("proposal_version", "drafting-was-requested", f"version {version} was never requested")
    return state.drafting and version == state.version
