"""One engagement's failure is its own: later messages wait behind it, others go on, order holds."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from messaging import Envelope
from messaging.dead_letters import original_headers
from messaging.envelope import to_headers
from messaging.service import Service
from schemas import design, intake, operations
from schemas.base import Command, Event
from schemas.rules import Context
from testkit.backbone import Backbone, Tail
from testkit.register import Register, broken_names, register_service, stakeholder


@pytest.fixture(autouse=True)
def _mended_afterwards() -> Iterator[None]:
    yield
    broken_names.clear()


def _names(tail: Tail, engagement: str) -> list[str]:
    found = [m for m in tail.of(intake.StakeholderRegistered) if m.envelope.engagement == engagement]
    return [m.payload.stakeholder.id for m in found]


async def test_later_messages_wait_behind_a_failure_and_follow_in_order(backbone: Backbone) -> None:
    broken_names.add("bad")
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        for name in ("anna", "bad", "carl", "dora"):
            await backbone.send(stakeholder(name), engagement="ENG-SICK")
        await backbone.send(stakeholder("erik"), engagement="ENG-WELL")
        await tail.until(lambda t: _names(t, "ENG-WELL") == ["erik"])
        assert _names(tail, "ENG-SICK") == ["anna"]
        broken_names.clear()
        await backbone.send(stakeholder("fritz"), engagement="ENG-SICK")
        await tail.until(lambda t: len(_names(t, "ENG-SICK")) == 5)

    assert _names(tail, "ENG-SICK") == ["anna", "bad", "carl", "dora", "fritz"]


async def test_what_waits_outlives_a_restart(backbone: Backbone) -> None:
    broken_names.add("bad")
    async with backbone.tail("intake.events", "intake.dead") as tail:
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("bad"))
            await backbone.send(stakeholder("carl"))
            waiting = backbone.database("intake").db["waiting"]
            while await waiting.count_documents({}) < 2:
                assert not tail.messages
        broken_names.clear()
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(_names(t, "ENG-TEST1")) == 2)

    assert _names(tail, "ENG-TEST1") == ["bad", "carl"]


async def test_operators_are_told_and_can_skip_the_head(backbone: Backbone) -> None:
    broken_names.add("bad")
    topics = ("intake.events", "intake.dead")
    async with backbone.running(register_service()), backbone.tail(*topics) as tail:
        sent = await backbone.send(stakeholder("bad"))
        await backbone.send(stakeholder("carl"))
        waiting = backbone.database("intake").db["waiting"]
        while await waiting.count_documents({}) < 2:
            assert not _names(tail, "ENG-TEST1")
        await backbone.send(
            operations.SkipBlocked(
                service_name="intake", message_id=sent.envelope.id, requested_by="op", reason="a typo"
            )
        )
        await tail.until(lambda t: _names(t, "ENG-TEST1") == ["carl"])

    statuses = [dict(r.headers)["dl-status"] for r in tail.records if r.topic == "intake.dead"]
    assert statuses[-1:] == [b"dead"]
    skipped = [r for r in tail.records if r.topic == "intake.dead"][-1]
    assert b"skipped by op: a typo" in dict(skipped.headers)["dl-reason"]


def _reject(state: Register, command: Command, context: Context) -> list[Event]:
    assert isinstance(command, design.RejectProposal)
    return [design.ProposalRejected(**command.model_dump())]


def _listener() -> Service:
    """A service that rejects a proposal in the name of each stakeholder registered upstream."""
    reaction = {
        intake.StakeholderRegistered: lambda e: design.RejectProposal(
            proposal_version=1, rejected_by=e.stakeholder.id, comments="no"
        )
    }
    return Service(name="design", state=Register, decide=_reject, evolve=lambda s, _: s, reactions=reaction)


async def _upstream(backbone: Backbone, name: str, sequence: int) -> None:
    event = intake.StakeholderRegistered(stakeholder=stakeholder(name).stakeholder)
    envelope = Envelope(
        id=f"ENG-TEST1/intake/{sequence}",
        source="/throughline/intake",
        type=event.wire_type(),
        time=datetime.now(UTC),
        engagement="ENG-TEST1",
        tenant="acme",
        correlation="c",
        sequence=sequence,
    )
    body = event.model_dump_json().encode()
    await backbone.send_raw("intake.events", b"ENG-TEST1", body, to_headers(envelope))


async def test_upstream_events_take_effect_once_and_in_order_whatever_order_they_come_in(
    backbone: Backbone,
) -> None:
    async with backbone.running(_listener()), backbone.tail("design.events") as tail:
        for name, sequence in (("a", 1), ("c", 3), ("a", 1), ("d", 4), ("b", 2), ("c", 3), ("e", 5)):
            await _upstream(backbone, name, sequence)
        await tail.until(lambda t: len(t.messages) >= 5)

    assert [m.payload.rejected_by for m in tail.of(design.ProposalRejected)] == ["a", "b", "c", "d", "e"]
    assert [m.envelope.sequence for m in tail.messages] == [1, 2, 3, 4, 5]


async def test_a_waiting_message_that_comes_again_keeps_its_place_and_its_attempts(
    backbone: Backbone,
) -> None:
    broken_names.add("bad")
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        for name in ("bad", "carl", "dora", "bad", "carl"):
            await backbone.send(stakeholder(name), id=name)
        waiting = backbone.database("intake").db["waiting"]
        while not await waiting.find_one({"_id": "/throughline/gateway#bad", "attempts": {"$gt": 0}}):
            assert not tail.messages
        places = [d["message_id"] async for d in waiting.find().sort("position", 1)]
        broken_names.clear()
        await tail.until(lambda t: len(_names(t, "ENG-TEST1")) == 3)

    assert places == ["bad", "carl", "dora"]
    assert [m.envelope.causation for m in tail.messages] == ["bad", "carl", "dora"]


def _breaks_on_bad(state: Register, command: Command, context: Context) -> list[Event]:
    assert isinstance(command, design.RejectProposal)
    if command.rejected_by in broken_names:
        raise ZeroDivisionError(command.rejected_by)
    return _reject(state, command, context)


async def test_what_follows_a_skipped_upstream_event_goes_on(backbone: Backbone) -> None:
    broken_names.add("bad")
    service = replace(_listener(), decide=_breaks_on_bad)
    async with backbone.running(service), backbone.tail("design.events") as tail:
        told = [
            await backbone.happened(intake.StakeholderRegistered(stakeholder=stakeholder(name).stakeholder))
            for name in ("a", "bad", "c", "d")
        ]
        waiting = backbone.database("design").db["waiting"]
        while await waiting.count_documents({}) < 3:
            assert len(tail.messages) <= 1
        skip = operations.SkipBlocked(
            service_name="design", message_id=told[1].envelope.id, requested_by="op", reason="never mind"
        )
        await backbone.send(skip)
        await tail.until(lambda t: len(t.of(design.ProposalRejected)) == 3)

    assert [m.payload.rejected_by for m in tail.of(design.ProposalRejected)] == ["a", "c", "d"]


async def _waits(backbone: Backbone, query: dict[str, object]) -> dict[str, object]:
    waiting = backbone.database("design").db["waiting"]
    async with asyncio.timeout(25):
        while not (found := await waiting.find_one(query)):
            assert await waiting.count_documents({}) <= 2
    return dict(found)


async def test_a_gap_is_tried_ever_less_often_and_at_once_when_it_closes(backbone: Backbone) -> None:
    async with backbone.running(_listener()), backbone.tail("design.events") as tail:
        await _upstream(backbone, "b", 2)
        gap = await _waits(backbone, {"attempts": 2})
        assert gap["next_try"] > datetime.now(UTC) + timedelta(seconds=2.5)
        assert gap["reason"] == "sequence: intake 1 is missing before 2"
        waiting = backbone.database("design").db["waiting"]
        later = {"$set": {"next_try": datetime.now(UTC) + timedelta(hours=1)}}
        await waiting.update_one({"_id": gap["_id"]}, later)
        await _upstream(backbone, "a", 1)
        await tail.until(lambda t: len(t.messages) == 2)

    assert [m.payload.rejected_by for m in tail.of(design.ProposalRejected)] == ["a", "b"]


def _overruled(tail: Tail) -> list[design.DeliveryOverruled]:
    return [m.payload for m in tail.of(design.DeliveryOverruled)]


async def test_a_gap_that_will_never_close_is_declared_lost_and_recorded(backbone: Backbone) -> None:
    async with backbone.running(_listener()), backbone.tail("design.events") as tail:
        await _upstream(backbone, "a", 1)
        await _upstream(backbone, "d", 4)
        await _upstream(backbone, "e", 5)
        await _waits(backbone, {"sequence": 5})
        about = {"service_name": "design", "requested_by": "op", "reason": "it is in no copy"}
        await backbone.send(operations.DeclareLost(message_id="ENG-TEST1/intake/5", **about))
        await backbone.send(operations.DeclareLost(message_id="ENG-TEST1/intake/4", **about))
        await tail.until(lambda t: len(t.of(design.ProposalRejected)) == 3 and bool(_overruled(t)))

    assert [m.payload.rejected_by for m in tail.of(design.ProposalRejected)] == ["a", "d", "e"]
    (refused,) = [m.payload for m in tail.of(design.CommandRefused)]
    assert refused.rule == "lost-names-the-first-that-waits"
    (lost,) = _overruled(tail)
    assert (lost.upstream, lost.first_sequence, lost.last_sequence) == ("intake", 2, 3)
    assert (lost.message_id, lost.requested_by, lost.reason) == (
        "ENG-TEST1/intake/4",
        "op",
        "it is in no copy",
    )


async def test_a_skipped_event_takes_effect_when_it_is_redriven_and_its_repetition_does_not(
    backbone: Backbone,
) -> None:
    broken_names.add("bad")
    service = replace(_listener(), decide=_breaks_on_bad)
    topics = ("design.events", "design.dead")
    async with backbone.running(service), backbone.tail(*topics) as tail:
        for name, sequence in (("a", 1), ("bad", 2), ("c", 3)):
            await _upstream(backbone, name, sequence)
        await _waits(backbone, {"sequence": 3})
        skip = operations.SkipBlocked(
            service_name="design", message_id="ENG-TEST1/intake/2", requested_by="op", reason="a mistake"
        )
        await backbone.send(skip)
        await tail.until(lambda t: len(t.of(design.ProposalRejected)) == 2)
        broken_names.clear()
        await _upstream(backbone, "bad", 2)
        await _upstream(backbone, "d", 4)
        await tail.until(lambda t: len(t.of(design.ProposalRejected)) == 3)
        letter = [r for r in tail.records if r.topic == "design.dead"][-1]
        headers = original_headers(list(letter.headers), "design.dead/0/0")
        for _ in range(2):
            await backbone.send_raw("intake.events", letter.key, letter.value, headers)
        await _upstream(backbone, "e", 5)
        await tail.until(lambda t: len(t.of(design.ProposalRejected)) == 5)

    done = [m.payload.rejected_by for m in tail.of(design.ProposalRejected)]
    assert done == ["a", "c", "d", "bad", "e"]
    (skipped,) = _overruled(tail)
    assert (skipped.message_id, skipped.first_sequence) == ("ENG-TEST1/intake/2", 2)
    commits = await backbone.database("design").db["commits"].find({}).to_list(None)
    assert [s for commit in commits for s in commit["skipped"]] == ["/throughline/intake#ENG-TEST1/intake/2"]


async def test_a_skip_of_what_blocks_nothing_is_refused_with_the_rule(backbone: Backbone) -> None:
    async with backbone.running(_listener()), backbone.tail("design.events") as tail:
        skip = operations.SkipBlocked(
            service_name="design", message_id="ENG-TEST1/intake/9", requested_by="op", reason="a slip"
        )
        await backbone.send(skip, id="order")
        await tail.until(lambda t: bool(t.of(design.CommandRefused)))

    (refused,) = [m.payload for m in tail.of(design.CommandRefused)]
    assert (refused.command_id, refused.field) == ("order", "message_id")
    assert refused.rule == "skip-names-what-blocks"
