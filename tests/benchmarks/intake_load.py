"""Intake's commands in bulk: engagements that are open, and statements of about a kilobyte for them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from messaging import Message, command_message
from schemas.base import Command
from schemas.intake import (
    Brief,
    Client,
    OpenEngagement,
    RecordStatement,
    Session,
    SessionKind,
    Stakeholder,
    StakeholderRole,
    Statement,
)

TENANT = "bench"
WORDS = "The order desk types every order twice, first into the mail client and then into the stock system. "


def engagement(number: int) -> str:
    return f"ENG-{number:06d}"


def openings(engagements: int) -> Iterator[Message]:
    """One command each; statements by `anna` in session `s1` are accepted afterwards."""
    anna = Stakeholder(id="anna", name="Anna Keller", role=StakeholderRole.SPONSOR, department="Sales")
    session = Session(
        id="s1",
        kind=SessionKind.MEETING,
        title="First interview",
        held_at=datetime(2026, 1, 12, 9, tzinfo=UTC),
        attendees=("anna",),
    )
    command = OpenEngagement(
        title="One order system for three sites",
        client=Client(name="Rheintal Ventile GmbH", industry="Manufacturing"),
        currency="EUR",
        budget=Decimal("850000.00"),
        start_on=date(2026, 2, 1),
        target_on=date(2026, 12, 1),
        brief=Brief(stakeholders=(anna,), sessions=(session,)),
    )
    for number in range(engagements):
        yield _message(command, number)


def statements(count: int, engagements: int, label: str) -> Iterator[Message]:
    """`count` new statements, spread over the engagements in turn; `label` keeps repeats apart."""
    for number in range(count):
        key = f"{label}-{number}"
        text = f"{key}: {WORDS * 7}"
        statement = Statement(id=key, session="s1", speaker="anna", text=text)
        yield _message(RecordStatement(statement=statement), number % engagements)


def _message(command: Command, number: int) -> Message:
    return command_message(command, engagement=engagement(number), tenant=TENANT, actor="bench")
