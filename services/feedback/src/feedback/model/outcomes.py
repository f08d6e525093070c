"""Outcomes: each KPI judged on what was measured since go-live, in words a person can act on."""

from collections.abc import Sequence
from datetime import datetime

from feedback.engine.outcome import FEWEST, Judgement, Uncomputable, judge
from feedback.model.improvements import proposals
from feedback.model.state import Contract, Series, State
from schemas.base import Event
from schemas.feedback import EvaluateOutcomes, OutcomeEvaluated, Verdict
from schemas.intake import Direction, Kpi
from schemas.rules import Context, Refused


def evaluate_outcomes(state: State, command: EvaluateOutcomes, context: Context) -> Sequence[Event]:
    if not state.contracts:
        raise Refused(
            "as_of", "kpis-are-agreed", "no plan with KPIs has been agreed, so there is nothing to judge"
        )
    outcomes = [outcome(state, contract, command.as_of) for contract in state.contracts.values()]
    proposed = proposals(state, outcomes, context)
    is_news = any(state.outcomes.get(found.requirement) != found for found in outcomes)
    return [*outcomes, *proposed] if is_news or proposed else []


def outcome(state: State, contract: Contract, as_of: datetime) -> OutcomeEvaluated:
    live = state.went_live(contract)
    series = state.series.get(contract.adopted.kpi.metric)
    if live is None or live > as_of:
        return _unmeasurable(contract, as_of, 0, f"The new system was not live by {as_of:%Y-%m-%d %H:%M %Z}.")
    kpi = contract.adopted.kpi
    if series is None:
        return _unmeasurable(contract, as_of, 0, f"No series named {kpi.metric} has been measured.")
    values = _values(series, live, as_of)
    foreign = [unit for unit in series.units if _plain(unit) != _plain(kpi.unit)]
    if foreign:
        reason = f"{kpi.metric} is measured in {', '.join(foreign)}, but was agreed in {kpi.unit}."
        return _unmeasurable(contract, as_of, len(values), reason)
    if len(values) < FEWEST:
        reason = (
            f"Only {len(values)} measurements of {kpi.metric} since go-live; at least {FEWEST} are needed."
        )
        return _unmeasurable(contract, as_of, len(values), reason)
    try:
        return _judged(contract, as_of, judge(values, kpi.target, kpi.direction))
    except Uncomputable:
        reason = f"Measurements of {kpi.metric} lie between {min(values):g} and {max(values):g}: too extreme."
        return _unmeasurable(contract, as_of, len(values), reason)


def _values(series: Series, live: datetime, as_of: datetime) -> list[float]:
    """Values after go-live up to `as_of`, in order of time; components may report out of step."""
    first, last = live.timestamp(), as_of.timestamp()
    return [value for at, value in sorted(series.points) if first <= at <= last]


def _plain(unit: str) -> str:
    return unit.casefold().removesuffix("s")


def _unmeasurable(contract: Contract, as_of: datetime, samples: int, reason: str) -> OutcomeEvaluated:
    return OutcomeEvaluated(
        cycle=contract.cycle,
        requirement=contract.adopted.requirement,
        kpi=contract.adopted.kpi,
        verdict=Verdict.UNMEASURABLE,
        samples=samples,
        reason=reason,
        as_of=as_of,
    )


def _judged(contract: Contract, as_of: datetime, found: Judgement) -> OutcomeEvaluated:
    return OutcomeEvaluated(
        cycle=contract.cycle,
        requirement=contract.adopted.requirement,
        kpi=contract.adopted.kpi,
        verdict=Verdict.ACHIEVED if found.met else Verdict.NOT_SHOWN,
        samples=found.n,
        actual=round(found.mean, 6),
        interval_low=round(found.low, 6),
        interval_high=round(found.high, 6),
        p_value=round(found.p, 6),
        reason=_in_words(contract.adopted.kpi, found, as_of),
        as_of=as_of,
    )


def _in_words(kpi: Kpi, found: Judgement, as_of: datetime) -> str:
    bound = "at least" if kpi.direction is Direction.INCREASE else "at most"
    verdict = "is met" if found.met else "is not shown to be met"
    due = "" if as_of.date() >= kpi.due_on else f" It is due on {kpi.due_on}."
    return (
        f"Since go-live {kpi.metric} is {found.mean:.4g} {kpi.unit} on average "
        f"(95 % interval {found.low:.4g} to {found.high:.4g}; {found.n} measurements, worth "
        f"{found.independent:.0f} independent ones; it was {kpi.baseline:.4g} before). "
        f"The target of {bound} {kpi.target:.4g} {kpi.unit} {verdict} (p = {found.p:.2g}).{due}"
    )
