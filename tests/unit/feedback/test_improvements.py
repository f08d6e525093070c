from datetime import date

import pytest

from schemas.feedback import (
    AcceptImprovement,
    CommandRefused,
    EvaluateOutcomes,
    ImprovementAccepted,
    ImprovementProposed,
    ImprovementRejected,
    OutcomeEvaluated,
    RecordGoLive,
    RejectImprovement,
    Stage,
)
from schemas.intake import Because, Need

BAD = [5.0, 5.4] * 10
ACCEPT = AcceptImprovement(improvement="IMP-1", accepted_by="anna")
REJECT = RejectImprovement(improvement="IMP-1", rejected_by="anna", reason="Too dear")


def proposed(told):
    return [e for e in told.outcome if isinstance(e, ImprovementProposed)]


@pytest.fixture
def evaluate(make):
    return EvaluateOutcomes(as_of=make.day(60))


@pytest.fixture
def missed(live, make, evaluate):
    return live.when(make.measurements(*BAD)).when(evaluate)


def test_a_missed_kpi_drafts_the_next_requirement_and_cites_what_showed_it(missed):
    improvement = missed.last(ImprovementProposed).improvement

    assert (improvement.id, improvement.owner) == ("IMP-1", "anna")
    draft = improvement.requirement
    assert (draft.id, draft.solves, draft.needs) == ("R-IMP-1", ("P-1",), (Need(slot="erp"),))
    assert (draft.importance, draft.urgency, draft.effort_days) == (5, 4, 15)
    assert (draft.kpi.baseline, draft.kpi.target, draft.kpi.due_on) == (5.2, 4, date(2026, 9, 29))
    # 1 KpisAdopted, 2 WentLive, 3 MeasurementsRecorded, 4 OutcomeEvaluated
    assert improvement.because == (
        Because(
            kind="contract",
            ref="R-1",
            event_id="ENG-TEST1/feedback/1",
            text="Orders are entered once: lead-time from 9 to 4 days",
        ),
        Because(
            kind="kpi", ref="R-1", event_id="ENG-TEST1/feedback/4", text=missed.last(OutcomeEvaluated).reason
        ),
    )
    assert improvement.expected_benefit == "lead-time moves by another 1.2 to 4 days."


def test_reasons_cite_the_right_event_after_refusals_and_among_other_outcomes(empty, make, evaluate):
    refused = CommandRefused(command_id="c", command_type="t", code="RULE", field="f", rule="r", reason="x")
    told = empty.when(make.adopt(make.requirement(id="R-0", kpi=make.kpi(metric="x")), make.requirement()))
    told = told.when(RecordGoLive(), at=make.day(0)).given(refused).when(make.measurements(*BAD))

    told = told.when(evaluate).then_types(OutcomeEvaluated, OutcomeEvaluated, ImprovementProposed)

    # 1 adopted, 2 live, 3 refused, 4 measured, 5 outcome of R-0, 6 outcome of R-1
    assert told.last(ImprovementProposed).improvement.because[-1].event_id == "ENG-TEST1/feedback/6"


def test_an_open_measure_is_not_proposed_twice(missed, make):
    told = missed.when(make.measurements(9, 9, 9, first=30)).when(EvaluateOutcomes(as_of=make.day(61)))

    told.then_types(OutcomeEvaluated)


def test_an_accepted_measure_is_proposed_again_only_in_the_next_cycle(missed, make):
    told = missed.when(ACCEPT)
    told.when(EvaluateOutcomes(as_of=make.day(61))).then_types(OutcomeEvaluated)

    told = told.when(make.adopt(make.requirement(), make.requirement(id="R-IMP-1"), cycle=2), at=make.day(61))
    told = told.when(EvaluateOutcomes(as_of=make.day(62)))

    assert [e.improvement.id for e in proposed(told)] == ["IMP-2"]


def test_a_rejected_measure_does_not_come_back_unchanged(missed, make):
    told = missed.when(REJECT)

    unchanged = told.when(make.measurements(5.2, 5.1, first=30)).when(EvaluateOutcomes(as_of=make.day(61)))
    worse = told.when(make.measurements(*[9.0] * 10, first=30)).when(EvaluateOutcomes(as_of=make.day(61)))

    assert proposed(unchanged) == []
    assert [e.improvement.id for e in proposed(worse)] == ["IMP-2"]


