"""Requirements and their KPI contracts."""

import math
from collections.abc import Sequence

from intake.model.recording import Recorder, refuse_repeats, require_stakeholder
from intake.model.state import State
from schemas.base import Day, Event
from schemas.intake import (
    AgreeKpi,
    Direction,
    Kpi,
    KpiAgreed,
    RecordRequirement,
    Requirement,
    RequirementRecorded,
)
from schemas.rules import Refused


def check_requirement(state: State, item: Requirement, path: str) -> None:
    refuse_repeats(item.solves, f"{path}.solves", "pain point")
    for index, solved in enumerate(item.solves):
        if solved not in state.pain_points:
            reason = f"no pain point {solved!r} is recorded"
            raise Refused(f"{path}.solves.{index}", "unknown-pain-point", reason)
    refuse_repeats((need.slot for need in item.needs), f"{path}.needs", "slot")
    if item.kpi is not None:
        check_kpi(state, item.kpi, f"{path}.kpi")


def check_kpi(state: State, kpi: Kpi, path: str) -> None:
    require_stakeholder(state, kpi.owner, f"{path}.owner")
    for name, value in (("baseline", kpi.baseline), ("target", kpi.target)):
        if not math.isfinite(value):
            raise Refused(f"{path}.{name}", "kpi-needs-finite-numbers", f"{value} cannot be measured")
    change = kpi.target - kpi.baseline
    if (change <= 0) if kpi.direction is Direction.INCREASE else (change >= 0):
        side = "above" if kpi.direction is Direction.INCREASE else "below"
        reason = f"to {kpi.direction} {kpi.metric}, the target must be {side} the baseline {kpi.baseline:g}"
        raise Refused(f"{path}.target", "kpi-target-improves-on-baseline", reason)
    _check_due(state, kpi.due_on, f"{path}.due_on")


def _check_due(state: State, due_on: Day, path: str) -> None:
    if state.opened and due_on <= state.opened.start_on:
        reason = f"{due_on} is not after the start on {state.opened.start_on}"
        raise Refused(path, "kpi-needs-future-date", reason)


def refuse_after_agreement(state: State, field: str) -> None:
    """What is agreed stays as it was agreed; an accepted improvement opens the next cycle."""
    if state.agreed_version:
        reason = (
            f"plan version {state.agreed_version} of cycle {state.cycle} is agreed;"
            " an accepted improvement opens the next cycle"
        )
        raise Refused(field, "cycle-is-agreed", reason)


def _requirement(state: State, item: Requirement, path: str) -> Event:
    check_requirement(state, item, path)
    refuse_after_agreement(state, path)
    return RequirementRecorded(requirement=item, cycle=state.cycle)


REQUIREMENTS = Recorder("requirement", lambda s: s.requirements, lambda i: i.id, _requirement)


def record_requirement(state: State, command: RecordRequirement) -> Sequence[Event]:
    return REQUIREMENTS.record(state, command.requirement, "requirement")


def agree_kpi(state: State, command: AgreeKpi) -> Sequence[Event]:
    requirement = state.requirements.get(command.requirement)
    if requirement is None:
        reason = f"no requirement {command.requirement!r} is recorded"
        raise Refused("requirement", "unknown-requirement", reason)
    if requirement.kpi == command.kpi:
        return ()
    if state.cycle_of[requirement.id] < state.cycle:
        reason = f"the requirement {requirement.id!r} was agreed in cycle {state.cycle_of[requirement.id]}"
        raise Refused("requirement", "cycle-is-agreed", reason)
    refuse_after_agreement(state, "requirement")
    check_kpi(state, command.kpi, "kpi")
    return (KpiAgreed(requirement=command.requirement, kpi=command.kpi),)
