import pytest

from schemas.design import Coverage
from schemas.feedback import (
    AdoptComponents,
    AnswerTicket,
    Channel,
    MailIgnored,
    OpenTicket,
    ResolveTicket,
    TicketAnswered,
    TicketMessageAdded,
    TicketOpened,
    TicketResolved,
)
from testkit.scenario import NOON

CALL = OpenTicket(subject="Printer", body="It does not print.", reporter="Kim", channel=Channel.PHONE)


def test_a_mail_opens_a_ticket_bound_to_what_it_speaks_of(agreed, make):
    command = make.mail("<a@x>", subject="R-1 broken", body="The customer web shop takes no orders")

    agreed.when(make.components).when(command).then(
        TicketOpened(
            ticket="T-1",
            subject="R-1 broken",
            body="The customer web shop takes no orders",
            reporter="Kim <kim@client.example>",
            channel=Channel.MAIL,
            opened_at=NOON,
            message_id="<a@x>",
            component="web-shop",
            requirement="R-1",
        )
    )


def test_five_mails_with_a_reply_a_duplicate_and_an_auto_reply_open_two_tickets(empty, make):
    told = (
        empty.when(make.mail("<a@x>"))
        .then_types(TicketOpened)
        .when(make.mail("<b@x>", subject="Scanner"))
        .then_types(TicketOpened)
        .when(make.mail("<c@x>", in_reply_to="<a@x>", body="It prints again"))
        .then(
            TicketMessageAdded(
                ticket="T-1",
                message_id="<c@x>",
                sender="Kim <kim@client.example>",
                body="It prints again",
                received_at=NOON,
            )
        )
        .when(make.mail("<a@x>"))
        .then(MailIgnored(message_id="<a@x>", reason="a mail with this Message-ID is already in T-1"))
        .when(make.mail("<d@x>", subject="Automatic reply: Printer"))
        .then(MailIgnored(message_id="<d@x>", reason="an automatic reply"))
    )

    assert list(told.state.tickets) == ["T-1", "T-2"]


def test_a_reply_is_threaded_by_its_nearest_known_reference(empty, make):
    told = empty.when(make.mail("<a@x>")).when(make.mail("<b@x>", subject="Scanner"))

    told = told.when(make.mail("<c@x>", in_reply_to="<lost@x>", references=("<a@x>", "<b@x>", "<lost@x>")))

    assert told.last(TicketMessageAdded).ticket == "T-2"


def test_a_reply_to_a_reply_stays_in_the_thread(empty, make):
    told = empty.when(make.mail("<a@x>")).when(make.mail("<b@x>", in_reply_to="<a@x>"))

    told = told.when(make.mail("<c@x>", in_reply_to="<b@x>"))

    assert told.last(TicketMessageAdded).ticket == "T-1"


def test_the_same_subject_alone_is_no_thread(empty, make):
    told = empty.when(make.mail("<a@x>")).when(make.mail("<b@x>", subject="Re: Printer"))

    assert told.last(TicketOpened).ticket == "T-2"


def test_a_mail_after_the_solution_opens_the_ticket_again(empty, make):
    resolve = ResolveTicket(ticket="T-1", solution="New toner", resolved_by="jo")
    told = empty.when(make.mail("<a@x>")).when(resolve)

    told = told.when(make.mail("<b@x>", in_reply_to="<a@x>"))

    assert told.last(TicketMessageAdded).reopened
    told.when(resolve).then_types(TicketResolved)


@pytest.mark.parametrize(
    ("served", "expected"), [(("R-1",), "R-1"), (("R-1", "R-2"), None), (("R-9",), None)]
)
def test_a_component_that_serves_one_requirement_binds_the_ticket_to_it(empty, make, served, expected):
    coverage = tuple(Coverage(requirement=name, components=("erp",), tasks=()) for name in served)
    told = empty.when(make.adopt(make.requirement(), make.requirement(id="R-2", title="Certificates")))
    told = told.when(AdoptComponents(components=(make.erp,), coverage=coverage))

    opened = told.when(make.mail("<a@x>", body="The ERP hangs")).last(TicketOpened)

    assert (opened.component, opened.requirement) == ("erp", expected)


def test_a_call_opens_a_ticket_at_the_time_it_came(empty):
    empty.when(CALL).then(
        TicketOpened(
            ticket="T-1",
            subject="Printer",
            body="It does not print.",
            reporter="Kim",
            channel=Channel.PHONE,
            opened_at=NOON,
        )
    )


def test_a_ticket_about_something_unknown_is_refused(agreed, make):
    told = agreed.when(make.components)

    wrong = CALL.model_copy(update={"requirement": "R-9"})
    told.when(wrong).then_refused("requirement", "requirement-is-known")
    wrong = CALL.model_copy(update={"component": "crm"})
    told.when(wrong).then_refused("component", "component-is-known")
    right = CALL.model_copy(update={"component": "erp", "requirement": "R-1"})
    opened = told.when(right).last(TicketOpened)
    assert (opened.component, opened.requirement) == ("erp", "R-1")


def test_answers_are_recorded_and_a_repeated_one_changes_nothing(empty):
    answer = AnswerTicket(ticket="T-1", body="Is it on?", answered_by="jo")

    told = (
        empty.when(CALL).when(answer).then(TicketAnswered(ticket="T-1", body="Is it on?", answered_by="jo"))
    )

    told.when(answer).then_nothing()
    told.when(answer.model_copy(update={"body": "Really?"})).then_types(TicketAnswered)


def test_a_solution_resolves_once(empty):
    resolve = ResolveTicket(ticket="T-1", solution="New toner", resolved_by="jo")

    told = empty.when(CALL).when(resolve)

    told.then(TicketResolved(ticket="T-1", solution="New toner", resolved_by="jo"))
    told.when(resolve).then_nothing()
    other = resolve.model_copy(update={"solution": "New printer"})
    told.when(other).then_refused("ticket", "ticket-is-open")
    late = AnswerTicket(ticket="T-1", body="By the way", answered_by="jo")
    told.when(late).then_refused("ticket", "ticket-is-open")


@pytest.mark.parametrize(
    "command",
    [
        AnswerTicket(ticket="T-7", body="x", answered_by="jo"),
        ResolveTicket(ticket="T-7", solution="x", resolved_by="jo"),
    ],
)
def test_a_ticket_that_does_not_exist_is_refused(empty, command):
    empty.when(command).then_refused("ticket", "ticket-exists")
