"""The CloudEvents extension `sequence` counts in our streams only where a service has set it."""

from dataclasses import replace

from messaging import Message, command_message
from messaging.envelope import decode, inbound_message, to_headers
from schemas.inbound import StatementCaptured
from schemas.intake import ScoreRequirements, Statement

STATEMENT = Statement(id="ST-1", session="S-1", speaker="anna", text="Twice.")


def _read_back(message: Message) -> Message:
    counted = replace(message.envelope, sequence=7)
    body = message.json().encode()
    return decode(message.payload.topic(), b"ENG-TEST1", body, to_headers(counted), 10_000)


def test_an_outsiders_own_sequence_is_no_place_in_a_stream() -> None:
    event = StatementCaptured(statement=STATEMENT)
    message = inbound_message(
        event, id="m1", source="/notes", engagement="ENG-TEST1", tenant="acme", actor="n"
    )
    assert _read_back(message).envelope.sequence is None


def test_a_commands_own_sequence_is_no_place_in_a_stream() -> None:
    message = command_message(ScoreRequirements(), engagement="ENG-TEST1", tenant="acme", actor="n")
    assert _read_back(message).envelope.sequence is None
