from random import Random

import pytest

from feedback.model import State, evolve
from feedback.model.folding import POINTS_KEPT
from schemas.feedback import (
    CommandHadNoEffect,
    CommandRefused,
    ComponentsAdopted,
    EvaluateOutcomes,
    ImprovementProposed,
    KpisAdopted,
    MeasurementsRecorded,
    OutcomeEvaluated,
    RecordGoLive,
    Verdict,
    WentLive,
)
from schemas.intake import Direction
from testkit.scenario import NOON

GOOD = [3.0, 3.4] * 10
BAD = [5.0, 5.4] * 10


@pytest.fixture
def evaluate(make):
    return EvaluateOutcomes(as_of=make.day(60))


def test_the_contracts_of_an_agreed_plan_are_adopted(empty, make):
    told = empty.when(make.adopt(make.requirement(), make.requirement(id="R-2", kpi=None)))

    told.then_types(KpisAdopted)
    assert [a.requirement for a in told.last(KpisAdopted).kpis] == ["R-1"]
    assert told.last(KpisAdopted).agreed_at == NOON
    told.when(make.adopt()).then_nothing()


def test_the_next_cycle_adds_its_contracts_and_keeps_unchanged_ones_running(live, make):
    told = live.when(make.adopt(make.requirement(), make.requirement(id="R-2"), cycle=2))

    assert {name: contract.cycle for name, contract in told.state.contracts.items()} == {"R-1": 1, "R-2": 2}
    told.when(make.adopt(cycle=1)).then_nothing()


def test_components_are_adopted_once(empty, make):
    empty.when(make.components).then_types(ComponentsAdopted).when(make.components).then_nothing()


def test_only_metrics_that_a_kpi_names_are_recorded(agreed, make):
    agreed.when(make.measurements(1)).then_types(MeasurementsRecorded)
    agreed.when(make.measurements(1, metric="cpu")).then_nothing()


def test_measurements_that_overtake_the_plan_are_kept_if_it_names_them(empty, make, evaluate):
    told = empty.when(make.measurements(*GOOD)).when(make.measurements(*GOOD, metric="cpu"))
    told = told.when(make.adopt()).when(RecordGoLive(), at=make.day(0))

    assert list(told.state.series) == ["lead-time"]
    assert told.when(evaluate).last(OutcomeEvaluated).verdict is Verdict.ACHIEVED


def test_going_live_is_recorded_once_at_the_time_it_happened(agreed, make):
    told = agreed.when(RecordGoLive(), at=make.day(0)).then(WentLive(at=make.day(0)))

    told.when(RecordGoLive(), at=make.day(0)).then_nothing()


def test_a_target_that_is_passed_with_certainty_is_achieved(live, make, evaluate):
    told = live.when(make.measurements(*GOOD)).when(evaluate).then_types(OutcomeEvaluated)

    found = told.last(OutcomeEvaluated)
    assert (found.verdict, found.samples, found.actual, found.cycle) == (Verdict.ACHIEVED, 20, 3.2, 1)
    assert found.interval_low < 3.2 < found.interval_high < 4
    assert found.p_value < 0.001
    assert found.reason.startswith("Since go-live lead-time is 3.2 days on average (95 % interval 3.")
    assert "The target of at most 4 days is met" in found.reason
    assert found.reason.endswith("It is due on 2026-07-01.")


def test_a_target_that_is_missed_is_not_shown(live, make, evaluate):
    found = live.when(make.measurements(*BAD)).when(evaluate).last(OutcomeEvaluated)

    assert (found.verdict, found.actual, found.p_value) == (Verdict.NOT_SHOWN, 5.2, 1.0)
    assert "is not shown to be met" in found.reason


def test_no_effect_is_not_shown_whatever_the_direction(empty, make, evaluate):
    random = Random(7)
    contract = make.kpi(direction=Direction.INCREASE, baseline=90, target=95)
    told = empty.when(make.adopt(make.requirement(kpi=contract))).when(RecordGoLive(), at=make.day(0))

    told = told.when(make.measurements(*[random.gauss(90, 3) for _ in range(60)])).when(evaluate)

    assert told.last(OutcomeEvaluated).verdict is Verdict.NOT_SHOWN
    assert "at least 95 days" in told.last(OutcomeEvaluated).reason


def test_what_was_measured_before_going_live_says_nothing(live, make, evaluate):
    told = live.when(make.measurements(*GOOD, first=-30)).when(make.measurements(*BAD)).when(evaluate)

    found = told.last(OutcomeEvaluated)
    assert (found.samples, found.actual) == (20, 5.2)


