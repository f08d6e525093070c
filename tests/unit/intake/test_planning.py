"""Scoring, plan, agreement and the next cycle."""

from intake.model import State, evolve
from intake.reactions import REACTIONS
from schemas.feedback import Improvement, ImprovementAccepted
from schemas.inbound import QuestionnaireAnswered, StatementCaptured
from schemas.intake import (
    AgreeKpi,
    AgreePlan,
    Because,
    CommandHadNoEffect,
    CommandRefused,
    CycleOpened,
    Formula,
    OpenCycle,
    PlanAgreed,
    PlanProposed,
    ProposePlan,
    RecordAnswers,
    RecordPainPoint,
    RecordRequirement,
    RecordStatement,
    RequirementRecorded,
    RequirementsScored,
    ScoreRequirements,
)

BECAUSE = (Because(kind="kpi", ref="r1", event_id="ENG-TEST1/feedback/9", text="The target was missed."),)


def _open_cycle(build, improvement: str = "i1", requirement: str = "r3") -> OpenCycle:
    return OpenCycle(
        improvement=improvement,
        requirement=build.requirement(requirement, solves=("slow",), kpi=build.kpi()),
        because=BECAUSE,
    )


class TestScoring:
    def test_ranks_every_requirement_of_the_cycle(self, opened):
        scored = opened.when(ScoreRequirements()).last(RequirementsScored)

        assert [(s.requirement, s.quadrant, s.score, s.rank) for s in scored.scores] == [
            ("r1", "do_first", 4.8, 1),
            ("r2", "later", 2.2, 2),
        ]

    def test_again_with_the_same_formula_changes_nothing(self, opened):
        opened.when(ScoreRequirements()).when(ScoreRequirements()).then_nothing()

    def test_keeps_the_formula_version_with_the_scores(self, opened):
        second = Formula(version=2, importance=0.2, urgency=0.2, ease=0.6)

        scored = opened.when(ScoreRequirements()).when(ScoreRequirements(formula=second))

        assert scored.last(RequirementsScored).formula == second

    def test_with_weights_that_do_not_sum_to_one_is_refused(self, opened):
        command = ScoreRequirements(formula=Formula(importance=0.5, urgency=0.5, ease=0.5))

        opened.when(command).then_refused("formula", "weights-sum-to-one")

    def test_with_other_weights_under_a_known_version_is_refused(self, opened):
        command = ScoreRequirements(formula=Formula(importance=0.4, urgency=0.4, ease=0.2))

        opened.when(ScoreRequirements()).when(command).then_refused(
            "formula.version", "formula-version-is-fixed"
        )

    def test_without_requirements_is_refused(self, unopened, build):
        empty = unopened.when(build.opening(brief=build.brief(requirements=())))

        empty.when(ScoreRequirements()).then_refused("engagement", "scoring-needs-requirements")

    def test_names_the_pain_point_that_lacks_evidence(self, opened, build):
        vague = RecordPainPoint(pain_point=build.pain_point("vague", evidence=()))
        requirement = RecordRequirement(requirement=build.requirement("r3", solves=("vague",)))

        refused = opened.when(vague).when(requirement).when(ScoreRequirements())

        refused.then_refused("requirements", "pain-point-needs-cause-and-evidence")
        assert refused.outcome.reason == "the pain point 'vague', which 'r3' solves, has no evidence"

    def test_ignores_a_vague_pain_point_that_no_requirement_solves(self, opened, build):
        vague = RecordPainPoint(pain_point=build.pain_point("vague", causes=(), evidence=()))

        opened.when(vague).when(ScoreRequirements()).then_types(RequirementsScored)


