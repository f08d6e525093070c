"""How design's events change the view."""

from typing import Any

from gateway.entry import Entry
from gateway.view.parts import Table, View, change, item, plain, put, stage
from schemas import design


def empty() -> View:
    return {"catalogue": None, "proposal": None, "versions": [], "conflicts": [], "blocked_reason": None}


def catalogue_offered(view: View, event: design.CatalogueOffered, _: Entry) -> None:
    offered = event.catalogue
    view["design"]["catalogue"] = {
        "id": offered.id,
        "version": offered.version,
        "products": len(offered.products),
        "incompatibilities": len(offered.incompatibilities),
    }


def plan_received(view: View, _: design.PlanReceived, entry: Entry) -> None:
    stage(view, "design", "active", entry)


def drafting_requested(view: View, event: design.DraftingRequested, entry: Entry) -> None:
    _version(view, event.order.version, "drafting", entry)
    _unblock(view, entry)


def proposal_drafted(view: View, event: design.ProposalDrafted, entry: Entry) -> None:
    view["design"]["proposal"] = _proposal(event, "drafted")
    view["design"]["conflicts"] = []
    _version(view, event.proposal.version, "drafted", entry, content_digest=event.content_digest)
    _unblock(view, entry)


def proposal_infeasible(view: View, event: design.ProposalInfeasible, entry: Entry) -> None:
    view["design"]["conflicts"] = list(event.conflicts)
    _version(view, event.proposal_version, "infeasible", entry)
    _block(view, "; ".join(event.conflicts), entry)


def proposal_approved(view: View, event: design.ProposalApproved, entry: Entry) -> None:
    approved = {"approved_by": event.approved_by, "approved_at": entry.at.isoformat()}
    view["design"]["proposal"] = {**_proposal(event, "approved"), **approved}
    _version(view, event.proposal.version, "approved", entry, by=event.approved_by)
    view["design"]["blocked_reason"] = None
    stage(view, "design", "done", entry)


def proposal_rejected(view: View, event: design.ProposalRejected, entry: Entry) -> None:
    _decided(view, event.proposal_version, "rejected", event.comments)
    said = {"by": event.rejected_by, "comments": event.comments}
    _version(view, event.proposal_version, "rejected", entry, **said)
    _block(view, f"{event.rejected_by} rejected version {event.proposal_version}: {event.comments}", entry)


def revision_requested(view: View, event: design.RevisionRequested, entry: Entry) -> None:
    _decided(view, event.proposal_version, "revision_requested", event.comments)
    said = {"by": event.requested_by, "comments": event.comments}
    _version(view, event.proposal_version, "revision_requested", entry, **said)
    _unblock(view, entry)


def _proposal(event: design.ProposalDrafted | design.ProposalApproved, state: str) -> View:
    whole = plain(event.proposal)
    team = [{"role": role, "people": people} for role, people in event.proposal.team.items()]
    undecided = {"approved_by": None, "approved_at": None, "comments": None}
    return {**whole, "team": team, "content_digest": event.content_digest, "state": state, **undecided}


def _decided(view: View, version: int, state: str, comments: str) -> None:
    proposal = view["design"]["proposal"]
    if proposal is not None and proposal["version"] == version:
        proposal.update(state=state, comments=comments)


def _version(view: View, number: int, state: str, entry: Entry, **more: Any) -> None:
    versions = view["design"]["versions"]
    if item(versions, "version", number) is None:
        nothing = {"content_digest": None, "by": None, "comments": None}
        put(versions, {"version": number, **nothing}, "version")
    change(versions, "version", number, state=state, at=entry.at.isoformat(), **more)


def _block(view: View, reason: str, entry: Entry) -> None:
    view["design"]["blocked_reason"] = reason
    stage(view, "design", "blocked", entry)


def _unblock(view: View, entry: Entry) -> None:
    view["design"]["blocked_reason"] = None
    stage(view, "design", "active", entry)


TABLE: Table = {
    design.CatalogueOffered: catalogue_offered,
    design.PlanReceived: plan_received,
    design.DraftingRequested: drafting_requested,
    design.ProposalDrafted: proposal_drafted,
    design.ProposalInfeasible: proposal_infeasible,
    design.ProposalApproved: proposal_approved,
    design.ProposalRejected: proposal_rejected,
    design.RevisionRequested: revision_requested,
}
