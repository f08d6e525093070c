"""Which message of an upstream stream comes next: pure, so that a simulation can hold it to its word."""

from collections.abc import Mapping
from enum import Enum, auto

from messaging.envelope import Envelope


class Verdict(Enum):
    NEXT = auto()
    OLD = auto()
    GAP = auto()


def upstream(envelope: Envelope) -> str:
    """The name of the stream a sequenced event belongs to: its publishing service."""
    return envelope.type.partition(".")[0]


def admit(seen: Mapping[str, int], envelope: Envelope) -> Verdict:
    """Where a message stands against the last sequence seen of its stream; unsequenced ones are next."""
    if envelope.sequence is None:
        return Verdict.NEXT
    last = seen.get(upstream(envelope), 0)
    if envelope.sequence <= last:
        return Verdict.OLD
    return Verdict.NEXT if envelope.sequence == last + 1 else Verdict.GAP