class TestPlan:
    def test_is_made_of_the_scores(self, opened):
        plan = opened.when(ScoreRequirements()).when(ProposePlan()).last(PlanProposed).plan

        assert plan.version == 1
        assert [p.requirements for p in plan.phases] == [("r1",), ("r2",)]

    def test_proposed_again_unchanged_changes_nothing(self, planned):
        planned.when(ProposePlan()).then_nothing()

    def test_after_another_scoring_has_the_next_version(self, planned):
        other = ScoreRequirements(formula=Formula(version=2, importance=0.2, urgency=0.2, ease=0.6))

        assert planned.when(other).when(ProposePlan()).last(PlanProposed).plan.version == 2

    def test_without_scores_is_refused(self, opened):
        opened.when(ProposePlan()).then_refused("scores", "plan-needs-scores")

    def test_with_a_requirement_newer_than_the_scores_is_refused(self, opened, build):
        late = RecordRequirement(requirement=build.requirement("r3"))

        refused = opened.when(ScoreRequirements()).when(late).when(ProposePlan())

        refused.then_refused("scores", "plan-needs-scores")
        assert "r3" in refused.outcome.reason


class TestAgreement:
    def test_carries_all_that_design_needs(self, planned, build):
        agreed = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).last(PlanAgreed)

        opening = build.opening()
        assert (agreed.title, agreed.client, agreed.budget) == (opening.title, opening.client, opening.budget)
        assert (agreed.start_on, agreed.target_on, agreed.cycle) == (opening.start_on, opening.target_on, 1)
        assert [(r.id, r.kpi.metric) for r in agreed.requirements] == [
            ("r1", "order-lead-time"),
            ("r2", "errors"),
        ]
        assert agreed.plan == planned.state.plan
        assert agreed.agreed_by == "anna"

    def test_given_twice_changes_nothing(self, planned):
        command = AgreePlan(plan_version=1, agreed_by="anna")

        planned.when(command).when(command).then_nothing()

    def test_by_a_key_user_is_refused(self, planned):
        planned.when(AgreePlan(plan_version=1, agreed_by="ben")).then_refused(
            "agreed_by", "plan-agreed-by-sponsor-or-management"
        )

    def test_by_somebody_unknown_is_refused(self, planned):
        planned.when(AgreePlan(plan_version=1, agreed_by="zoe")).then_refused(
            "agreed_by", "unknown-stakeholder"
        )

    def test_of_a_version_never_proposed_is_refused(self, planned, opened):
        command = AgreePlan(plan_version=2, agreed_by="anna")

        opened.when(command).then_refused("plan_version", "plan-not-proposed")
        planned.when(command).then_refused("plan_version", "plan-must-be-newest")

    def test_of_an_older_version_is_refused(self, planned):
        other = ScoreRequirements(formula=Formula(version=2, importance=0.2, urgency=0.2, ease=0.6))

        planned.when(other).when(ProposePlan()).when(
            AgreePlan(plan_version=1, agreed_by="anna")
        ).then_refused("plan_version", "plan-must-be-newest")

    def test_while_a_requirement_has_no_kpi_is_refused_naming_it(self, opened):
        refused = (
            opened.when(ScoreRequirements())
            .when(ProposePlan())
            .when(AgreePlan(plan_version=1, agreed_by="anna"))
        )

        refused.then_refused("plan_version", "requirement-needs-kpi")
        assert refused.outcome.reason == "no KPI is agreed for r2; agree one each"

    def test_of_a_plan_that_leaves_a_requirement_out_is_refused(self, planned, build):
        late = RecordRequirement(requirement=build.requirement("r3", kpi=build.kpi()))

        planned.when(late).when(AgreePlan(plan_version=1, agreed_by="anna")).then_refused(
            "plan_version", "plan-covers-every-requirement"
        )

    def test_closes_scoring_and_planning_for_the_cycle(self, planned):
        agreed = planned.when(AgreePlan(plan_version=1, agreed_by="anna"))

        agreed.when(ScoreRequirements()).then_refused("formula", "cycle-is-agreed")
        agreed.when(ProposePlan()).then_refused("plan", "cycle-is-agreed")
        agreed.when(AgreePlan(plan_version=2, agreed_by="anna")).then_refused(
            "plan_version", "cycle-is-agreed"
        )