def test_what_was_measured_after_as_of_says_nothing(live, make):
    told = live.when(make.measurements(*GOOD, *BAD))

    found = told.when(EvaluateOutcomes(as_of=make.day(19))).last(OutcomeEvaluated)

    assert (found.samples, found.verdict) == (20, Verdict.ACHIEVED)


@pytest.mark.parametrize(
    ("values", "unit", "samples", "reason"),
    [
        ((), "days", 0, "No series named lead-time has been measured."),
        ([3] * 7, "days", 7, "Only 7 measurements of lead-time since go-live; at least 8 are needed."),
        (GOOD, "hours", 20, "lead-time is measured in hours, but was agreed in days."),
    ],
)
def test_what_cannot_be_judged_is_unmeasurable(live, make, evaluate, values, unit, samples, reason):
    told = live.when(make.measurements(*values, unit=unit)).when(evaluate).then_types(OutcomeEvaluated)

    found = told.last(OutcomeEvaluated)
    assert (found.verdict, found.samples, found.reason) == (Verdict.UNMEASURABLE, samples, reason)
    assert found.actual is None


def test_before_going_live_everything_is_unmeasurable(agreed, make, evaluate):
    told = agreed.when(make.measurements(*GOOD))

    found = told.when(evaluate).last(OutcomeEvaluated)
    assert found.verdict is Verdict.UNMEASURABLE
    assert found.reason == "The new system was not live by 2026-05-31 00:00 UTC."
    early = told.when(RecordGoLive(), at=make.day(0)).when(EvaluateOutcomes(as_of=make.day(-1)))
    assert early.last(OutcomeEvaluated).verdict is Verdict.UNMEASURABLE


def test_a_contract_of_the_next_cycle_waits_for_the_next_go_live(live, make, evaluate):
    later = make.adopt(make.requirement(id="R-2", kpi=make.kpi(metric="errors")), cycle=2)
    told = live.when(later, at=make.day(30)).when(make.measurements(*GOOD, metric="errors", first=31))

    waiting = told.when(evaluate).last(OutcomeEvaluated)
    done = told.when(RecordGoLive(), at=make.day(31)).when(evaluate).last(OutcomeEvaluated)

    assert (waiting.requirement, waiting.verdict) == ("R-2", Verdict.UNMEASURABLE)
    assert (done.requirement, done.cycle, done.verdict) == ("R-2", 2, Verdict.ACHIEVED)


def test_without_contracts_there_is_nothing_to_evaluate(empty, evaluate):
    empty.when(evaluate).then_refused("as_of", "kpis-are-agreed")


def test_evaluating_again_on_the_same_data_changes_nothing(live, make, evaluate):
    told = live.when(make.measurements(*BAD)).when(evaluate).then_types(OutcomeEvaluated, ImprovementProposed)

    told.when(evaluate).then_nothing()


def test_state_keeps_the_newest_measurements_only_and_survives_json(live, make):
    told = live
    for first in range(0, 6_000, 2_000):
        told = told.when(make.measurements(*[float(n) for n in range(first, first + 2_000)], first=first))

    kept = told.state.series["lead-time"].points
    assert (len(kept), kept[0][1], kept[-1][1]) == (POINTS_KEPT, 1_000.0, 5_999.0)
    assert State.model_validate_json(told.state.model_dump_json()) == told.state


def test_a_full_state_survives_json(live, make, evaluate):
    told = live.when(make.components).when(make.mail("<a@x>")).when(make.survey("S-1", 3))
    told = told.when(make.measurements(*BAD)).when(evaluate)

    assert told.state.measures
    assert State.model_validate_json(told.state.model_dump_json()) == told.state


def test_every_event_counts_also_refusals_and_answers_without_effect(live):
    refused = CommandRefused(command_id="c", command_type="t", code="RULE", field="f", rule="r", reason="x")
    nothing = CommandHadNoEffect(command_id="c", command_type="t")

    state = evolve(evolve(live.state, refused), nothing)

    assert state == live.state.model_copy(update={"folded": live.state.folded + 2})


def test_measurements_too_extreme_to_compute_with_are_unmeasurable_and_stop_nothing(live, make, evaluate):
    told = live.when(make.measurements(*[1e200, -1e200] * 5)).when(evaluate)

    found = told.last(OutcomeEvaluated)
    assert (found.verdict, found.samples) == (Verdict.UNMEASURABLE, 10)
    assert found.reason.endswith("lie between -1e+200 and 1e+200: too extreme.")
