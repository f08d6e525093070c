"""What may be recorded about a client: every item is checked against what is already known.

`path` is where the item stands in the command, so that a refusal points at the very field.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.model.state import State, answers_key, missing
from schemas.base import Event
from schemas.intake import (
    Answers,
    AnswersRecorded,
    PainPoint,
    PainPointRecorded,
    Question,
    QuestionKind,
    Questionnaire,
    QuestionnaireDefined,
    Session,
    SessionRecorded,
    Stakeholder,
    StakeholderRegistered,
    Statement,
    StatementRecorded,
)
from schemas.rules import Refused


@dataclass(frozen=True, slots=True)
class Recorder:
    """How one kind of item is recorded; `event` checks the item and raises Refused."""

    noun: str
    known: Callable[[State], Mapping[str, Any]]
    key: Callable[[Any], str]
    event: Callable[[State, Any, str], Event]
    replaceable: bool = False

    def record(self, state: State, item: Any, path: str) -> Sequence[Event]:
        """The event; nothing where exactly this is known already."""
        earlier = self.known(state).get(self.key(item))
        if earlier == item:
            return ()
        if earlier is not None and not self.replaceable:
            raise self._taken(item, path)
        return (self.event(state, item, path),)

    def record_new(self, state: State, item: Any, path: str) -> Event:
        """The event; refused where the id is taken, even by an equal item."""
        if self.key(item) in self.known(state):
            raise self._taken(item, path)
        return self.event(state, item, path)

    def _taken(self, item: Any, path: str) -> Refused:
        reason = f"the {self.noun} {self.key(item)!r} is already recorded; ids are unique"
        return Refused(f"{path}.id", "duplicate-id", reason)


def refuse_repeats(ids: Iterable[str], path: str, noun: str) -> None:
    seen: set[str] = set()
    for index, key in enumerate(ids):
        if key in seen:
            raise Refused(f"{path}.{index}", "duplicate-id", f"the {noun} {key!r} is named twice")
        seen.add(key)


def require_stakeholder(state: State, key: str, path: str) -> Stakeholder:
    if key not in state.stakeholders:
        raise Refused(path, "unknown-stakeholder", f"no stakeholder {key!r} is registered; register it first")
    return state.stakeholders[key]


def _require_stakeholders(state: State, keys: Sequence[str], path: str) -> None:
    refuse_repeats(keys, path, "stakeholder")
    for index, key in enumerate(keys):
        require_stakeholder(state, key, f"{path}.{index}")


def _stakeholder(_: State, item: Stakeholder, __: str) -> Event:
    return StakeholderRegistered(stakeholder=item)


def _session(state: State, item: Session, path: str) -> Event:
    _require_stakeholders(state, item.attendees, f"{path}.attendees")
    return SessionRecorded(session=item)


def _statement(state: State, item: Statement, path: str) -> Event:
    session = state.sessions.get(item.session)
    if session is None:
        raise Refused(
            f"{path}.session", "unknown-session", f"no session {item.session!r} is recorded; record it first"
        )
    require_stakeholder(state, item.speaker, f"{path}.speaker")
    if item.speaker not in session.attendees:
        reason = f"{item.speaker!r} did not attend the session {session.id!r}"
        raise Refused(f"{path}.speaker", "speaker-attended-session", reason)
    return StatementRecorded(statement=item)


def _questionnaire(state: State, item: Questionnaire, path: str) -> Event:
    refuse_repeats((q.id for q in item.questions), f"{path}.questions", "question")
    for index, question in enumerate(item.questions):
        _check_choices(question, f"{path}.questions.{index}.choices")
    _require_stakeholders(state, item.invited, f"{path}.invited")
    return QuestionnaireDefined(questionnaire=item)


def _check_choices(question: Question, path: str) -> None:
    refuse_repeats(question.choices, path, "choice")
    if question.kind is QuestionKind.CHOICE and len(question.choices) < 2:
        raise Refused(
            path, "choice-needs-choices", f"the question {question.id!r} needs at least two choices"
        )
    if question.kind is not QuestionKind.CHOICE and question.choices:
        raise Refused(path, "only-choice-has-choices", f"the question {question.id!r} takes no choices")


def _answers(state: State, item: Answers, path: str) -> Event:
    questionnaire = state.questionnaires.get(item.questionnaire)
    if questionnaire is None:
        reason = f"no questionnaire {item.questionnaire!r} is defined"
        raise Refused(f"{path}.questionnaire", "unknown-questionnaire", reason)
    if item.respondent not in questionnaire.invited:
        reason = f"{item.respondent!r} was not invited to the questionnaire {questionnaire.id!r}"
        raise Refused(f"{path}.respondent", "respondent-was-invited", reason)
    questions = {q.id: q for q in questionnaire.questions}
    for key, answer in item.answers.items():
        _check_answer(questions.get(key), answer, f"{path}.answers.{key}")
    return AnswersRecorded(answers=item)


def _check_answer(question: Question | None, answer: int | str, path: str) -> None:
    if question is None:
        raise Refused(path, "unknown-question", "the questionnaire has no such question")
    if question.kind is QuestionKind.SCALE and not (isinstance(answer, int) and 1 <= answer <= 5):
        raise Refused(path, "scale-answer-1-to-5", f"{answer!r} is not a whole number from 1 to 5")
    if question.kind is QuestionKind.CHOICE and answer not in question.choices:
        raise Refused(path, "answer-among-choices", f"{answer!r} is none of {', '.join(question.choices)}")
    if question.kind is QuestionKind.TEXT and not (isinstance(answer, str) and answer.strip()):
        raise Refused(path, "text-answer-is-text", f"{answer!r} is not a text")


def _pain_point(state: State, item: PainPoint, path: str) -> Event:
    refuse_repeats((c.id for c in item.causes), f"{path}.causes", "cause")
    refuse_repeats(item.evidence, f"{path}.evidence", "evidence")
    known = state.evidence()
    for index, cited in enumerate(item.evidence):
        if cited not in known:
            reason = f"neither a statement nor answers {cited!r} are recorded"
            raise Refused(f"{path}.evidence.{index}", "unknown-evidence", reason)
    _refuse_loss(state.pain_points.get(item.id), item, path)
    return PainPointRecorded(pain_point=item, missing=missing(item))


def _refuse_loss(earlier: PainPoint | None, item: PainPoint, path: str) -> None:
    if earlier is None:
        return
    lost_causes = {c.id for c in earlier.causes} - {c.id for c in item.causes}
    lost_evidence = set(earlier.evidence) - set(item.evidence)
    for part, lost in (("causes", lost_causes), ("evidence", lost_evidence)):
        if lost:
            reason = (
                f"the pain point {item.id!r} would lose {', '.join(sorted(lost))}; it can only be extended"
            )
            raise Refused(f"{path}.{part}", "recorded-evidence-is-kept", reason)


STAKEHOLDERS = Recorder("stakeholder", lambda s: s.stakeholders, lambda i: i.id, _stakeholder)
SESSIONS = Recorder("session", lambda s: s.sessions, lambda i: i.id, _session)
STATEMENTS = Recorder("statement", lambda s: s.statements, lambda i: i.id, _statement)
QUESTIONNAIRES = Recorder("questionnaire", lambda s: s.questionnaires, lambda i: i.id, _questionnaire)
ANSWERS = Recorder("answers", lambda s: s.answers, answers_key, _answers, replaceable=True)
PAIN_POINTS = Recorder("pain point", lambda s: s.pain_points, lambda i: i.id, _pain_point, replaceable=True)