class TestCycle:
    def test_opens_with_the_requirement_and_the_reasons(self, planned, build):
        command = _open_cycle(build)

        planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(command).then(
            RequirementRecorded(requirement=command.requirement, cycle=2),
            CycleOpened(cycle=2, improvement="i1", requirement="r3", because=BECAUSE),
        )

    def test_can_be_scored_planned_and_agreed_by_itself(self, planned, build):
        second = (
            planned.when(AgreePlan(plan_version=1, agreed_by="anna"))
            .when(_open_cycle(build))
            .when(ScoreRequirements())
            .when(ProposePlan())
            .when(AgreePlan(plan_version=2, agreed_by="anna"))
            .last(PlanAgreed)
        )

        assert second.cycle == 2
        assert second.plan.version == 2
        assert [r.id for r in second.requirements] == ["r3"]

    def test_asked_for_twice_opens_once(self, planned, build):
        opened = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(_open_cycle(build))

        opened.when(_open_cycle(build)).then_nothing()

    def test_still_being_prepared_takes_a_second_improvement_in(self, planned, build):
        first = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(_open_cycle(build))

        second = first.when(_open_cycle(build, "i2", "r4"))

        assert second.last(CycleOpened).cycle == 2
        assert set(second.state.in_cycle()) == {"r3", "r4"}

    def test_gives_a_requirement_whose_id_is_taken_an_id_of_its_own(self, planned, build):
        command = _open_cycle(build, requirement="r1")

        after = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(command)

        assert after.last(CycleOpened).requirement == "r1.c2"
        assert after.last(RequirementRecorded).requirement.id == "r1.c2"
        assert after.state.requirements["r1"] == planned.state.requirements["r1"]

    def test_opens_without_a_kpi_that_breaks_a_rule_so_that_another_is_agreed(self, planned, build):
        reached = build.requirement("r3", kpi=build.kpi(baseline=4.0, target=5.0))
        command = OpenCycle(improvement="i1", requirement=reached, because=BECAUSE)

        opened = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(command)

        assert opened.last(RequirementRecorded).requirement == reached.model_copy(update={"kpi": None})
        opened.when(ScoreRequirements()).when(ProposePlan()).when(
            AgreePlan(plan_version=2, agreed_by="anna")
        ).then_refused("plan_version", "requirement-needs-kpi")

    def test_before_a_plan_is_agreed_is_refused(self, planned, build):
        planned.when(_open_cycle(build)).then_refused("improvement", "cycle-needs-agreed-plan")

    def test_for_an_unknown_pain_point_is_refused(self, planned, build):
        command = OpenCycle(
            improvement="i1", requirement=build.requirement("r3", solves=("gone",)), because=BECAUSE
        )

        planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(command).then_refused(
            "requirement.solves.0", "unknown-pain-point"
        )

    def test_leaves_the_contracts_of_the_cycle_before_as_they_were(self, planned, build):
        opened = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(_open_cycle(build))

        opened.when(AgreeKpi(requirement="r1", kpi=build.kpi(target=1.0))).then_refused(
            "requirement", "cycle-is-agreed"
        )


def test_state_survives_a_snapshot(planned, build):
    full = planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(_open_cycle(build))

    for state in (State(), planned.state, full.state):
        assert State.model_validate_json(state.model_dump_json()) == state


def test_answers_to_commands_leave_the_state_alone(planned):
    refused = CommandRefused(
        command_id="c", command_type="intake.propose_plan", code="RULE", field="f", rule="r", reason="No."
    )
    no_effect = CommandHadNoEffect(command_id="c", command_type="intake.propose_plan")

    assert evolve(planned.state, refused) == planned.state
    assert evolve(planned.state, no_effect) == planned.state


def test_upstream_events_become_commands(build):
    brief = build.brief()
    improvement = Improvement(
        id="i1",
        title="Faster",
        requirement=build.requirement("r3"),
        because=BECAUSE,
        expected_benefit="Days saved.",
        owner="anna",
    )

    assert REACTIONS[StatementCaptured](StatementCaptured(statement=brief.statements[0])) == RecordStatement(
        statement=brief.statements[0]
    )
    assert REACTIONS[QuestionnaireAnswered](QuestionnaireAnswered(answers=brief.answers[0])) == RecordAnswers(
        answers=brief.answers[0]
    )
    assert REACTIONS[ImprovementAccepted](
        ImprovementAccepted(improvement=improvement, accepted_by="anna")
    ) == OpenCycle(improvement="i1", requirement=build.requirement("r3"), because=BECAUSE)
