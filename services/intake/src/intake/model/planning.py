"""Scoring, the phased plan, its agreement, and the next cycle."""

import math
from collections.abc import Iterable, Sequence

from intake.engine.phasing import phases
from intake.engine.scoring import scores
from intake.model.recording import require_stakeholder
from intake.model.requirements import check_kpi, check_requirement, refuse_after_agreement
from intake.model.state import State, formula_key, missing
from schemas.base import Event
from schemas.intake import (
    AgreePlan,
    CycleOpened,
    EngagementOpened,
    Formula,
    OpenCycle,
    Plan,
    PlanAgreed,
    PlanProposed,
    Requirement,
    RequirementRecorded,
    RequirementsScored,
    ScoreRequirements,
    StakeholderRole,
)
from schemas.rules import Refused

_MAY_AGREE = (StakeholderRole.SPONSOR, StakeholderRole.MANAGEMENT)
_REF_LENGTH = 64


def score_requirements(state: State, command: ScoreRequirements) -> Sequence[Event]:
    refuse_after_agreement(state, "formula")
    _check_formula(state, command.formula)
    requirements = state.in_cycle()
    if not requirements:
        raise Refused(
            "engagement", "scoring-needs-requirements", f"cycle {state.cycle} has no requirements yet"
        )
    _refuse_unexplained(state, requirements.values())
    event = RequirementsScored(formula=command.formula, scores=scores(command.formula, requirements.values()))
    return () if event == state.scored else (event,)


def _check_formula(state: State, formula: Formula) -> None:
    total = formula.importance + formula.urgency + formula.ease
    if not math.isclose(total, 1.0, abs_tol=1e-9):
        raise Refused("formula", "weights-sum-to-one", f"the weights sum to {total:g}, not to 1")
    if state.formulas.get(formula_key(formula), formula) != formula:
        reason = (
            f"version {formula.version} of {formula.id!r} has other weights; give new weights a new version"
        )
        raise Refused("formula.version", "formula-version-is-fixed", reason)


def _refuse_unexplained(state: State, requirements: Iterable[Requirement]) -> None:
    for requirement in requirements:
        for key in requirement.solves:
            lacking = missing(state.pain_points[key])
            if lacking:
                lack = " and no ".join(lacking)
                reason = f"the pain point {key!r}, which {requirement.id!r} solves, has no {lack}"
                raise Refused("requirements", "pain-point-needs-cause-and-evidence", reason)


def propose_plan(state: State) -> Sequence[Event]:
    refuse_after_agreement(state, "plan")
    if state.scored is None:
        raise Refused(
            "scores",
            "plan-needs-scores",
            "the requirements of this cycle are not scored yet; score them first",
        )
    requirements = state.in_cycle()
    unscored = sorted(requirements.keys() - {s.requirement for s in state.scored.scores})
    if unscored:
        reason = f"{', '.join(unscored)} came after the last scoring; score again"
        raise Refused("scores", "plan-needs-scores", reason)
    opened = opened_of(state)
    plan = Plan(
        version=state.plan_versions + 1,
        formula=state.scored.formula,
        phases=phases(requirements, state.scored.scores, opened.start_on, opened.target_on),
    )
    same = state.plan is not None and state.plan.model_copy(update={"version": plan.version}) == plan
    return () if same else (PlanProposed(plan=plan),)


def agree_plan(state: State, command: AgreePlan) -> Sequence[Event]:
    if command.plan_version == state.agreed_version:
        return ()
    refuse_after_agreement(state, "plan_version")
    plan = _newest_plan(state, command.plan_version)
    agreeing = require_stakeholder(state, command.agreed_by, "agreed_by")
    if agreeing.role not in _MAY_AGREE:
        reason = (
            f"{agreeing.name} is {agreeing.role.value}; a sponsor or somebody of management agrees a plan"
        )
        raise Refused("agreed_by", "plan-agreed-by-sponsor-or-management", reason)
    requirements = state.in_cycle()
    _refuse_left_out(plan, requirements.keys())
    without = sorted(r.id for r in requirements.values() if r.kpi is None)
    if without:
        raise Refused(
            "plan_version",
            "requirement-needs-kpi",
            f"no KPI is agreed for {', '.join(without)}; agree one each",
        )
    return (_agreed(state, plan, command.agreed_by),)


def _newest_plan(state: State, version: int) -> Plan:
    if state.plan is None:
        raise Refused(
            "plan_version",
            "plan-not-proposed",
            f"no plan is proposed in cycle {state.cycle} yet; propose one",
        )
    if version != state.plan.version:
        reason = f"the newest plan is version {state.plan.version}, not {version}"
        raise Refused("plan_version", "plan-must-be-newest", reason)
    return state.plan


def _refuse_left_out(plan: Plan, requirements: Iterable[str]) -> None:
    planned = {key for phase in plan.phases for key in phase.requirements}
    left_out = sorted(set(requirements) - planned)
    if left_out:
        reason = f"{', '.join(left_out)} came after this plan; score and propose again"
        raise Refused("plan_version", "plan-covers-every-requirement", reason)


def _agreed(state: State, plan: Plan, agreed_by: str) -> PlanAgreed:
    opened = opened_of(state)
    return PlanAgreed(
        title=opened.title,
        client=opened.client,
        currency=opened.currency,
        budget=opened.budget,
        start_on=opened.start_on,
        target_on=opened.target_on,
        cycle=state.cycle,
        plan=plan,
        requirements=tuple(state.in_cycle().values()),
        agreed_by=agreed_by,
    )


def open_cycle(state: State, command: OpenCycle) -> Sequence[Event]:
    """Record the requirement of an accepted improvement in the next cycle, or in the one being prepared."""
    if command.improvement in state.improvements:
        return ()
    if state.cycle == 1 and not state.agreed_version:
        raise Refused(
            "improvement", "cycle-needs-agreed-plan", "the plan of the first cycle is not agreed yet"
        )
    asked = _with_usable_kpi(state, command.requirement)
    check_requirement(state, asked, "requirement")
    # A cycle still being prepared takes the improvement in: opening yet another would drop its requirements.
    cycle = state.cycle + 1 if state.agreed_version else state.cycle
    requirement = asked.model_copy(update={"id": _free_id(state, asked.id, cycle)})
    return (
        RequirementRecorded(requirement=requirement, cycle=cycle),
        CycleOpened(
            cycle=cycle,
            improvement=command.improvement,
            requirement=requirement.id,
            because=command.because,
        ),
    )


def _with_usable_kpi(state: State, requirement: Requirement) -> Requirement:
    """The requirement; without its KPI where that breaks a rule, so that people agree another one."""
    try:
        if requirement.kpi is not None:
            check_kpi(state, requirement.kpi, "requirement.kpi")
    except Refused:
        return requirement.model_copy(update={"kpi": None})
    return requirement


def _free_id(state: State, wanted: str, cycle: int) -> str:
    """The id asked for; where an earlier cycle has it, the id with the cycle (and a number) behind it."""
    candidate, attempt = wanted, 1
    while candidate in state.requirements:
        suffix = f".c{cycle}" if attempt == 1 else f".c{cycle}.{attempt}"
        candidate, attempt = wanted[: _REF_LENGTH - len(suffix)] + suffix, attempt + 1
    return candidate


def opened_of(state: State) -> EngagementOpened:
    if state.opened is None:
        raise Refused("engagement", "engagement-not-open", "the engagement is not open; open it first")
    return state.opened
