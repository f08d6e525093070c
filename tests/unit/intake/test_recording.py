"""Single commands are checked like the items of a brief."""

import pytest

from schemas.intake import (
    AgreeKpi,
    AgreePlan,
    AnswersRecorded,
    Cause,
    DefineQuestionnaire,
    Direction,
    KpiAgreed,
    OpenCycle,
    PainPointRecorded,
    ProposePlan,
    Question,
    QuestionKind,
    QuestionnaireDefined,
    RecordAnswers,
    RecordPainPoint,
    RecordRequirement,
    RecordSession,
    RecordStatement,
    RegisterStakeholder,
    RequirementRecorded,
    ScoreRequirements,
    Session,
    SessionRecorded,
    StakeholderRegistered,
    Statement,
    StatementRecorded,
)


def _session(id: str, *attendees: str) -> Session:
    return Session(id=id, kind="phone", title="Call", held_at="2026-01-13T09:00:00Z", attendees=attendees)


def _commands(build):
    return [
        RegisterStakeholder(stakeholder=build.stakeholder("zoe")),
        RecordSession(session=_session("s2", "ben")),
        RecordStatement(statement=Statement(id="x", session="s1", speaker="ben", text="So.")),
        DefineQuestionnaire(questionnaire=build.questionnaire(id="q2")),
        RecordAnswers(answers=build.answers()),
        RecordPainPoint(pain_point=build.pain_point("new")),
        RecordRequirement(requirement=build.requirement("r9")),
        AgreeKpi(requirement="r1", kpi=build.kpi()),
        ScoreRequirements(),
        ProposePlan(),
        AgreePlan(plan_version=1, agreed_by="anna"),
        OpenCycle(improvement="i1", requirement=build.requirement("r9"), because=()),
    ]


def test_every_command_is_refused_before_the_engagement_is_open(unopened, build):
    for command in _commands(build):
        unopened.when(command).then_refused("engagement", "engagement-not-open")


class TestStakeholder:
    def test_is_registered(self, opened, build):
        zoe = build.stakeholder("zoe")

        opened.when(RegisterStakeholder(stakeholder=zoe)).then(StakeholderRegistered(stakeholder=zoe))

    def test_registered_again_changes_nothing(self, opened, build):
        opened.when(RegisterStakeholder(stakeholder=build.stakeholder("ben"))).then_nothing()

    def test_with_a_taken_id_is_refused(self, opened, build):
        command = RegisterStakeholder(stakeholder=build.stakeholder("ben", "it"))

        opened.when(command).then_refused("stakeholder.id", "duplicate-id")


class TestSession:
    def test_is_recorded(self, opened):
        session = _session("s2", "anna", "ben")

        opened.when(RecordSession(session=session)).then(SessionRecorded(session=session))

    def test_with_an_unknown_attendee_is_refused(self, opened):
        command = RecordSession(session=_session("s2", "ben", "zoe"))

        opened.when(command).then_refused("session.attendees.1", "unknown-stakeholder")

    def test_with_an_attendee_named_twice_is_refused(self, opened):
        command = RecordSession(session=_session("s2", "ben", "ben"))

        opened.when(command).then_refused("session.attendees.1", "duplicate-id")


class TestStatement:
    def test_is_recorded(self, opened):
        statement = Statement(id="x", session="s1", speaker="ben", text="We retype every order.")

        opened.when(RecordStatement(statement=statement)).then(StatementRecorded(statement=statement))

    def test_captured_a_second_time_changes_nothing(self, opened, build):
        opened.when(RecordStatement(statement=build.brief().statements[0])).then_nothing()

    def test_with_other_words_under_the_same_id_is_refused(self, opened):
        statement = Statement(id="said", session="s1", speaker="ben", text="Other words.")

        opened.when(RecordStatement(statement=statement)).then_refused("statement.id", "duplicate-id")

    @pytest.mark.parametrize(
        ("session", "speaker", "field", "rule"),
        [
            ("s9", "ben", "statement.session", "unknown-session"),
            ("s1", "zoe", "statement.speaker", "unknown-stakeholder"),
            ("s1", "anna", "statement.speaker", "speaker-attended-session"),
        ],
    )
    def test_with_a_bad_reference_is_refused(self, opened, session, speaker, field, rule):
        statement = Statement(id="x", session=session, speaker=speaker, text="So.")

        opened.when(RecordStatement(statement=statement)).then_refused(field, rule)


