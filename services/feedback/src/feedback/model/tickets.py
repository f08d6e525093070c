"""The service desk: mails and calls become tickets, are threaded, answered and resolved."""

from collections.abc import Sequence

from feedback.engine.linking import best_match
from feedback.engine.mail import automatic_reason
from feedback.model.folding import digest
from feedback.model.state import State, Ticket
from schemas.base import Event, Ref
from schemas.feedback import (
    AnswerTicket,
    Channel,
    MailIgnored,
    OpenTicket,
    ReceiveMail,
    ResolveTicket,
    TicketAnswered,
    TicketMessageAdded,
    TicketOpened,
    TicketResolved,
)
from schemas.rules import Context, Refused


def receive_mail(state: State, mail: ReceiveMail, _: Context) -> Sequence[Event]:
    reason = _ignored(state, mail)
    if reason:
        return [MailIgnored(message_id=mail.message_id, reason=reason)]
    ticket = _thread(state, mail)
    return [_message(state, mail, ticket) if ticket else _opened_by(state, mail)]


def _ignored(state: State, mail: ReceiveMail) -> str | None:
    if mail.message_id in state.threads:
        return f"a mail with this Message-ID is already in {state.threads[mail.message_id]}"
    return automatic_reason(mail.sender, mail.subject, mail.auto_submitted)


def _thread(state: State, mail: ReceiveMail) -> Ref | None:
    """The ticket this mail continues, by In-Reply-To, then by the nearest of References."""
    parents = [mail.in_reply_to, *reversed(mail.references)]
    return next((state.threads[parent] for parent in parents if parent in state.threads), None)


def _message(state: State, mail: ReceiveMail, ticket: Ref) -> Event:
    return TicketMessageAdded(
        ticket=ticket,
        message_id=mail.message_id,
        sender=mail.sender,
        body=mail.body,
        received_at=mail.received_at,
        reopened=state.tickets[ticket].resolved,
    )


def _opened_by(state: State, mail: ReceiveMail) -> Event:
    component, requirement = _subjects(state, f"{mail.subject}\n{mail.body}")
    return TicketOpened(
        ticket=_next_ticket(state),
        subject=mail.subject,
        body=mail.body,
        reporter=mail.sender,
        channel=Channel.MAIL,
        opened_at=mail.received_at,
        message_id=mail.message_id,
        component=component,
        requirement=requirement,
    )


def _subjects(
    state: State, text: str, component: Ref | None = None, requirement: Ref | None = None
) -> tuple[Ref | None, Ref | None]:
    """The component and requirement a ticket is about: as given, else as the text names them, else the one
    requirement that the component serves."""
    component = component or best_match(text, state.components)
    requirement = requirement or best_match(text, state.requirement_titles())
    if requirement is None and component is not None:
        served = [name for name in state.serves.get(component, ()) if name in state.contracts]
        requirement = served[0] if len(served) == 1 else None
    return component, requirement


def open_ticket(state: State, command: OpenTicket, context: Context) -> Sequence[Event]:
    _require_reference("requirement", command.requirement, state.requirement_titles())
    _require_reference("component", command.component, state.components)
    text = f"{command.subject}\n{command.body}"
    component, requirement = _subjects(state, text, command.component, command.requirement)
    opened = TicketOpened(
        ticket=_next_ticket(state),
        subject=command.subject,
        body=command.body,
        reporter=command.reporter,
        channel=command.channel,
        opened_at=context.at,
        component=component,
        requirement=requirement,
    )
    return [opened]


def _require_reference(field: str, name: Ref | None, known: dict[Ref, str]) -> None:
    if name is not None and name not in known:
        names = ", ".join(known) or "none yet"
        raise Refused(field, f"{field}-is-known", f"there is no {field} {name!r}; known are: {names}")


def _next_ticket(state: State) -> Ref:
    return f"T-{len(state.tickets) + 1}"


def answer_ticket(state: State, command: AnswerTicket, _: Context) -> Sequence[Event]:
    ticket = _known(state, command.ticket)
    if ticket.last_answer == digest(f"{command.answered_by}\n{command.body}"):
        return []
    if ticket.resolved:
        raise Refused(
            "ticket",
            "ticket-is-open",
            f"{command.ticket} is resolved; a mail from its reporter opens it again",
        )
    return [TicketAnswered(ticket=command.ticket, body=command.body, answered_by=command.answered_by)]


def resolve_ticket(state: State, command: ResolveTicket, _: Context) -> Sequence[Event]:
    ticket = _known(state, command.ticket)
    if not ticket.resolved:
        resolved = TicketResolved(
            ticket=command.ticket, solution=command.solution, resolved_by=command.resolved_by
        )
        return [resolved]
    if ticket.solution == digest(command.solution):
        return []
    raise Refused("ticket", "ticket-is-open", f"{command.ticket} is already resolved, by another solution")


def _known(state: State, name: Ref) -> Ticket:
    ticket = state.tickets.get(name)
    if ticket is None:
        raise Refused("ticket", "ticket-exists", f"there is no ticket {name!r}")
    return ticket
