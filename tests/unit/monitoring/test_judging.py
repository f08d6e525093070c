import random
from dataclasses import replace

import pytest

from monitoring.model import State, evolve
from monitoring.model.judging import SERIES_LIMIT
from schemas.monitoring import (
    AlertCleared,
    AlertFired,
    AlertPending,
    AlertResolved,
    BudgetMeasured,
    CommandHadNoEffect,
    CommandRefused,
    DefineProbe,
    DefineRule,
    DefineSlo,
    IncidentGrew,
    IncidentOpened,
    IncidentResolved,
    ProbeRecorded,
    RecordProbe,
    SamplesJudged,
    SamplesQuarantined,
    Severity,
)
from testkit.scenario import NOON


def probe_result(up: bool, minute, **changes):
    base = RecordProbe(
        probe="shop", up=up, checked_at=minute, checks=2, failures=0, mean_ms=3, detail="detail"
    )
    return base.model_copy(update=changes)


def test_samples_before_watching_are_quarantined(empty, make):
    told = empty.when(make.judge((0, 1), (1, 2))).then_types(SamplesQuarantined)

    assert told.last(SamplesQuarantined).points == 2
    assert "nothing is watched yet" in told.last(SamplesQuarantined).reason


def test_samples_of_an_unknown_component_are_quarantined(watching, make):
    told = watching().when(make.judge((0, 1), component="crm")).then_types(SamplesQuarantined)

    assert told.last(SamplesQuarantined).reason == "the design has no component 'crm'; it has erp, database"


def test_samples_are_put_in_order_and_late_ones_counted(watching, make):
    told = watching().when(make.judge((3, 30), (1, 10), (2, 20), (2, 99)))
    told.then(
        SamplesJudged(
            series="latency",
            component="erp",
            unit="ms",
            points=make.points((1, 10), (2, 20), (3, 30)),
            late=1,
        )
    )

    told = told.when(make.judge((2.5, 25), (3, 30), (4, 40)))

    told.then(
        SamplesJudged(series="latency", component="erp", unit="ms", points=make.points((4, 40)), late=2)
    )


def test_a_message_of_late_samples_only_is_counted_and_judged_by_nothing(watching, make):
    told = watching(DefineSlo(slo=make.slo()), make.judge((5, 1)))

    told = told.when(make.judge((1, 400), (2, 400)))

    told.then(SamplesJudged(series="latency", component="erp", unit="ms", points=(), late=2))


def test_series_without_end_are_quarantined(watching, make):
    told = watching()
    newest = {f"erp/s{n}": NOON for n in range(SERIES_LIMIT)}
    told = replace(told, state=told.state.model_copy(update={"newest": newest}))

    told.when(make.judge((0, 1), series="one-more")).then_types(SamplesQuarantined)
    told.when(make.judge((9_000, 1), series="s7")).then_types(SamplesJudged)


def test_a_rule_is_pending_then_fires_and_opens_an_incident_then_ends_it(watching, make):
    told = watching(DefineRule(rule=make.rule())).when(make.judge((0, 400), (2, 410)))
    assert told.outcome[1:] == (AlertPending(rule="slow", since=make.minute(0), value=400),)

    told = told.when(make.judge((5, 420)))
    assert told.outcome[1:] == (
        AlertFired(
            alert="rule:slow",
            origin="rule",
            severity=Severity.WARNING,
            component="erp",
            at=make.minute(5),
            summary="latency is 420, above 300 since 2026-03-01T08:00:00+00:00",
            requirement="R-1",
        ),
        IncidentOpened(
            incident="INC-1",
            severity=Severity.WARNING,
            component="erp",
            alert="rule:slow",
            at=make.minute(5),
            summary="latency is 420, above 300 since 2026-03-01T08:00:00+00:00",
            requirements=("R-1",),
        ),
    )

    told = told.when(make.judge((6, 430), (25, 100)))
    assert told.outcome[1:] == (
        AlertResolved(alert="rule:slow", at=make.minute(25)),
        IncidentResolved(
            incident="INC-1",
            at=make.minute(25),
            duration_seconds=1_200,
            resolved_by="monitoring",
            note="All its alerts have ended.",
        ),
    )


def test_a_pending_rule_that_recovers_is_cleared(watching, make):
    told = watching(DefineRule(rule=make.rule()), make.judge((0, 400))).when(make.judge((1, 100)))

    assert told.outcome[1:] == (AlertCleared(rule="slow", at=make.minute(1)),)


def test_rules_look_only_at_their_own_component_and_series(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)))

    told.when(make.judge((0, 400), component="database")).then_types(SamplesJudged)
    told.when(make.judge((0, 400), series="queue")).then_types(SamplesJudged)


def test_further_alerts_of_a_component_join_its_open_incident(watching, make):
    told = watching(
        DefineRule(rule=make.rule(for_seconds=0)),
        DefineRule(rule=make.rule(id="very-slow", threshold=500, for_seconds=0, severity=Severity.CRITICAL)),
    )

    told = told.when(make.judge((0, 400), (1, 600), (2, 400), (9, 100)))

    told.then_types(
        SamplesJudged, AlertFired, IncidentOpened, AlertFired, IncidentGrew, AlertResolved, AlertResolved,
        IncidentResolved,
    )  # fmt: skip
    assert told.last(IncidentGrew).severity is Severity.CRITICAL
    assert told.last(IncidentResolved).duration_seconds == 540


def test_a_second_trouble_after_the_first_is_a_new_incident(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)), make.judge((0, 400), (1, 1)))

    told = told.when(make.judge((2, 400)))

    assert told.last(IncidentOpened).incident == "INC-2"


