"""Messages that can never be handled: one of every kind, each marked so that it is found again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from messaging.envelope import Headers, command_message, to_headers
from messaging.topics import unreadable_owner
from schemas.intake import RecordStatement, Statement
from testkit.faults.workload import SOURCE, TENANT

MARK = "x-poison"
LIMIT = 1_000_000


@dataclass(frozen=True)
class Poison:
    id: str
    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def owner(self) -> str:
        """The service in whose dead letters it has to be found."""
        return unreadable_owner(self.topic)


def poison(seed: int, count: int, engagements: list[str]) -> list[Poison]:
    """`count` of them, every kind in turn, at engagements that also get good messages."""
    choice = random.Random(f"{seed}/poison")
    kinds = list(KINDS)
    return [_one(choice, kinds[n % len(kinds)], n, choice.choice(engagements)) for n in range(count)]


def _one(choice: random.Random, kind: str, number: int, engagement: str) -> Poison:
    statement = Statement(id=f"X-{number}", session="S-1", speaker="anna", text="never said")
    message = command_message(
        RecordStatement(statement=statement), engagement=engagement, tenant=TENANT, actor="poison",
        source=SOURCE, id=f"poison-{number}",
    )  # fmt: skip
    topic = "intake.commands"
    if choice.random() < 0.3:
        topic = "inbound.events"
    good = Poison(
        id=f"poison-{number}",
        kind=kind,
        topic=topic,
        key=engagement.encode(),
        value=message.json().encode(),
        headers=(*to_headers(message.envelope), (MARK, f"poison-{number}".encode())),
    )
    if topic == "inbound.events":
        good = _header(good, "ce_type", b"inbound.statement_captured.v1")
    return KINDS[kind](good)


def _header(good: Poison, name: str, value: bytes | None) -> Poison:
    kept: Headers = [(n, v) for n, v in good.headers if n != name]
    return replace(good, headers=(*kept, *([] if value is None else [(name, value)])))


def _big(size: int) -> Callable[[Poison], Poison]:
    text = b'{"statement":{"id":"X","session":"S-1","speaker":"anna","text":"%s"}}'
    return lambda good: replace(good, value=text % (b"x" * (size - len(text))))


KINDS: dict[str, Callable[[Poison], Poison]] = {
    "not JSON": lambda good: replace(good, value=b'{"statement": '),
    "wrong type": lambda good: replace(good, value=b'{"statement": 7}'),
    "unknown type": lambda good: _header(good, "ce_type", b"intake.never_heard_of.v1"),
    "unknown version": lambda good: _header(good, "ce_type", b"intake.record_statement.v99"),
    "null value": lambda good: replace(good, value=None),
    "too large": _big(LIMIT + 1),
    "as large as the topic takes": _big(LIMIT + 99_000),
    "deep": lambda good: replace(good, value=b'{"statement":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "invalid UTF-8": lambda good: replace(good, value=b'{"statement":{"id":"\xff\xfe","text":"\xc3("}}'),
    "header not UTF-8": lambda good: _header(good, "ce_actor", b"\xff\xfe"),
    "header missing": lambda good: _header(good, "ce_tenant", None),
    "foreign key": lambda good: replace(good, key=b"ENG-OTHER"),
}
