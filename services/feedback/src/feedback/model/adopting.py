"""What feedback learns from the other services: contracts, components, measurements, the go-live."""

from collections.abc import Sequence

from feedback.model.folding import served
from feedback.model.state import State
from schemas.base import Event
from schemas.feedback import (
    AdoptComponents,
    AdoptedKpi,
    AdoptKpis,
    ComponentsAdopted,
    KpisAdopted,
    MeasurementsRecorded,
    RecordGoLive,
    RecordMeasurements,
    WentLive,
)
from schemas.rules import Context

EARLY_METRICS = 200
"""Metrics kept while no plan is known: measurements may be delivered before the plan that names them."""


def adopt_kpis(state: State, command: AdoptKpis, context: Context) -> Sequence[Event]:
    if command.cycle < state.cycle:
        return []
    adopted = tuple(
        AdoptedKpi(
            requirement=requirement.id, title=requirement.title, kpi=requirement.kpi, origin=requirement
        )
        for requirement in command.requirements
        if requirement.kpi is not None
    )
    if command.cycle == state.cycle and all(_is_known(state, kpi) for kpi in adopted):
        return []
    return [KpisAdopted(cycle=command.cycle, kpis=adopted, agreed_at=context.at)]


def _is_known(state: State, adopted: AdoptedKpi) -> bool:
    known = state.contracts.get(adopted.requirement)
    return known is not None and known.adopted.kpi == adopted.kpi


def adopt_components(state: State, command: AdoptComponents, _: Context) -> Sequence[Event]:
    names = {component.id: component.name for component in command.components}
    if names == state.components and served(command.components, command.coverage) == state.serves:
        return []
    return [ComponentsAdopted(components=command.components, coverage=command.coverage)]


def record_measurements(state: State, command: RecordMeasurements, _: Context) -> Sequence[Event]:
    if not command.points or not _is_wanted(state, command.metric):
        return []
    return [MeasurementsRecorded(metric=command.metric, points=command.points, unit=command.unit)]


def _is_wanted(state: State, metric: str) -> bool:
    if state.contracts:
        return metric in state.metrics()
    return metric in state.series or len(state.series) < EARLY_METRICS


def record_go_live(state: State, command: RecordGoLive, context: Context) -> Sequence[Event]:
    at = command.at or context.at
    return [] if at in state.live else [WentLive(at=at)]