def test_an_unhappy_stage_calls_for_a_measure(live, make, evaluate):
    told = live
    for n, score in enumerate((3, 3, 3, 4, 3), start=1):
        told = told.when(make.survey(f"S-{n}", score))

    improvement = proposed(told.when(evaluate))[0].improvement

    # 1 adopted, 2 live, then a survey and a measure of it each: the newest measure is 12.
    assert improvement.because == (
        Because(
            kind="survey",
            ref="migration",
            event_id="ENG-TEST1/feedback/12",
            text="Satisfaction with migration is 3.20 of 5 over 5 answers; the bar is 3.5.",
        ),
    )
    assert improvement.requirement.importance == 4
    assert improvement.requirement.kpi is None


def test_four_unhappy_answers_or_a_mean_at_the_bar_call_for_nothing(live, make, evaluate):
    few, fair = live, live
    for n in range(4):
        few = few.when(make.survey(f"S-{n}", 1))
    for n, score in enumerate((3, 4, 3, 4, 3, 4)):
        fair = fair.when(make.survey(f"S-{n}", score, stage=Stage.DESIGN))

    assert proposed(few.when(evaluate)) == []
    assert proposed(fair.when(evaluate)) == []


def test_three_tickets_on_one_requirement_call_for_a_measure(live, make, evaluate):
    two = live.when(make.mail("<a@x>", subject="R-1")).when(make.mail("<b@x>", subject="R-1 again"))
    assert proposed(two.when(evaluate)) == []

    told = two.when(make.mail("<c@x>", subject="R-1 once more")).when(evaluate)

    improvement = proposed(told)[0].improvement
    assert [(b.kind, b.ref, b.event_id) for b in improvement.because] == [
        ("ticket", "T-1", "ENG-TEST1/feedback/3"),
        ("ticket", "T-2", "ENG-TEST1/feedback/4"),
        ("ticket", "T-3", "ENG-TEST1/feedback/5"),
    ]
    assert improvement.title == "End the recurring trouble with Orders are entered once"


def test_rejected_ticket_trouble_comes_back_after_three_more(live, make, evaluate):
    told = live
    for n in range(3):
        told = told.when(make.mail(f"<{n}@x>", subject="R-1"))
    told = told.when(evaluate).when(REJECT)

    two_more = told.when(make.mail("<3@x>", subject="R-1")).when(make.mail("<4@x>", subject="R-1"))
    three_more = two_more.when(make.mail("<5@x>", subject="R-1"))

    assert proposed(two_more.when(EvaluateOutcomes(as_of=make.day(61)))) == []
    assert len(proposed(three_more.when(EvaluateOutcomes(as_of=make.day(61))))) == 1


def test_accepting_publishes_the_whole_measure_once(missed):
    improvement = missed.last(ImprovementProposed).improvement

    told = missed.when(ACCEPT).then(ImprovementAccepted(improvement=improvement, accepted_by="anna"))

    told.when(ACCEPT).then_nothing()
    told.when(REJECT).then_refused("improvement", "improvement-is-open")


def test_rejecting_is_recorded_with_its_reason_once(missed):
    told = missed.when(REJECT)

    told.then(ImprovementRejected(improvement="IMP-1", rejected_by="anna", reason="Too dear"))
    told.when(REJECT).then_nothing()
    told.when(ACCEPT).then_refused("improvement", "improvement-is-open")


@pytest.mark.parametrize("command", [ACCEPT, REJECT])
def test_a_measure_that_does_not_exist_is_refused(live, command):
    live.when(command).then_refused("improvement", "improvement-exists")


def test_titles_of_any_length_give_valid_drafts(empty, make, evaluate):
    requirement = make.requirement(title="Ä" * 200)
    told = empty.when(make.adopt(requirement)).when(RecordGoLive(), at=make.day(0))
    for n in range(3):
        told = told.when(make.mail(f"<{n}@x>", subject="R-1"))

    event = proposed(told.when(evaluate))[0]

    assert ImprovementProposed.model_validate_json(event.model_dump_json()) == event