@pytest.mark.parametrize("size", [1, 7, 60, 1_440])
def test_a_planted_degradation_is_one_incident_of_the_right_length(watching, make, size):
    """A day of samples each minute, slow from minute 600 to 780; whatever the size of the messages."""
    noise = random.Random(42)
    day = [(m, noise.gauss(450 if 600 <= m < 780 else 150, 20)) for m in range(1_440)]
    told = watching(DefineRule(rule=make.rule(for_seconds=300)), DefineSlo(slo=make.slo(objective=0.8)))
    events = []

    for first in range(0, len(day), size):
        told = told.when(make.judge(*day[first : first + size]))
        events += told.outcome

    opened = [e for e in events if isinstance(e, IncidentOpened)]
    resolved = [e for e in events if isinstance(e, IncidentResolved)]
    assert [e.at for e in opened] == [make.minute(605)]
    assert [(e.at, e.duration_seconds) for e in resolved] == [(make.minute(780), 175 * 60)]
    budget = told.last(BudgetMeasured)
    assert (budget.good, budget.total, budget.attained, budget.remaining) == (1_260, 1_440, 0.875, 0.375)


def test_budget_is_measured_over_the_window_of_sample_time(watching, make):
    told = watching(DefineSlo(slo=make.slo(window_days=2)))
    day = 24 * 60

    told = told.when(make.judge((0, 400), (1, 400))).when(make.judge((2 * day, 100), (2 * day + 1, 400)))

    told.then_types(SamplesJudged, BudgetMeasured)
    budget = told.last(BudgetMeasured)
    assert (budget.good, budget.total, budget.attained, budget.remaining) == (1, 2, 0.5, -4)


def test_a_slo_with_another_threshold_counts_from_zero_a_renamed_one_goes_on(watching, make):
    told = watching(DefineSlo(slo=make.slo()), make.judge((0, 100)))

    renamed = told.when(DefineSlo(slo=make.slo(title="Quick"))).when(make.judge((1, 100)))
    stricter = told.when(DefineSlo(slo=make.slo(threshold=50))).when(make.judge((1, 100)))

    assert (renamed.last(BudgetMeasured).good, renamed.last(BudgetMeasured).total) == (2, 2)
    assert (stricter.last(BudgetMeasured).good, stricter.last(BudgetMeasured).total) == (0, 1)


def test_a_probe_that_goes_down_fires_a_critical_alert_and_ends_it_when_up(watching, make):
    told = watching(DefineProbe(probe=make.probe()), probe_result(True, make.minute(0)))
    assert told.last(ProbeRecorded).changed

    told = told.when(probe_result(False, make.minute(1), failures=2, detail="connection refused"))
    told.then_types(ProbeRecorded, AlertFired, IncidentOpened)
    fired = told.last(AlertFired)
    assert (fired.alert, fired.origin, fired.severity, fired.at) == (
        "probe:shop", "probe", Severity.CRITICAL, make.minute(1),
    )  # fmt: skip
    assert fired.summary == "Probe shop finds 127.0.0.1:9000 down: connection refused"

    told = told.when(probe_result(True, make.minute(4)))
    told.then_types(ProbeRecorded, AlertResolved, IncidentResolved)
    assert told.last(IncidentResolved).duration_seconds == 180


def test_a_summary_without_a_change_alerts_nobody_twice(watching, make):
    told = watching(DefineProbe(probe=make.probe()), probe_result(False, make.minute(0)))

    told = told.when(probe_result(False, make.minute(1), checks=20, failures=20)).then_types(ProbeRecorded)

    assert told.last(ProbeRecorded).changed is False


def test_a_result_of_no_probe_is_refused(watching, make):
    watching().when(probe_result(True, NOON)).then_refused("probe", "probe-is-defined")


def test_a_rule_that_flaps_is_told_to_a_limit_and_ends_in_the_right_state(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)))

    told = told.when(make.judge(*[(n, 400 if n % 2 else 100) for n in range(2_000)]))

    assert told.last(SamplesJudged).flapping == ("slow",)
    assert len(told.outcome) == 1 + 2 * 100 + 2
    assert told.last(AlertFired).at == make.minute(1_999)
    assert list(told.state.incidents) == ["INC-51"]
    told.when(make.judge((2_000, 100))).then_types(SamplesJudged, AlertResolved, IncidentResolved)


def test_state_survives_json_and_ignores_refusals(watching, make):
    told = watching(
        DefineProbe(probe=make.probe()),
        DefineRule(rule=make.rule(for_seconds=0)),
        DefineRule(rule=make.rule(id="later", for_seconds=900)),
        DefineSlo(slo=make.slo()),
        make.judge((0, 100), (1, 400)),
        probe_result(False, NOON),
    )
    refused = CommandRefused(command_id="c", command_type="t", code="RULE", field="f", rule="r", reason="x")

    assert State.model_validate_json(told.state.model_dump_json()) == told.state
    assert told.state.pending
    assert told.state.incidents
    assert evolve(told.state, refused) == told.state
    assert evolve(told.state, CommandHadNoEffect(command_id="c", command_type="t")) == told.state


def test_state_does_not_grow_with_samples(watching, make):
    told = watching(DefineSlo(slo=make.slo()), make.judge((0, 1)))
    size = len(told.state.model_dump_json())

    told = told.when(make.judge(*[(m / 10, 1.0) for m in range(1, 2_000)]))

    assert abs(len(told.state.model_dump_json()) - size) < 20
