"""The whole service between its topics: commands and outsiders' events in, events out."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from intake.main import build_app
from intake.settings import Settings
from schemas.inbound import StatementCaptured
from schemas.intake import (
    AgreeKpi,
    AgreePlan,
    Brief,
    Client,
    CommandHadNoEffect,
    CommandRefused,
    Direction,
    EngagementOpened,
    Kpi,
    OpenEngagement,
    PlanAgreed,
    ProposePlan,
    Requirement,
    ScoreRequirements,
    Session,
    SessionKind,
    Stakeholder,
    StakeholderRole,
    Statement,
    StatementRecorded,
)
from testkit.backbone import Backbone, Tail

KPI = Kpi(
    metric="order-lead-time",
    unit="days",
    direction=Direction.DECREASE,
    baseline=12,
    target=5,
    due_on=date(2027, 1, 31),
    owner="anna",
)


def _opening() -> OpenEngagement:
    held = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
    return OpenEngagement(
        title="New order system",
        client=Client(name="Nordwerk", industry="Machines"),
        currency="EUR",
        budget="500000.00",
        start_on=date(2026, 3, 2),
        target_on=date(2026, 9, 30),
        brief=Brief(
            stakeholders=(
                Stakeholder(id="anna", name="Anna", role=StakeholderRole.SPONSOR, department="Board"),
            ),
            sessions=(
                Session(id="s1", kind=SessionKind.MEETING, title="Start", held_at=held, attendees=("anna",)),
            ),
            requirements=(
                Requirement(
                    id="r1",
                    title="Faster orders",
                    description="In one day.",
                    importance=5,
                    urgency=5,
                    effort_days=20,
                ),
            ),
        ),
    )


@pytest.fixture
async def events(backbone: Backbone) -> AsyncIterator[Tail]:
    async with (
        build_app(Settings(**dict(backbone.settings()))).running(),
        backbone.tail("intake.events") as tail,
    ):
        yield tail


async def test_every_command_is_answered_by_an_event_that_it_caused(backbone: Backbone, events: Tail) -> None:
    commands = [
        _opening(),
        ScoreRequirements(),
        ProposePlan(),
        AgreePlan(plan_version=1, agreed_by="anna"),
        AgreeKpi(requirement="r1", kpi=KPI),
        AgreeKpi(requirement="r1", kpi=KPI),
        AgreePlan(plan_version=1, agreed_by="anna"),
    ]

    sent = [await backbone.send(command) for command in commands]
    await events.until(lambda tail: bool(tail.of(PlanAgreed)))

    causes = {message.envelope.causation for message in events.messages}
    assert {message.envelope.id for message in sent} <= causes
    (refused,) = events.of(CommandRefused)
    assert (refused.payload.field, refused.payload.rule) == ("plan_version", "requirement-needs-kpi")
    assert refused.payload.command_id == sent[3].envelope.id
    (unchanged,) = events.of(CommandHadNoEffect)
    assert unchanged.payload.command_id == sent[5].envelope.id
    assert [m.envelope.sequence for m in events.messages] == list(range(1, len(events.messages) + 1))


async def test_a_captured_statement_delivered_again_is_recorded_once(
    backbone: Backbone, events: Tail
) -> None:
    captured, later = (
        StatementCaptured(
            statement=Statement(id=id, session="s1", speaker="anna", text="It takes two weeks.")
        )
        for id in ("said", "said-later")
    )
    await backbone.send(_opening())
    await events.until(lambda tail: bool(tail.of(EngagementOpened)))

    await backbone.tell(captured, id="note-1")
    await backbone.tell(captured, id="note-1")
    await backbone.tell(captured, id="note-2")
    await backbone.tell(later, id="note-3")
    await events.until(lambda tail: len(tail.of(StatementRecorded)) > 1)

    recorded = events.of(StatementRecorded)
    assert [(m.payload.statement, m.envelope.causation) for m in recorded] == [
        (captured.statement, "note-1"),
        (later.statement, "note-3"),
    ]
    assert not events.of(CommandRefused)
