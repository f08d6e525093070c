"""Improvement measures: a finding becomes a drafted requirement of the next cycle, or is turned down."""

from collections.abc import Sequence

from feedback.model.findings import Finding, findings
from feedback.model.state import Measure, Standing, State
from schemas.base import Event, Ref
from schemas.feedback import (
    AcceptImprovement,
    Improvement,
    ImprovementAccepted,
    ImprovementProposed,
    ImprovementRejected,
    OutcomeEvaluated,
    RejectImprovement,
)
from schemas.rules import Context, Refused


def proposals(
    state: State, outcomes: Sequence[OutcomeEvaluated], context: Context
) -> list[ImprovementProposed]:
    """One per finding that is new."""
    news = [finding for finding in findings(state, outcomes, context) if _is_news(state, finding)]
    return [_proposed(finding, len(state.measures) + number) for number, finding in enumerate(news, start=1)]


def _is_news(state: State, finding: Finding) -> bool:
    """Not while it is on the table or being worked on in this cycle; not again unchanged once turned down."""
    known = [measure for measure in state.measures.values() if measure.finding == finding.key]
    if not known:
        return True
    newest = known[-1]
    match newest.standing:
        case Standing.PROPOSED:
            return False
        case Standing.ACCEPTED:
            return state.cycle > newest.cycle
        case Standing.REJECTED:
            return not newest.covers(finding.value)


def _proposed(finding: Finding, number: int) -> ImprovementProposed:
    name = f"IMP-{number}"
    improvement = Improvement(
        id=name,
        title=finding.title[:200],
        requirement=finding.requirement.model_copy(update={"id": f"R-{name}"}),
        because=finding.because,
        expected_benefit=finding.expected_benefit,
        owner=finding.owner,
    )
    low, high = finding.band
    return ImprovementProposed(
        improvement=improvement, finding=finding.key, evidence_low=low, evidence_high=high
    )


def accept_improvement(state: State, command: AcceptImprovement, _: Context) -> Sequence[Event]:
    measure = _known(state, command.improvement)
    if measure.standing is Standing.ACCEPTED:
        return []
    _require_open(measure)
    return [ImprovementAccepted(improvement=measure.improvement, accepted_by=command.accepted_by)]


def reject_improvement(state: State, command: RejectImprovement, _: Context) -> Sequence[Event]:
    measure = _known(state, command.improvement)
    if measure.standing is Standing.REJECTED:
        return []
    _require_open(measure)
    rejected = ImprovementRejected(
        improvement=command.improvement, rejected_by=command.rejected_by, reason=command.reason
    )
    return [rejected]


def _known(state: State, name: Ref) -> Measure:
    measure = state.measures.get(name)
    if measure is None:
        raise Refused("improvement", "improvement-exists", f"there is no improvement {name!r}")
    return measure


def _require_open(measure: Measure) -> None:
    if measure.standing is not Standing.PROPOSED:
        reason = f"{measure.improvement.id} was already {measure.standing.value}"
        raise Refused("improvement", "improvement-is-open", reason)
