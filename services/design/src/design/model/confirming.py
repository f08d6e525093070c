"""How the client confirms: approve, reject, or ask for another version."""

from collections.abc import Sequence

from design.model.drafting import requested
from design.model.state import State, catalogue_key
from schemas.base import Event
from schemas.design import (
    ApproveProposal,
    Proposal,
    ProposalApproved,
    ProposalRejected,
    RejectProposal,
    RequestRevision,
    RevisionRequested,
)
from schemas.rules import Refused


def approve_proposal(state: State, command: ApproveProposal) -> Sequence[Event]:
    if state.approved.get(command.proposal_version) == command.content_digest:
        return ()
    proposal = _drafted(state)
    _cite_newest(state, command.proposal_version, "approval-must-cite-current-content")
    if command.content_digest != state.digest:
        reason = f"version {state.version} has the digest {state.digest}; read it again and cite that"
        raise Refused("content_digest", "approval-must-cite-current-content", reason)
    if state.rejected:
        reason = f"version {state.version} was rejected; ask for a revision"
        raise Refused("proposal_version", "proposal-already-rejected", reason)
    return (
        ProposalApproved(proposal=proposal, content_digest=state.digest, approved_by=command.approved_by),
    )


def reject_proposal(state: State, command: RejectProposal) -> Sequence[Event]:
    _drafted(state)
    _cite_newest(state, command.proposal_version, "rejection-must-cite-newest-version")
    _refuse_approved(state)
    if state.rejected:
        return ()
    return (
        ProposalRejected(
            proposal_version=command.proposal_version,
            rejected_by=command.rejected_by,
            comments=command.comments,
        ),
    )


def request_revision(state: State, command: RequestRevision) -> Sequence[Event]:
    _settled(state)
    _cite_newest(state, command.proposal_version, "revision-must-cite-newest-version")
    _refuse_approved(state)
    _check_revision(state, command)
    event = RevisionRequested(
        proposal_version=command.proposal_version,
        requested_by=command.requested_by,
        comments=command.comments,
        exclude_products=tuple(p for p in command.exclude_products if p not in state.excluded),
        budget=command.budget,
    )
    return requested(state, event)


def _check_revision(state: State, command: RequestRevision) -> None:
    known = {p.id for p in state.catalogue.products} if state.catalogue else set()
    for index, product in enumerate(command.exclude_products):
        if product not in known:
            reason = f"the catalogue has no product {product!r}"
            raise Refused(f"exclude_products.{index}", "unknown-product", reason)
    if command.budget is not None and command.budget <= 0:
        raise Refused("budget", "budget-above-zero", "a revision needs a budget above 0")
    if not _changes(state, command):
        reason = (
            "take a product out, name another budget or offer a newer catalogue: else the same is drafted"
        )
        raise Refused("exclude_products", "revision-changes-something", reason)


def _changes(state: State, command: RequestRevision) -> bool:
    order = state.order()
    if order is None:
        return False
    return (
        not set(command.exclude_products) <= set(state.excluded)
        or command.budget not in (None, order.budget)
        or catalogue_key(order.catalogue) != state.drafted_from
    )


def _settled(state: State) -> None:
    if state.version == 0:
        raise Refused("proposal_version", "proposal-not-drafted", "no proposal has been drafted yet")
    if state.drafting:
        reason = f"version {state.version} is being drafted; wait for it"
        raise Refused("proposal_version", "drafting-is-running", reason)


def _drafted(state: State) -> Proposal:
    _settled(state)
    if state.proposal is None:
        reason = f"nothing fitted for version {state.version}; ask for a revision"
        raise Refused("proposal_version", "proposal-not-drafted", reason)
    return state.proposal


def _cite_newest(state: State, version: int, rule: str) -> None:
    if version != state.version:
        reason = f"the newest version is {state.version}, not {version}"
        raise Refused("proposal_version", rule, reason)


def _refuse_approved(state: State) -> None:
    if state.version in state.approved:
        reason = f"version {state.version} is approved, which stands"
        raise Refused("proposal_version", "proposal-already-approved", reason)
