"""How a batch of messages moves one stream, without broker or database."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import Envelope, Received, Record, Service
from messaging.envelope import Unreadable
from messaging.ordering import Verdict, admit
from messaging.stream import COMMIT_LIMIT, EVENT_LIMIT, Stream, Unread, handle
from schemas import design, intake
from schemas.base import Payload
from testkit.register import Register, broken_names, register_service, stakeholder

RECORD = Record("t", 0, 0, None, b"", ())


def _received(payload: Payload, identity: str, **about: Any) -> Received:
    envelope = Envelope(
        id=identity,
        source="/test",
        type=payload.wire_type(),
        time=datetime(2026, 3, 1, tzinfo=UTC),
        engagement="ENG-TEST1",
        tenant=about.pop("tenant", "acme"),
        correlation="c",
        **about,
    )
    return Received(envelope, payload, RECORD)


def _untraced(_: Received) -> tuple[str | None, str | None]:
    return None, None


def _fresh() -> Stream:
    return Stream("ENG-TEST1", Register())


def test_events_are_numbered_on_from_the_stream() -> None:
    first = handle(register_service(), _fresh(), [_received(stakeholder("a"), "1")], _untraced)
    second = handle(register_service(), first.stream, [_received(stakeholder("b"), "2")], _untraced)

    assert [e.sequence for e in first.events + second.events] == [1, 2]
    assert second.stream.state.names == ("a", "b")


def test_a_cause_twice_in_one_batch_counts_once() -> None:
    message = _received(stakeholder("a"), "1")

    outcome = handle(register_service(), _fresh(), [message, message], _untraced)

    assert (len(outcome.events), outcome.causes) == (1, ["/test#1"])


def test_a_failure_hands_back_itself_and_all_that_follows() -> None:
    broken_names.add("bad")
    messages = [_received(stakeholder(name), name) for name in ("a", "bad", "c")]

    outcome = handle(register_service(), _fresh(), messages, _untraced)
    broken_names.clear()

    assert [e.payload.stakeholder.id for e in outcome.events] == ["a"]  # type: ignore[attr-defined]
    assert outcome.failed is not None
    assert outcome.failed[0] is messages[1]
    assert outcome.behind == [messages[2]]


def test_a_foreign_tenant_is_handed_back_and_changes_nothing() -> None:
    known = handle(register_service(), _fresh(), [_received(stakeholder("a"), "1")], _untraced).stream
    foreign = _received(stakeholder("b"), "2", tenant="other")

    outcome = handle(register_service(), known, [foreign], _untraced)

    assert outcome.events == []
    assert [field for _, field, _ in outcome.undeliverable] == ["tenant"]


def test_who_is_refused_first_does_not_own_the_engagement() -> None:
    refused = handle(
        register_service(), _fresh(), [_received(stakeholder("refused"), "1", tenant="other")], _untraced
    )
    owner = [_received(stakeholder("a"), "2"), _received(stakeholder("b"), "3", tenant="other")]

    outcome = handle(register_service(), refused.stream, owner, _untraced)

    assert (refused.stream.tenant, outcome.stream.tenant) == (None, "acme")
    assert [e.cause.tenant for e in refused.events + outcome.events] == ["other", "acme"]
    assert [message.envelope.id for message, _, _ in outcome.undeliverable] == ["3"]


def test_an_upstream_event_says_whose_the_engagement_is_and_a_refusal_does_not() -> None:
    refusal = design.CommandRefused(
        command_id="c", command_type="t", code="RULE", field="f", rule="r", reason="no"
    )
    upstream = design.ProposalInfeasible(proposal_version=1, conflicts=("none",))
    messages = [
        _received(refusal, "1", sequence=1, tenant="other"),
        _received(upstream, "2", sequence=2),
        _received(stakeholder("mallory"), "3", tenant="other"),
    ]

    refused = handle(register_service(), _fresh(), messages[:1], _untraced)
    outcome = handle(register_service(), refused.stream, messages[1:], _untraced)

    assert (refused.stream.tenant, outcome.stream.tenant, outcome.events) == (None, "acme", [])
    assert [message.envelope.id for message, _, _ in outcome.undeliverable] == ["3"]


def test_an_upstream_event_without_a_reaction_only_moves_what_was_seen() -> None:
    upstream = design.ProposalInfeasible(proposal_version=1, conflicts=("none",))

    outcome = handle(register_service(), _fresh(), [_received(upstream, "1", sequence=1)], _untraced)

    assert (outcome.events, outcome.causes, outcome.stream.seen) == ([], [], {"design": 1})


def _follower() -> Service:
    reaction = {intake.StakeholderRegistered: lambda e: intake.RegisterStakeholder(stakeholder=e.stakeholder)}
    return register_service(reactions=reaction)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=40))
def test_whatever_is_delivered_takes_effect_once_in_order_and_without_gaps(sequences: list[int]) -> None:
    messages = []
    for number in sequences:
        event = intake.StakeholderRegistered(stakeholder=stakeholder(f"n{number}").stakeholder)
        messages.append(_received(event, str(number), sequence=number))

    outcome = handle(_follower(), _fresh(), messages, _untraced)

    names = [e.payload.stakeholder.id for e in outcome.events]  # type: ignore[attr-defined]
    assert names == [f"n{n}" for n in range(1, len(names) + 1)]
    assert outcome.stream.seen.get("intake", 0) == len(names)
    assert all(m.envelope.sequence is not None and m.envelope.sequence > 1 for m in outcome.gaps)


@given(st.integers(0, 5), st.integers(1, 7))
def test_only_the_next_sequence_is_admitted(last: int, number: int) -> None:
    event = intake.StakeholderRegistered(stakeholder=stakeholder("a").stakeholder)
    envelope = _received(event, "1", sequence=number).envelope

    verdict = admit({"intake": last}, envelope)

    expected = Verdict.OLD if number <= last else Verdict.NEXT if number == last + 1 else Verdict.GAP
    assert verdict is expected


def test_an_event_that_fits_no_message_becomes_a_refusal() -> None:
    outcome = handle(register_service(), _fresh(), [_received(stakeholder("a"), "1")], _untraced, limit=50)

    [event] = outcome.events
    assert isinstance(event.payload, intake.CommandRefused)
    assert (event.payload.field, event.payload.rule) == ("data", "event-fits-a-message")
    assert outcome.stream.state.names == ()


def test_what_would_make_a_commit_too_large_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.stream.COMMIT_LIMIT", 250)
    messages = [_received(stakeholder(f"n{number}"), str(number)) for number in range(5)]

    first = handle(register_service(), _fresh(), messages, _untraced)
    second = handle(register_service(), first.stream, first.rest, _untraced)

    assert [len(first.events), len(first.rest)] == [3, 2]
    assert second.stream.state.names == ("n0", "n1", "n2", "n3", "n4")


def test_a_commit_of_the_widest_characters_fits_a_document_of_the_database() -> None:
    utf8_bytes, document = 4, 16 * 1024 * 1024

    assert COMMIT_LIMIT * utf8_bytes + EVENT_LIMIT < document


def test_an_event_this_version_does_not_know_keeps_its_place_and_what_follows_waits() -> None:
    event = intake.StakeholderRegistered(stakeholder=stakeholder("a").stakeholder)
    messages = [_received(event, str(number), sequence=number) for number in (1, 2, 3)]
    messages[1] = Received(
        messages[1].envelope, Unread(Unreadable("type", "is not known", "unknown-type")), RECORD
    )

    outcome = handle(_follower(), _fresh(), messages, _untraced)

    assert (outcome.unread, outcome.gaps) == (messages[1:2], messages[2:])
    assert outcome.stream.seen == {"intake": 1}
