"""Opening an engagement with its brief: all of it takes effect, or nothing."""

from collections.abc import Sequence

from intake.model.recording import (
    ANSWERS,
    PAIN_POINTS,
    QUESTIONNAIRES,
    SESSIONS,
    STAKEHOLDERS,
    STATEMENTS,
    Recorder,
)
from intake.model.requirements import REQUIREMENTS
from intake.model.state import State, evolve
from schemas.base import Event
from schemas.intake import Brief, EngagementOpened, OpenEngagement
from schemas.rules import Refused

# In an order in which each part cites only parts before it.
_PARTS: tuple[tuple[str, Recorder], ...] = (
    ("stakeholders", STAKEHOLDERS),
    ("sessions", SESSIONS),
    ("statements", STATEMENTS),
    ("questionnaires", QUESTIONNAIRES),
    ("answers", ANSWERS),
    ("pain_points", PAIN_POINTS),
    ("requirements", REQUIREMENTS),
)


def open_engagement(state: State, command: OpenEngagement) -> Sequence[Event]:
    opened = EngagementOpened(**{name: getattr(command, name) for name in _TERMS})
    if state.opened is not None:
        return _opened_again(state, opened, command.brief)
    if command.budget <= 0:
        raise Refused("budget", "budget-above-zero", "an engagement needs a budget above 0")
    if command.target_on <= command.start_on:
        reason = f"the target {command.target_on} is not after the start {command.start_on}"
        raise Refused("target_on", "target-after-start", reason)
    return (opened, *_brief_events(evolve(state, opened), command.brief))


_TERMS = ("title", "client", "currency", "budget", "start_on", "target_on")


def _brief_events(state: State, brief: Brief) -> Sequence[Event]:
    events: list[Event] = []
    for part, recorder in _PARTS:
        for index, item in enumerate(getattr(brief, part)):
            event = recorder.record_new(state, item, f"brief.{part}.{index}")
            state = evolve(state, event)
            events.append(event)
    return events


def _opened_again(state: State, opened: EngagementOpened, brief: Brief) -> Sequence[Event]:
    satisfied = opened == state.opened and all(
        recorder.known(state).get(recorder.key(item)) == item
        for part, recorder in _PARTS
        for item in getattr(brief, part)
    )
    if satisfied:
        return ()
    reason = "the engagement is already open with other terms; record what is new by its own command"
    raise Refused("engagement", "engagement-already-open", reason)
