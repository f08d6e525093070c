"""What provisioning asks itself when something happens elsewhere."""

from collections import Counter
from collections.abc import Mapping

from messaging.service import Reaction
from schemas import design
from schemas.base import Event
from schemas.provisioning import PrepareEnvironment, RoleNeed


def needs_of(proposal: design.Proposal) -> tuple[RoleNeed, ...]:
    """Person days per role from the tasks, people at once from the schedule's team."""
    days: Counter[str] = Counter()
    for task in proposal.tasks:
        days[task.role] += task.days
    return tuple(
        RoleNeed(role=role, days=max(days[role], 1), people=max(proposal.team.get(role, 1), 1))
        for role in sorted({*days, *proposal.team})
    )


def _approved(event: design.ProposalApproved) -> PrepareEnvironment:
    return PrepareEnvironment(
        proposal_version=event.proposal.version,
        content_digest=event.content_digest,
        needs=needs_of(event.proposal),
        environment=event.proposal.environment,
        components=event.proposal.components,
    )


REACTIONS: Mapping[type[Event], Reaction] = {
    design.ProposalApproved: _approved,
}