class TestQuestionnaire:
    def test_is_defined(self, opened, build):
        questionnaire = build.questionnaire(id="q2")

        opened.when(DefineQuestionnaire(questionnaire=questionnaire)).then(
            QuestionnaireDefined(questionnaire=questionnaire)
        )

    @pytest.mark.parametrize(
        ("question", "rule"),
        [
            (Question(id="a", text="?", kind=QuestionKind.CHOICE, choices=("one",)), "choice-needs-choices"),
            (Question(id="a", text="?", kind=QuestionKind.SCALE, choices=("1",)), "only-choice-has-choices"),
        ],
    )
    def test_with_impossible_choices_is_refused(self, opened, build, question, rule):
        questionnaire = build.questionnaire(id="q2", questions=(question,))

        opened.when(DefineQuestionnaire(questionnaire=questionnaire)).then_refused(
            "questionnaire.questions.0.choices", rule
        )

    def test_with_a_question_twice_is_refused(self, opened, build):
        question = Question(id="a", text="?", kind=QuestionKind.TEXT)
        questionnaire = build.questionnaire(id="q2", questions=(question, question))

        opened.when(DefineQuestionnaire(questionnaire=questionnaire)).then_refused(
            "questionnaire.questions.1", "duplicate-id"
        )

    def test_with_an_unknown_invitee_is_refused(self, opened, build):
        questionnaire = build.questionnaire(id="q2", invited=("ben", "zoe"))

        opened.when(DefineQuestionnaire(questionnaire=questionnaire)).then_refused(
            "questionnaire.invited.1", "unknown-stakeholder"
        )


class TestAnswers:
    def test_of_every_kind_are_recorded(self, opened, build):
        answers = build.answers("anna", pace=5, tool="Paper", wish="One form.")

        opened.when(RecordAnswers(answers=answers)).then(AnswersRecorded(answers=answers))

    def test_given_again_replace_the_earlier_ones(self, opened, build):
        again = build.answers(pace=4)

        after = opened.when(RecordAnswers(answers=again))

        after.then(AnswersRecorded(answers=again))
        assert list(after.state.answers.values()) == [again]

    def test_posted_twice_change_nothing(self, opened, build):
        opened.when(RecordAnswers(answers=build.answers())).then_nothing()

    @pytest.mark.parametrize(
        ("answer", "rule"),
        [
            ({"pace": 0}, "scale-answer-1-to-5"),
            ({"pace": 6}, "scale-answer-1-to-5"),
            ({"pace": "3"}, "scale-answer-1-to-5"),
            ({"tool": "Word"}, "answer-among-choices"),
            ({"tool": 1}, "answer-among-choices"),
            ({"wish": 3}, "text-answer-is-text"),
            ({"wish": "  "}, "text-answer-is-text"),
            ({"age": 3}, "unknown-question"),
        ],
    )
    def test_that_do_not_fit_the_question_are_refused(self, opened, build, answer, rule):
        field = f"answers.answers.{next(iter(answer))}"

        opened.when(RecordAnswers(answers=build.answers(**answer))).then_refused(field, rule)

    def test_of_somebody_not_invited_are_refused(self, opened, build):
        invited = opened.when(RegisterStakeholder(stakeholder=build.stakeholder("zoe")))

        invited.when(RecordAnswers(answers=build.answers("zoe"))).then_refused(
            "answers.respondent", "respondent-was-invited"
        )


