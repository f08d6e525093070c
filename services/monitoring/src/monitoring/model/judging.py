"""Measurements and checks: bound to a component, put in order of time, judged by rules and SLOs."""

from collections.abc import Sequence
from datetime import datetime

from monitoring.engine.budget import measure
from monitoring.engine.rules import Change, Progress, Transition, evaluate, told
from monitoring.model.state import PROBE, RULE, State, alert_id, series_key
from monitoring.model.story import Story
from schemas.base import Event, Ref
from schemas.monitoring import (
    AlertCleared,
    AlertFired,
    AlertPending,
    BudgetMeasured,
    Comparison,
    JudgeSamples,
    Point,
    ProbeRecorded,
    RecordProbe,
    Rule,
    SamplesJudged,
    SamplesQuarantined,
    Severity,
)
from schemas.rules import Context, Refused

TRANSITIONS_TOLD = 100
"""Per rule and message; 2,000 points that jump about a threshold would be 4,000 events and no news."""
Changes = tuple[Rule, list[Transition]]
SERIES_LIMIT = 2_000
"""Series per engagement; a sender that invents names must not make the state grow without end."""


def judge_samples(state: State, command: JudgeSamples, _: Context) -> Sequence[Event]:
    reason = unknown_component(state, command.component) or _too_many(state, command)
    if reason:
        count = len(command.points)
        return [
            SamplesQuarantined(
                series=command.series, component=command.component, points=count, reason=reason
            )
        ]
    newest = state.newest_of(command.component, command.series)
    points = _fresh(command.points, newest)
    changes = _changes(state, command, points, newest)
    story = Story(state)
    story.add(_judged(command, points, changes))
    for transition, rule in _in_time(changes):
        _tell(story, transition, rule)
    if points:
        _measure_budgets(story, command.series)
    return story.events


def _judged(command: JudgeSamples, points: tuple[Point, ...], changes: Sequence[Changes]) -> SamplesJudged:
    return SamplesJudged(
        series=command.series,
        component=command.component,
        unit=command.unit,
        points=points,
        late=len(command.points) - len(points),
        flapping=tuple(rule.id for rule, transitions in changes if len(transitions) > TRANSITIONS_TOLD),
    )


def unknown_component(state: State, component: Ref) -> str | None:
    """Why nothing can be bound to `component`, or None."""
    if not state.watching:
        return (
            f"nothing is watched yet, so {component!r} is not known; it will be once the environment is built"
        )
    if component not in state.components:
        return f"the design has no component {component!r}; it has {', '.join(state.components)}"
    return None


def _too_many(state: State, command: JudgeSamples) -> str | None:
    known = series_key(command.component, command.series) in state.newest
    if known or len(state.newest) < SERIES_LIMIT:
        return None
    return f"the engagement already has {SERIES_LIMIT} series, which is the limit"


def _fresh(points: Sequence[Point], newest: datetime | None) -> tuple[Point, ...]:
    """The points in order of time, each newer than the one before."""
    fresh: list[Point] = []
    for point in sorted(points, key=lambda p: p.at):
        if newest is None or point.at > newest:
            fresh.append(point)
            newest = point.at
    return tuple(fresh)


def _changes(
    state: State, command: JudgeSamples, points: Sequence[Point], newest: datetime | None
) -> list[Changes]:
    return [
        (rule, evaluate(rule, _progress(state, rule, newest), points))
        for rule in state.rules.values()
        if (rule.series, rule.component) == (command.series, command.component)
    ]


def _in_time(changes: Sequence[Changes]) -> list[tuple[Transition, Rule]]:
    found = [
        (transition, rule)
        for rule, transitions in changes
        for transition in told(transitions, TRANSITIONS_TOLD)
    ]
    return sorted(found, key=lambda pair: pair[0].at)


def _progress(state: State, rule: Rule, newest: datetime | None) -> Progress:
    return Progress(state.pending.get(rule.id), alert_id(RULE, rule.id) in state.alerts, newest)


def _tell(story: Story, transition: Transition, rule: Rule) -> None:
    match transition.change:
        case Change.PENDING:
            story.add(AlertPending(rule=rule.id, since=transition.since, value=transition.value))
        case Change.CLEARED:
            story.add(AlertCleared(rule=rule.id, at=transition.at))
        case Change.FIRED:
            story.fire(_fired(transition, rule))
        case Change.RESOLVED:
            story.end(alert_id(RULE, rule.id), transition.at)


def _fired(transition: Transition, rule: Rule) -> AlertFired:
    word = "above" if rule.comparison is Comparison.ABOVE else "below"
    since = transition.since.isoformat()
    return AlertFired(
        alert=alert_id(RULE, rule.id),
        origin=RULE,
        severity=rule.severity,
        component=rule.component,
        at=transition.at,
        summary=f"{rule.series} is {transition.value:g}, {word} {rule.threshold:g} since {since}",
        requirement=rule.requirement,
    )


def _measure_budgets(story: Story, series: Ref) -> None:
    for tracked in list(story.state.slos.values()):
        if tracked.slo.series == series:
            budget = measure(tracked.slo.objective, tracked.days)
            story.add(
                BudgetMeasured(
                    slo=tracked.slo.id,
                    good=budget.good,
                    total=budget.total,
                    attained=budget.attained,
                    remaining=budget.remaining,
                    requirement=tracked.slo.requirement,
                )
            )


def record_probe(state: State, command: RecordProbe, _: Context) -> Sequence[Event]:
    watched = state.probes.get(command.probe)
    if watched is None:
        raise Refused("probe", "probe-is-defined", f"no probe {command.probe!r} is defined")
    story = Story(state)
    changed = watched.up != command.up
    component = watched.probe.component
    story.add(ProbeRecorded(component=component, changed=changed, **command.model_dump()))
    alert = alert_id(PROBE, command.probe)
    if command.up:
        story.end(alert, command.checked_at)
    elif alert not in state.alerts:
        summary = f"Probe {command.probe} finds {watched.probe.target} down: {command.detail}"
        story.fire(
            AlertFired(
                alert=alert,
                origin=PROBE,
                severity=Severity.CRITICAL,
                component=component,
                at=command.checked_at,
                summary=summary[:8000],
            )
        )
    return story.events
