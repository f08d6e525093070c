"""What an older release cannot read of another service waits in its place for a release that can."""

from datetime import UTC, datetime

import pytest

from messaging import Envelope, envelope
from messaging.envelope import to_headers
from messaging.inspecting import blocked
from messaging.service import Service
from schemas import design, intake, operations
from schemas.base import Command, Event, Payload
from schemas.rules import Context
from testkit.backbone import Backbone, Tail
from testkit.register import Register, stakeholder

REGISTERED = intake.StakeholderRegistered.wire_type()
PROMOTED = "intake.stakeholder_promoted.v1"
KNOWN_AND_MEANINGLESS = "intake.command_refused.v9"


def _reject(state: Register, command: Command, context: Context) -> list[Event]:
    assert isinstance(command, design.RejectProposal)
    return [design.ProposalRejected(**command.model_dump())]


def _react(event: intake.StakeholderRegistered) -> design.RejectProposal:
    return design.RejectProposal(proposal_version=1, rejected_by=event.stakeholder.id, comments="no")


SERVICE = Service(
    name="design",
    state=Register,
    decide=_reject,
    evolve=lambda state, _: state,
    reactions={intake.StakeholderRegistered: _react},
)


async def _said(backbone: Backbone, name: str, sequence: int, wire_type: str = REGISTERED) -> None:
    about = Envelope(
        id=f"ENG-TEST1/intake/{sequence}",
        source="/throughline/intake",
        type=wire_type,
        time=datetime.now(UTC),
        engagement="ENG-TEST1",
        tenant="acme",
        correlation="c",
        sequence=sequence,
    )
    event = intake.StakeholderRegistered(stakeholder=stakeholder(name).stakeholder)
    await backbone.send_raw(
        "intake.events", b"ENG-TEST1", event.model_dump_json().encode(), to_headers(about)
    )


def _rejected(tail: Tail) -> list[str]:
    return [m.payload.rejected_by for m in tail.of(design.ProposalRejected)]


@pytest.fixture
def newer_release(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Append to it, and from then on this process reads the newer type."""
    running: list[bool] = []
    known = envelope.read_payload

    def read_payload(wire_type: str, data: bytes) -> Payload:
        return known(REGISTERED if running and wire_type == PROMOTED else wire_type, data)

    monkeypatch.setattr(envelope, "read_payload", read_payload)
    return running


async def test_an_event_of_a_newer_release_waits_and_is_handled_in_its_place(
    backbone: Backbone, newer_release: list[bool]
) -> None:
    async with backbone.running(SERVICE), backbone.tail("design.events") as tail:
        await _said(backbone, "a", 1)
        await _said(backbone, "b", 2, PROMOTED)
        await _said(backbone, "c", 3)
        await tail.until(lambda t: _rejected(t) == ["a"])
        database = backbone.database("design").db
        while not (found := await blocked("design", database)) or found[0].behind < 1:
            assert _rejected(tail) == ["a"]
        newer_release.append(True)
        await tail.until(lambda t: len(_rejected(t)) == 3)

    assert _rejected(tail) == ["a", "b", "c"]
    assert (found[0].kind, found[0].message_id) == ("unread", "ENG-TEST1/intake/2")
    assert found[0].reason.startswith(f"type: type '{PROMOTED}' is not known")
    assert "[unknown-type]" in found[0].reason


async def test_an_event_that_by_design_means_nothing_here_holds_up_nobody(backbone: Backbone) -> None:
    async with backbone.running(SERVICE), backbone.tail("design.events") as tail:
        await _said(backbone, "a", 1)
        await _said(backbone, "b", 2, KNOWN_AND_MEANINGLESS)
        await _said(backbone, "c", 3)
        await tail.until(lambda t: _rejected(t) == ["a", "c"])

    assert await backbone.database("design").db["waiting"].count_documents({}) == 0


async def test_an_event_nobody_can_read_may_be_skipped(backbone: Backbone) -> None:
    topics = ("design.events", "design.dead")
    async with backbone.running(SERVICE), backbone.tail(*topics) as tail:
        await _said(backbone, "a", 1)
        await _said(backbone, "b", 2, PROMOTED)
        await _said(backbone, "c", 3)
        waiting = backbone.database("design").db["waiting"]
        while await waiting.count_documents({}) < 2:
            assert len(_rejected(tail)) <= 1
        skip = operations.SkipBlocked(
            service_name="design", message_id="ENG-TEST1/intake/2", requested_by="op", reason="not ours"
        )
        await backbone.send(skip)
        await tail.until(lambda t: _rejected(t) == ["a", "c"])

    letter = [r for r in tail.records if r.topic == "design.dead"][-1]
    assert dict(letter.headers)["dl-code"] == b"skipped"
