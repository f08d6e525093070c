import pytest

from schemas.feedback import Figure, RoleFigure, SatisfactionMeasured, Stage, SurveyKind, SurveyRecorded


def test_an_answer_is_recorded_with_where_its_stage_stands(empty, make):
    command = make.survey("S-1", 4)

    empty.when(command).then(
        SurveyRecorded(survey=command.survey),
        SatisfactionMeasured(
            stage=Stage.MIGRATION,
            survey_kind=SurveyKind.CSAT,
            figure=Figure(n=1),
            by_role=(RoleFigure(n=1, role="key_user"),),
            satisfied=Figure(n=1),
        ),
    )


def test_a_stage_has_a_number_from_five_answers_on_and_small_roles_still_none(empty, make):
    told = empty
    for n, score in enumerate((1, 2, 3, 4), start=1):
        told = told.when(make.survey(f"S-{n}", score))
    assert told.last(SatisfactionMeasured).figure == Figure(n=4)

    told = told.when(make.survey("S-5", 5, respondent_role="sponsor"))

    found = told.last(SatisfactionMeasured)
    assert found.figure == Figure(n=5, value=3.0, low=1.036757, high=4.963243)
    assert found.by_role == (RoleFigure(n=4, role="key_user"), RoleFigure(n=1, role="sponsor"))
    assert (found.satisfied.n, found.satisfied.value) == (5, 0.4)


def test_stages_and_kinds_are_measured_apart(empty, make):
    told = empty.when(make.survey("S-1", 4))

    other_stage = told.when(make.survey("S-2", 4, stage=Stage.DESIGN))
    other_kind = told.when(make.survey("S-2", 9, kind=SurveyKind.NPS))

    assert other_stage.last(SatisfactionMeasured).figure.n == 1
    assert other_kind.last(SatisfactionMeasured).figure.n == 1
    assert other_kind.last(SatisfactionMeasured).satisfied is None


def test_the_same_answer_again_changes_nothing(empty, make):
    empty.when(make.survey("S-1", 4)).when(make.survey("S-1", 4)).then_nothing()


@pytest.mark.parametrize(
    ("kind", "score"),
    [(SurveyKind.CSAT, 0), (SurveyKind.CSAT, 6), (SurveyKind.CES, 0), (SurveyKind.CES, 8)],
)
def test_scores_off_the_scale_are_refused(empty, make, kind, score):
    empty.when(make.survey("S-1", score, kind=kind)).then_refused("survey.score", "score-on-scale")


@pytest.mark.parametrize(("kind", "scores"), [(SurveyKind.NPS, (0, 10)), (SurveyKind.CES, (1, 7))])
def test_both_ends_of_a_scale_are_taken(empty, make, kind, scores):
    for score in scores:
        empty.when(make.survey("S-1", score, kind=kind)).then_types(SurveyRecorded, SatisfactionMeasured)
