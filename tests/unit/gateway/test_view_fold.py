"""The fold: total, pure, deterministic, and telling the story of an engagement rightly."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.projector import entry as logged
from gateway.view import encode, fold, fold_all, new_view, seen
from gateway.view.fold import TABLE
from schemas import design, feedback, intake, migration, monitoring, provisioning
from schemas.base import CommandNoEffect, CommandRefusal, DeliveryOverruled

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def empty():
    return new_view("ENG-TEST1", "acme")


def stages(view):
    return {stage["name"]: stage["state"] for stage in view["stages"]}


def random_log(kit, seed, length=60):
    dice = random.Random(seed)
    kinds = kit.every_event()
    first = kit.opened()
    return kit.entries_of([first, *(kit.sample(dice.choice(kinds), dice) for _ in range(length))])


def test_every_event_class_of_every_service_is_folded_or_deliberately_general(kit):
    unfolded = [event for event in kit.every_event() if event not in TABLE]

    assert all(issubclass(event, CommandRefusal | CommandNoEffect | DeliveryOverruled) for event in unfolded)
    assert len(unfolded) == 18


@pytest.mark.parametrize("seed", range(5))
def test_every_event_class_can_come_first_into_an_empty_view(kit, seed):
    dice = random.Random(seed)
    for kind in kit.every_event():
        view = fold_all(empty(), kit.entries_of([kit.sample(kind, dice)]))

        assert view["cursor"] == 1
        assert view[kind.service()]["events"] == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_same_log_gives_the_same_bytes_however_it_is_cut(kit, seed):
    log = random_log(kit, seed)
    cut = random.Random(seed).randint(0, len(log))

    whole = encode(fold_all(empty(), log))
    in_two = encode(fold_all(fold_all(empty(), log[:cut]), log[cut:]))
    one_by_one = empty()
    for entry in log:
        one_by_one = fold(one_by_one, entry)

    assert whole == in_two == encode(one_by_one)


def test_the_given_view_is_left_as_it_is(kit):
    log = random_log(kit, 7)
    before = fold_all(empty(), log[:30])
    kept = encode(before)

    fold_all(before, log[30:])

    assert encode(before) == kept


def test_each_section_tells_how_fresh_it_is(kit):
    log = random_log(kit, 3)
    view = fold_all(empty(), log)
    counted = Counter(entry.service for entry in log)

    assert seen(view) == {name: counted[name] for name in seen(view)}
    for name, count in counted.items():
        newest = max(entry.at for entry in log if entry.service == name)
        assert view[name]["events"] == count
        assert view[name]["as_of"] == newest.isoformat()


def test_the_last_fifty_refusals_are_kept(kit):
    refusals = [
        intake.CommandRefused(
            command_id=f"c{number}",
            command_type="intake.agree_plan.v1",
            code="RULE",
            field="plan_version",
            rule="plan-is-proposed",
            reason="no plan yet",
        )
        for number in range(60)
    ]
    view = fold_all(empty(), kit.entries_of([kit.opened(), *refusals]))

    assert [one["command_id"] for one in view["refusals"]] == [f"c{n}" for n in range(10, 60)]


def test_what_another_tenants_command_led_to_is_counted_but_not_shown(kit):
    mine = kit.entries_of([kit.opened()])
    foreign = kit.entries_of([kit.opened(), kit.opened(title="Stolen")], tenant="other")[1:]
    view = fold_all(empty(), [*mine, *foreign])

    assert view["title"] == "New order system"
    assert (view["cursor"], view["intake"]["sequence"]) == (2, 2)


def test_coverage_counts_answers_of_the_invited(kit):
    questions = tuple(intake.Question(id=i, text=i, kind="text") for i in ("q1", "q2"))
    questionnaire = intake.Questionnaire(id="qn", title="Start", questions=questions, invited=("anna", "ben"))

    def answers(who, *ids):
        given = intake.Answers(
            questionnaire="qn", respondent=who, answered_at=AT, answers=dict.fromkeys(ids, "x")
        )
        return intake.AnswersRecorded(answers=given)

    asked = [kit.opened(), intake.QuestionnaireDefined(questionnaire=questionnaire)]
    view = fold_all(empty(), kit.entries_of([*asked, answers("anna", "q1", "q2"), answers("eve", "q1")]))
    again = fold_all(empty(), kit.entries_of([*asked, answers("anna", "q1", "q2"), answers("anna", "q1")]))

    assert view["intake"]["questionnaires"][0]["coverage"] == 0.5
    assert again["intake"]["questionnaires"][0]["coverage"] == 0.25


def test_scores_and_kpis_land_on_their_requirement(kit):
    requirement = kit.sample(intake.RequirementRecorded, random.Random(1)).requirement
    requirement = requirement.model_copy(update={"id": "r-1", "kpi": None})
    kpi = kit.sample(intake.KpiAgreed, random.Random(2)).kpi
    score = intake.Score(requirement="r-1", quadrant="do_first", score=4.2, rank=1)
    events = [
        kit.opened(),
        intake.RequirementRecorded(requirement=requirement),
        intake.KpiAgreed(requirement="r-1", kpi=kpi),
        intake.RequirementsScored(formula=intake.Formula(), scores=(score,)),
    ]
    found = fold_all(empty(), kit.entries_of(events))["intake"]["requirements"][0]

    assert (found["score"], found["rank"], found["quadrant"]) == (4.2, 1, "do_first")
    assert found["kpi"]["metric"] == kpi.metric


def story(kit, seed=5):
    """One event of each kind that moves a stage on, in the order of the lifecycle."""
    dice = random.Random(seed)
    kinds = [
        intake.PlanProposed,
        intake.PlanAgreed,
        design.PlanReceived,
        design.ProposalDrafted,
        design.ProposalApproved,
        provisioning.TeamRequested,
        provisioning.TeamFormed,
        provisioning.BuildStarted,
        provisioning.EnvironmentReady,
        migration.TargetAdopted,
        migration.MigrationStarted,
        migration.MigrationCompleted,
        monitoring.WatchStarted,
        feedback.WentLive,
    ]
    return [kit.opened(), *(kit.sample(kind, dice) for kind in kinds)]


def test_stages_follow_the_lifecycle(kit):
    view = fold_all(empty(), kit.entries_of(story(kit)))

    assert stages(view) == {
        "intake": "done",
        "design": "done",
        "provisioning": "done",
        "migration": "done",
        "monitoring": "active",
        "feedback": "active",
    }
    assert (view["stage"], view["health"]["state"]) == ("feedback", "ok")
    assert all(stage["started_at"] for stage in view["stages"])


def test_a_new_cycle_starts_over_while_monitoring_goes_on(kit):
    link = intake.Because(kind="kpi", ref="r-1", event_id="ENG-TEST1/feedback/3", text="not shown")
    reopened = intake.CycleOpened(cycle=2, improvement="imp-1", requirement="r-9", because=(link,))
    view = fold_all(empty(), kit.entries_of([*story(kit), reopened]))

    assert (view["cycle"], view["stage"]) == (2, "intake")
    assert stages(view)["monitoring"] == "active"
    assert [cycle["number"] for cycle in view["cycles"]] == [1, 2]
    assert view["cycles"][1]["because"][0]["event_id"] == "ENG-TEST1/feedback/3"


def test_an_infeasible_design_blocks_the_engagement_and_says_why(kit):
    infeasible = design.ProposalInfeasible(proposal_version=1, conflicts=("the budget is 3000 EUR short",))
    view = fold_all(empty(), kit.entries_of([*story(kit)[:4], infeasible]))

    assert view["health"] == {"state": "blocked", "reason": "design: the budget is 3000 EUR short"}


def incident(**changes):
    about = {
        "incident": "inc-1",
        "severity": "critical",
        "component": "erp",
        "alert": "a-1",
        "at": AT,
        "summary": "orders are slow",
    }
    return monitoring.IncidentOpened(**{**about, **changes})


def test_an_open_critical_incident_is_the_engagements_health_until_it_is_resolved(kit):
    opened = [*story(kit), incident()]
    resolved = monitoring.IncidentResolved(
        incident="inc-1", at=AT, duration_seconds=60, resolved_by="ops", note="restarted"
    )

    assert fold_all(empty(), kit.entries_of(opened))["health"]["state"] == "critical"
    assert fold_all(empty(), kit.entries_of([*opened, resolved]))["health"]["state"] == "ok"


def test_progress_and_rejects_of_a_run_add_up_chunk_by_chunk(kit):
    started = kit.sample(migration.MigrationStarted, random.Random(1)).model_copy(
        update={"run": 1, "rows_expected": 400}
    )
    reject = migration.RejectCount(table="orders", column="total", reason="bad_number", rows=3)

    def chunk(number, done):
        return migration.ChunkMigrated(
            run=1,
            table="orders",
            chunk=number,
            rows_read=100,
            rows_written=97,
            rejects=(reject,),
            rows_done=done,
            rows_expected=400,
            rows_per_second=1000.0,
        )

    view = fold_all(empty(), kit.entries_of([kit.opened(), started, chunk(1, 100), chunk(2, 200)]))
    run = view["migration"]["run"]

    assert (run["progress"], run["rows_written"], run["rows_rejected"], run["chunks"]) == (0.5, 194, 6, 2)
    assert view["migration"]["rejects"] == [
        {"table": "orders", "column": "total", "reason": "bad_number", "rows": 6}
    ]


def test_a_failed_step_shows_its_attempts_and_a_later_success_clears_the_error(kit):
    step = provisioning.Step(id="db", title="Database", kind="database", name="orders")
    spec = kit.sample(provisioning.BuildStarted, random.Random(1)).environment
    events = [
        kit.opened(),
        provisioning.BuildStarted(build=1, environment=spec, steps=(step,)),
        provisioning.StepFailed(build=1, step="db", attempt=1, error="no disk", final=False),
    ]
    done = provisioning.StepCompleted(
        build=1, step="db", attempt=2, changed=True, duration_ms=5, detail="made"
    )

    failed = fold_all(empty(), kit.entries_of(events))["provisioning"]["build"]["steps"][0]
    mended = fold_all(empty(), kit.entries_of([*events, done]))["provisioning"]["build"]["steps"][0]

    assert (failed["state"], failed["attempts"], failed["error"]) == ("retrying", 1, "no disk")
    assert (mended["state"], mended["attempts"], mended["error"]) == ("done", 2, None)


def test_feedback_is_done_when_every_adopted_kpi_is_judged(kit):
    dice = random.Random(4)
    adopted = kit.sample(feedback.KpisAdopted, dice)
    kpis = tuple(adopted.kpis[0].model_copy(update={"requirement": name}) for name in ("r-1", "r-2"))
    outcome = kit.sample(feedback.OutcomeEvaluated, dice).model_copy(update={"cycle": 1})
    one, two = (outcome.model_copy(update={"requirement": name}) for name in ("r-1", "r-2"))
    begun = [*story(kit), feedback.KpisAdopted(cycle=1, kpis=kpis), one]

    assert stages(fold_all(empty(), kit.entries_of(begun)))["feedback"] == "active"
    assert stages(fold_all(empty(), kit.entries_of([*begun, two])))["feedback"] == "done"


def merged(streams, dice):
    """One arrival of several streams: each in its own order, mixed at random, with cursors as they come."""
    rest, log = {name: list(batch) for name, batch in streams.items()}, []
    while rest:
        name = dice.choice(sorted(rest))
        log.append(logged(rest[name].pop(0), len(log) + 1))
        if not rest[name]:
            del rest[name]
    return log


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_in_whatever_order_services_are_heard_the_view_has_the_same_bytes(kit, seed):
    """Within a cycle; ADR 0017 says why a new cycle is not among them."""
    dice = random.Random(seed)
    kinds = [kind for kind in kit.every_event() if kind is not intake.CycleOpened]
    streams = {"intake": [kit.received(kit.opened(), 1)]}
    for _ in range(80):
        event = kit.sample(dice.choice(kinds), dice)
        stream = streams.setdefault(event.service(), [])
        at = AT + timedelta(seconds=dice.randrange(600))
        stream.append(kit.received(event, len(stream) + 1, at=at, causation=f"c{dice.randrange(99)}"))

    one, other = (fold_all(empty(), merged(streams, dice)) for _ in range(2))

    assert encode(one) == encode(other)


def test_which_refusals_are_the_last_does_not_depend_on_which_service_is_heard_first(kit):
    streams = {
        service.__name__.rpartition(".")[2]: [
            kit.received(
                service.CommandRefused(
                    command_id=f"{service.__name__}-{number}", command_type="a.b.v1", code="RULE",
                    field="f", rule="r", reason="no",
                ),
                number + 1,
            )
            for number in range(40)
        ]
        for service in (intake, design)
    }  # fmt: skip

    views = [fold_all(empty(), merged(streams, random.Random(seed))) for seed in range(5)]

    assert {encode(view) for view in views} == {encode(views[0])}
    assert len(views[0]["refusals"]) == 50