class TestPainPoint:
    @pytest.mark.parametrize(
        ("causes", "evidence", "missing"),
        [
            ((), (), ("cause", "evidence")),
            ((), ("said",), ("cause",)),
            ((Cause(id="c", text="Because."),), (), ("evidence",)),
            ((Cause(id="c", text="Because."),), ("q1:ben",), ()),
        ],
    )
    def test_tells_what_is_missing(self, opened, build, causes, evidence, missing):
        point = build.pain_point("new", causes=causes, evidence=evidence)

        opened.when(RecordPainPoint(pain_point=point)).then(
            PainPointRecorded(pain_point=point, missing=missing)
        )

    def test_can_be_extended(self, opened, build):
        point = build.pain_point(solution_idea="Electronic approval.")

        after = opened.when(RecordPainPoint(pain_point=point))

        after.then(PainPointRecorded(pain_point=point, missing=()))
        assert after.state.pain_points["slow"] == point

    @pytest.mark.parametrize(
        ("changes", "field"),
        [({"causes": ()}, "pain_point.causes"), ({"evidence": ("said",)}, "pain_point.evidence")],
    )
    def test_that_would_lose_what_is_recorded_is_refused(self, opened, build, changes, field):
        command = RecordPainPoint(pain_point=build.pain_point(**changes))

        opened.when(command).then_refused(field, "recorded-evidence-is-kept")

    def test_with_unknown_evidence_is_refused(self, opened, build):
        command = RecordPainPoint(pain_point=build.pain_point("new", evidence=("said", "unsaid")))

        opened.when(command).then_refused("pain_point.evidence.1", "unknown-evidence")


class TestRequirement:
    def test_is_recorded_in_the_running_cycle(self, opened, build):
        requirement = build.requirement("r3", solves=("slow",))

        opened.when(RecordRequirement(requirement=requirement)).then(
            RequirementRecorded(requirement=requirement, cycle=1)
        )

    def test_with_an_unknown_pain_point_is_refused(self, opened, build):
        command = RecordRequirement(requirement=build.requirement("r3", solves=("gone",)))

        opened.when(command).then_refused("requirement.solves.0", "unknown-pain-point")

    def test_with_a_taken_id_is_refused(self, opened, build):
        command = RecordRequirement(requirement=build.requirement("r1"))

        opened.when(command).then_refused("requirement.id", "duplicate-id")

    def test_that_needs_a_slot_twice_is_refused(self, opened, build):
        command = RecordRequirement(
            requirement=build.requirement("r3", needs=({"slot": "erp"}, {"slot": "erp"}))
        )

        opened.when(command).then_refused("requirement.needs.1", "duplicate-id")

    def test_after_the_plan_was_agreed_is_refused(self, planned, build):
        agreed = planned.when(AgreePlan(plan_version=1, agreed_by="anna"))

        agreed.when(RecordRequirement(requirement=build.requirement("r3"))).then_refused(
            "requirement", "cycle-is-agreed"
        )


class TestKpi:
    def test_is_agreed(self, opened, build):
        kpi = build.kpi(metric="errors")

        after = opened.when(AgreeKpi(requirement="r2", kpi=kpi))

        after.then(KpiAgreed(requirement="r2", kpi=kpi))
        assert after.state.requirements["r2"].kpi == kpi

    def test_agreed_again_changes_nothing(self, opened, build):
        opened.when(AgreeKpi(requirement="r1", kpi=build.kpi())).then_nothing()

    def test_of_an_unknown_requirement_is_refused(self, opened, build):
        opened.when(AgreeKpi(requirement="r9", kpi=build.kpi())).then_refused(
            "requirement", "unknown-requirement"
        )

    @pytest.mark.parametrize(
        ("changes", "field", "rule"),
        [
            ({"owner": "zoe"}, "kpi.owner", "unknown-stakeholder"),
            ({"target": 12.0}, "kpi.target", "kpi-target-improves-on-baseline"),
            ({"target": 13.0}, "kpi.target", "kpi-target-improves-on-baseline"),
            ({"direction": Direction.INCREASE}, "kpi.target", "kpi-target-improves-on-baseline"),
            ({"target": float("nan")}, "kpi.target", "kpi-needs-finite-numbers"),
            ({"baseline": float("inf")}, "kpi.baseline", "kpi-needs-finite-numbers"),
            ({"due_on": "2026-03-02"}, "kpi.due_on", "kpi-needs-future-date"),
        ],
    )
    def test_that_cannot_show_success_is_refused(self, opened, build, changes, field, rule):
        opened.when(AgreeKpi(requirement="r2", kpi=build.kpi(**changes))).then_refused(field, rule)

    def test_may_be_changed_until_the_plan_is_agreed(self, planned, build):
        stricter = AgreeKpi(requirement="r1", kpi=build.kpi(target=4.0))

        planned.when(stricter).then_types(KpiAgreed)
        planned.when(AgreePlan(plan_version=1, agreed_by="anna")).when(stricter).then_refused(
            "requirement", "cycle-is-agreed"
        )
