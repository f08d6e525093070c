"""Which function decides which command."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feedback.model.adopting import adopt_components, adopt_kpis, record_go_live, record_measurements
from feedback.model.improvements import accept_improvement, reject_improvement
from feedback.model.outcomes import evaluate_outcomes
from feedback.model.satisfaction import record_survey
from feedback.model.state import State
from feedback.model.tickets import answer_ticket, open_ticket, receive_mail, resolve_ticket
from schemas import feedback as commands
from schemas.base import Command, Event
from schemas.rules import Context

_DECIDERS: Mapping[type[Command], Callable[[State, Any, Context], Sequence[Event]]] = {
    commands.AdoptKpis: adopt_kpis,
    commands.AdoptComponents: adopt_components,
    commands.RecordMeasurements: record_measurements,
    commands.RecordGoLive: record_go_live,
    commands.ReceiveMail: receive_mail,
    commands.OpenTicket: open_ticket,
    commands.AnswerTicket: answer_ticket,
    commands.ResolveTicket: resolve_ticket,
    commands.RecordSurvey: record_survey,
    commands.EvaluateOutcomes: evaluate_outcomes,
    commands.AcceptImprovement: accept_improvement,
    commands.RejectImprovement: reject_improvement,
}


def decide(state: State, command: Command, context: Context) -> Sequence[Event]:
    return _DECIDERS[type(command)](state, command, context)
