"""The engagement file: everything known about an engagement before its first command, in one document."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field

from schemas.base import Amount, Currency, Day, Ref, Text, Value
from schemas.design import Catalogue
from schemas.intake import (
    Answers,
    Brief,
    Client,
    PainPoint,
    Question,
    QuestionKind,
    Questionnaire,
    Requirement,
    Session,
    Stakeholder,
    Statement,
)
from schemas.migration import RegisterSource, Source
from schemas.monitoring import Probe, Rule, Slo
from schemas.provisioning import Person

Path = tuple[str | int, ...]
"""Where in the file: keys and list positions from the top."""
Problem = tuple[Path, str]


class Head(Value):
    """The frame of the engagement: who, for how much, from when to when."""

    title: Text
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day


class LegacySource(Source):
    """The legacy database to be moved, with the limits of the run."""

    reject_limit: int = RegisterSource.model_fields["reject_limit"].default
    chunk_rows: int = Field(default=RegisterSource.model_fields["chunk_rows"].default, ge=100, le=200_000)


class EngagementFile(Value):
    """One engagement. `catalogue` is written here, or names a file beside this one."""

    engagement: Head
    stakeholders: tuple[Stakeholder, ...] = ()
    sessions: tuple[Session, ...] = ()
    statements: tuple[Statement, ...] = ()
    questionnaires: tuple[Questionnaire, ...] = ()
    answers: tuple[Answers, ...] = ()
    pain_points: tuple[PainPoint, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    catalogue: Catalogue | str | None = None
    people: tuple[Person, ...] = ()
    source: LegacySource | None = None
    probes: tuple[Probe, ...] = ()
    rules: tuple[Rule, ...] = ()
    slos: tuple[Slo, ...] = ()

    def brief(self) -> Brief:
        return Brief(**{name: getattr(self, name) for name in Brief.model_fields})


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file; like the reader, it refuses keys it does not know."""
    schema = EngagementFile.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Engagement file", **schema}


def broken_references(file: EngagementFile) -> list[Problem]:
    """Every name in the file that points at nothing, and every id that is used twice, in file order."""
    return [*_twice(file), *_sessions(file), *_questionnaires(file), *_needs(file), *_watching(file)]


def _ids(items: Iterable[Any]) -> set[str]:
    return {item.id for item in items}


def _known(path: Path, ref: str | None, known: set[str], kind: str) -> Iterator[Problem]:
    if ref is not None and ref not in known:
        yield path, f"no {kind} has the id {ref!r}"


def _all_known(path: Path, refs: Iterable[str], known: set[str], kind: str) -> Iterator[Problem]:
    for position, ref in enumerate(refs):
        yield from _known((*path, position), ref, known, kind)


_WITH_IDS = (
    "stakeholders", "sessions", "statements", "questionnaires", "pain_points", "requirements", "people",
    "probes", "rules", "slos",
)  # fmt: skip


def _twice(file: EngagementFile) -> Iterator[Problem]:
    for name in _WITH_IDS:
        first: dict[str, int] = {}
        for position, item in enumerate(getattr(file, name)):
            if item.id in first:
                yield (name, position, "id"), f"{item.id!r} is already the id of {name}[{first[item.id]}]"
            first.setdefault(item.id, position)


def _sessions(file: EngagementFile) -> Iterator[Problem]:
    people, attended = _ids(file.stakeholders), {s.id: set(s.attendees) for s in file.sessions}
    for i, session in enumerate(file.sessions):
        yield from _all_known(("sessions", i, "attendees"), session.attendees, people, "stakeholder")
    for i, statement in enumerate(file.statements):
        yield from _known(("statements", i, "session"), statement.session, set(attended), "session")
        yield from _known(("statements", i, "speaker"), statement.speaker, people, "stakeholder")
        if statement.speaker in people - attended.get(statement.session, people):
            yield ("statements", i, "speaker"), f"{statement.speaker!r} did not attend {statement.session!r}"


def _questionnaires(file: EngagementFile) -> Iterator[Problem]:
    people = _ids(file.stakeholders)
    asked = {sheet.id: {q.id: q for q in sheet.questions} for sheet in file.questionnaires}
    for i, sheet in enumerate(file.questionnaires):
        yield from _all_known(("questionnaires", i, "invited"), sheet.invited, people, "stakeholder")
    for i, given in enumerate(file.answers):
        yield from _known(("answers", i, "questionnaire"), given.questionnaire, set(asked), "questionnaire")
        yield from _known(("answers", i, "respondent"), given.respondent, people, "stakeholder")
        for name, answer in given.answers.items() if given.questionnaire in asked else ():
            path = ("answers", i, "answers", name)
            yield from _known(path, name, set(asked[given.questionnaire]), "question")
            if name in asked[given.questionnaire]:
                yield from _fits(path, asked[given.questionnaire][name], answer)


def _fits(path: Path, question: Question, answer: int | str) -> Iterator[Problem]:
    if question.kind is QuestionKind.SCALE and answer not in (1, 2, 3, 4, 5):
        yield path, f"must be a whole number from 1 to 5, got {answer!r}"
    if question.kind is QuestionKind.CHOICE and answer not in question.choices:
        yield path, f"must be one of {', '.join(question.choices)}; got {answer!r}"


def _needs(file: EngagementFile) -> Iterator[Problem]:
    people, pains = _ids(file.stakeholders), _ids(file.pain_points)
    evidence = _ids(file.statements) | {f"{a.questionnaire}:{a.respondent}" for a in file.answers}
    for i, pain in enumerate(file.pain_points):
        yield from _all_known(("pain_points", i, "evidence"), pain.evidence, evidence, "statement or answer")
    for i, requirement in enumerate(file.requirements):
        yield from _all_known(("requirements", i, "solves"), requirement.solves, pains, "pain point")
        if requirement.kpi is not None:
            owner = requirement.kpi.owner
            yield from _known(("requirements", i, "kpi", "owner"), owner, people, "stakeholder")
    if file.engagement.target_on <= file.engagement.start_on:
        yield ("engagement", "target_on"), f"must be after start_on, {file.engagement.start_on}"


def _watching(file: EngagementFile) -> Iterator[Problem]:
    requirements: set[str] = _ids(file.requirements)
    for i, rule in enumerate(file.rules):
        yield from _known(("rules", i, "requirement"), rule.requirement, requirements, "requirement")
    for i, slo in enumerate(file.slos):
        yield from _known(("slos", i, "requirement"), slo.requirement, requirements, "requirement")
    if isinstance(file.catalogue, Catalogue):
        products: set[Ref] = _ids(file.catalogue.products)
        for i, pair in enumerate(file.catalogue.incompatibilities):
            for end in ("one", "other"):
                path = ("catalogue", "incompatibilities", i, end)
                yield from _known(path, getattr(pair, end), products, "product")
