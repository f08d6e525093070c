"""Satisfaction answers, and where their stage stands after each."""

from collections.abc import Sequence

from feedback.engine.satisfaction import SCALES, Estimate, satisfied_share, summary
from feedback.model.folding import evolve
from feedback.model.state import State, pooled, scores_of
from schemas.base import Event
from schemas.feedback import (
    Figure,
    RecordSurvey,
    RoleFigure,
    SatisfactionMeasured,
    Stage,
    Survey,
    SurveyKind,
    SurveyRecorded,
)
from schemas.rules import Context, Refused


def record_survey(state: State, command: RecordSurvey, _: Context) -> Sequence[Event]:
    survey = command.survey
    if survey.id in state.surveys:
        return []
    _require_on_scale(survey)
    recorded = SurveyRecorded(survey=survey)
    return [recorded, measured(evolve(state, recorded), survey.stage, survey.kind)]


def _require_on_scale(survey: Survey) -> None:
    least, most = SCALES[survey.kind]
    if not least <= survey.score <= most:
        kind = survey.kind.value.upper()
        raise Refused(
            "survey.score", "score-on-scale", f"{kind} scores go from {least} to {most}, not {survey.score}"
        )


def measured(state: State, stage: Stage, kind: SurveyKind) -> SatisfactionMeasured:
    """Where a stage stands: over all answers and per role."""
    by_role = scores_of(state, stage, kind)
    scores = pooled(by_role)
    share = satisfied_share(scores) if kind is SurveyKind.CSAT else None
    return SatisfactionMeasured(
        stage=stage,
        survey_kind=kind,
        figure=_figure(summary(kind, scores)),
        by_role=tuple(
            RoleFigure(role=role, **_figure(summary(kind, histogram)).model_dump())
            for role, histogram in sorted(by_role.items())
        ),
        satisfied=_figure(share) if share else None,
    )


def _figure(estimate: Estimate) -> Figure:
    return Figure(n=estimate.n, value=estimate.value, low=estimate.low, high=estimate.high)
