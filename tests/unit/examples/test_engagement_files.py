"""The engagement files: read without a complaint, opened by intake, and as rich as they are meant to be."""

from pathlib import Path

import pytest

from intake import model as intake_model
from runtime.engagement_file import load, opening_commands
from schemas.design import Catalogue
from schemas.engagement_file import EngagementFile
from schemas.intake import OpenEngagement, StakeholderRole
from testkit.scenario import Scenario

EXAMPLES = Path(__file__).parents[3] / "examples"
RHEINTAL = EXAMPLES / "rheintal-order-system" / "engagement.yaml"


@pytest.fixture
def rheintal() -> EngagementFile:
    return load(RHEINTAL)


def test_every_file_is_read_without_a_complaint(folder: Path) -> None:
    file = load(folder / "engagement.yaml")

    assert isinstance(file.catalogue, Catalogue)
    assert file.requirements


def test_intake_takes_the_whole_brief_at_once(folder: Path) -> None:
    file = load(folder / "engagement.yaml")
    opening = opening_commands(file)[0]
    assert isinstance(opening, OpenEngagement)

    opened = Scenario(intake_model, intake_model.State()).when(opening)

    parts = (getattr(opening.brief, name) for name in type(opening.brief).model_fields)
    assert isinstance(opened.outcome, tuple)
    assert len(opened.outcome) == 1 + sum(len(part) for part in parts)


def test_rheintal_hears_every_role_in_many_words(rheintal: EngagementFile) -> None:
    assert {s.role for s in rheintal.stakeholders} == set(StakeholderRole)
    assert (len(rheintal.stakeholders), len(rheintal.sessions), len(rheintal.statements)) == (14, 6, 32)
    assert len({s.speaker for s in rheintal.statements}) == 14


def test_rheintal_misses_the_answers_of_one_who_was_invited(rheintal: EngagementFile) -> None:
    invited = {(sheet.id, person) for sheet in rheintal.questionnaires for person in sheet.invited}

    assert len(rheintal.questionnaires) == 2
    assert invited - {(a.questionnaire, a.respondent) for a in rheintal.answers} == {
        ("Q-DAILY", "martin-oster")
    }


def test_every_pain_point_has_causes_and_evidence(folder: Path) -> None:
    file = load(folder / "engagement.yaml")

    assert file.pain_points
    assert not [pain.id for pain in file.pain_points if not pain.causes or not pain.evidence]
    assert {pain for r in file.requirements for pain in r.solves} == {pain.id for pain in file.pain_points}


def test_rheintal_cites_statements_and_answers_as_evidence(rheintal: EngagementFile) -> None:
    cited = {ref for pain in rheintal.pain_points for ref in pain.evidence}

    assert len(rheintal.pain_points) == 12
    assert len([ref for ref in cited if ref.startswith("ST-")]) >= 20
    assert len([ref for ref in cited if ref.startswith("Q-")]) >= 8


def test_rheintal_has_one_requirement_without_a_measure(rheintal: EngagementFile) -> None:
    assert len(rheintal.requirements) == 12
    assert [r.id for r in rheintal.requirements if r.kpi is None] == ["R-12"]


def test_the_second_engagement_shares_nothing_with_the_first() -> None:
    first, second = load(RHEINTAL), load(EXAMPLES / "harbour-clinic-identity" / "engagement.yaml")

    assert first.engagement.currency != second.engagement.currency
    assert not slots(first) & slots(second)
    assert not {k.kpi.metric for k in first.requirements if k.kpi} & {
        k.kpi.metric for k in second.requirements if k.kpi
    }
    assert {r.kpi.direction for r in second.requirements if r.kpi} == {"increase"}


def test_rules_probes_and_slos_name_slots_that_will_be_components(folder: Path) -> None:
    file = load(folder / "engagement.yaml")

    named = {rule.component for rule in file.rules} | {probe.component for probe in file.probes}
    assert named <= slots(file)


def slots(file: EngagementFile) -> set[str]:
    return {need.slot for requirement in file.requirements for need in requirement.needs}
