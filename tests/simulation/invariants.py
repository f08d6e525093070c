"""What must be true at every moment: a model of the promises, written apart from the code that keeps them.

It watches the log and the store as they change, and knows nothing of handlers, caches or retries.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from messaging.envelope import Headers
from messaging.stream import Record
from simulation.loop import SimulatedLoop, moment
from simulation.network import RUNNING, Process
from simulation.service import LASTS, LEASE, QUIET, TIMER_DUE, kind

Place = tuple[str, int]
FENCE: ContextVar[int | None] = ContextVar("FENCE", default=None)
"""The fence under which a run acts."""
TRACE_CONTEXT = {"traceparent", "tracestate"}
COMMANDS, UPSTREAM, EVENTS, DEAD = "intake.commands", "design.events", "intake.events", "intake.dead"


class Broken(BaseException):
    """A promise is broken: which one, and how. Not an Exception: no retry may swallow it."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise = promise


@dataclass
class Asked:
    """A message that came in, known by its cause."""

    engagement: str
    name: str
    tenant: str
    sequence: int | None
    places: list[Record] = field(default_factory=list)
    quiet: bool = False
    redriven: bool = False


@dataclass
class Stream:
    """An engagement as its commits make it."""

    version: int = 0
    sequence: int = 0
    names: list[str] = field(default_factory=list)
    owner: str | None = None
    events: list[list[str]] = field(default_factory=list)
    """Their ids, by version."""


@dataclass
class Claim:
    fence: int
    process: Process | None
    until: datetime


class Model:
    """`broken` is the first promise that was seen broken."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.broken: Broken | None = None
        self.asked: dict[str, Asked] = {}
        self._work_asked: dict[tuple[str, str], str] = {}
        self.poison: set[str] = set()
        self.skipping: set[str] = set()
        self.orders: set[str] = set()
        self.lost: set[tuple[str, int]] = set()
        self.declaring: set[str] = set()
        self.streams: dict[str, Stream] = defaultdict(Stream)
        self.answers: dict[str, list[str]] = {}
        self.events: dict[str, tuple[str, str]] = {}
        self.published: dict[str, tuple[Any, ...]] = {}
        self.dead: dict[str, Record] = {}
        self.dead_causes: set[str] = set()
        self.seen: dict[str, int] = defaultdict(int)
        self.waiting: Mapping[str, Any] = {}
        self.claims: dict[str, Claim] = {}
        self.items: Mapping[str, Any] = {}

    def demand(self, holds: bool, promise: str, detail: str) -> None:
        if holds:
            return
        broken = Broken(promise, f"{detail} at {self._loop.now:.3f} s")
        self.broken = self.broken or broken
        raise broken

    # What comes in, goes out, and is given up.

    def appended(self, record: Record) -> None:
        match record.topic:
            case "intake.commands" | "design.events":
                self._came(record)
            case "operations.commands":
                self.orders.add(cause_of(record.headers))
            case "intake.events":
                self._published(record)
            case "intake.dead":
                self._given_up(record)

    def _came(self, record: Record) -> None:
        if record.id in self.poison:
            return
        cause = cause_of(record.headers)
        if cause not in self.asked:
            about, data = dict(record.headers), json.loads(record.value or b"")
            upstream = record.topic == UPSTREAM
            self.asked[cause] = Asked(
                about["ce_engagement"].decode(),
                data["rejected_by"] if upstream else data["stakeholder"]["id"],
                about["ce_tenant"].decode(),
                int(about["ce_sequence"]) if upstream else None,
                quiet=upstream and data["comments"] == QUIET,
            )
        self.asked[cause].places.append(record)
        if "/intake/work#" in cause and not cause.endswith(":gave-up"):
            first = self._work_asked.setdefault((self.asked[cause].engagement, self.asked[cause].name), cause)
            self.demand(first == cause, "work asks once", f"{cause} after {first}")
        self.asked[cause].redriven |= any(name == "redriven-from" for name, _ in record.headers)

    def sending(self, topic: str, headers: Headers, client: Any) -> None:
        """An event is handed to a producer: the one before it must be out, or stand in the same line."""
        if topic != EVENTS:
            return
        event = dict(headers)["ce_id"].decode()
        stream, _, number = event.rpartition("/")
        before = f"{stream}/{int(number) - 1}"
        self.demand(
            number == "1" or before in self.published or client.holds(before),
            "events do not overtake",
            f"{event} is sent and {before} is not",
        )

    def _published(self, record: Record) -> None:
        event = dict(record.headers)["ce_id"].decode()
        # Each sending is a span of its own, so the trace context is the one header that may differ.
        said = tuple(sorted(header for header in record.headers if header[0] not in TRACE_CONTEXT))
        wire = (record.key, record.value, said)
        self.demand(event in self.events, "committed before published", f"{event} is in no commit")
        known = self.published.setdefault(event, wire)
        self.demand(known == wire, "an event is the same each time", event)
        kind, data = self.events[event]
        about = dict(record.headers)
        self.demand(
            (about["ce_type"].decode(), (record.value or b"").decode()) == (kind, data),
            "what is published is what was committed",
            event,
        )

    def _given_up(self, record: Record) -> None:
        notes = dict(record.headers)
        if notes["dl-status"] != b"dead":
            return
        letter, code = notes["dl-id"].decode(), notes["dl-code"].decode()
        if letter in self.poison:
            self.dead[letter] = record
            return
        cause = cause_of(record.headers)
        asked = self.asked[cause]
        owner = self.streams[asked.engagement].owner
        others = {a.tenant for a in self.asked.values() if a.engagement == asked.engagement} - {asked.tenant}
        allowed = (code == "wrong-tenant" and bool(others) and owner != asked.tenant) or (
            code == "skipped" and notes_id(record) in self.skipping
        )
        self.demand(allowed, "only what must be is given up", f"{asked.name} as {code}")
        self.dead[letter] = record
        self.dead_causes.add(cause)

    # What is committed.

    def committed(self, _: object, document: Mapping[str, Any]) -> None:
        stream = self.streams[document["stream"]]
        name = f"{document['stream']} version {document['version']}"
        self.demand(
            document["version"] == stream.version + 1,
            "one writer at a time",
            f"{name} after {stream.version}",
        )
        stream.version += 1
        stream.events.append([f"{document['stream']}/intake/{e['sequence']}" for e in document["events"]])
        written = [(e["sequence"], e["type"], e["data"], e["causation"]) for e in document["events"]]
        for cause in document["causes"]:
            if cause in self.orders:
                self._overruled(stream, document["stream"], cause, written)
                continue
            self._answered(stream, document["stream"], cause, written)
        self.demand(not written, "the state is the fold of the stream", f"{name} has unasked {written}")
        for upstream, last in document["seen"].items():
            key = f"{document['stream']} {upstream}"
            self.seen[key] = max(self.seen[key], last)

    def _overruled(
        self, stream: Stream, engagement: str, cause: str, written: list[tuple[int, str, str, str]]
    ) -> None:
        """What an operator asked is recorded once, by one event, with what it passes over."""
        self.demand(cause not in self.answers and len(written) == 1, "one effect", f"{cause} by {written}")
        sequence, wire_type, data, _ = written.pop(0)
        self.demand(sequence == stream.sequence + 1, "no gap in a stream", f"{engagement} {sequence}")
        stream.sequence += 1
        self.events[f"{engagement}/intake/{sequence}"] = (wire_type, data)
        self.answers[cause] = [wire_type]
        if wire_type == OVERRULED:
            said = json.loads(data)
            wanted = self.skipping | self.declaring
            self.demand(said["message_id"] in wanted, "operators decide what is passed over", data)
            if said["command_type"] == "operations.declare_lost.v1":
                passed = range(said["first_sequence"], said["last_sequence"] + 1)
                self.lost.update((engagement, number) for number in passed)

    def _answered(
        self, stream: Stream, engagement: str, cause: str, written: list[tuple[int, str, str, str]]
    ) -> None:
        self.demand(cause not in self.answers, "one effect", f"{cause} is handled twice")
        asked = self.asked[cause]
        skipped = cause in self.dead_causes and asked.tenant == (stream.owner or asked.tenant)
        self.demand(not skipped or asked.redriven or not written, "what is skipped has no effect", asked.name)
        self._in_order(cause, asked)
        expected = [] if cause in self.dead_causes and not written else expected_answer(stream, asked)
        for wanted in expected:
            self.demand(bool(written), "every command is answered", f"{cause} by nothing")
            sequence, wire_type, data, causation = written.pop(0)
            self.demand(sequence == stream.sequence + 1, "no gap in a stream", f"{engagement} {sequence}")
            self.demand(
                (wire_type, causation) == (wanted, cause.partition("#")[2]),
                "the state is the fold of the stream",
                f"{asked.name} is answered by {wire_type} instead of {wanted}",
            )
            stream.sequence += 1
            self.events[f"{engagement}/intake/{sequence}"] = (wire_type, data)
            if wire_type == REGISTERED:
                stream.names.append(asked.name)
                stream.owner = stream.owner or asked.tenant
                self.demand(stream.owner == asked.tenant, "tenants are apart", asked.name)
        self.answers[cause] = list(expected)

    def _in_order(self, cause: str, asked: Asked) -> None:
        """Whatever was said before it, to the same engagement on the same topic, is settled."""
        if asked.sequence is None:
            first = asked.places[0].offset
            earlier = [
                c for c, a in self.asked.items()
                if a.sequence is None and a.engagement == asked.engagement and a.places[0].offset < first
            ]  # fmt: skip
        else:
            known = {a.sequence: c for c, a in self.asked.items() if a.engagement == asked.engagement}
            earlier_ones = [n for n in range(1, asked.sequence) if (asked.engagement, n) not in self.lost]
            missing = [n for n in earlier_ones if n not in known]
            self.demand(not missing, "gaps are waited for", f"{asked.name} before {missing}")
            earlier = [known[n] for n in earlier_ones if not self.asked[known[n]].quiet]
        open_ones = [c for c in earlier if c not in self.answers and c not in self.dead_causes]
        self.demand(not open_ones, "order holds", f"{cause} before {open_ones}")

    def marked(self, _: object, head: Mapping[str, Any]) -> None:
        for upstream, last in head.get("seen", {}).items():
            key = f"{head['_id']} {upstream}"
            self.seen[key] = max(self.seen[key], last)
        versions = self.streams[head["_id"]].events
        for event in (e for version in versions[: head.get("published", 0)] for e in version):
            self.demand(event in self.published, "marked after published", event)

    # What is told to Kafka.

    def offsets(self, offsets: Mapping[Place, int], partitions: Mapping[Place, list[Record]]) -> None:
        for place, offset in offsets.items():
            for record in partitions[place][:offset]:
                self.demand(self.settled(record), "offsets follow effects", f"{record.id} {label(record)}")

    def settled(self, record: Record) -> bool:
        if record.id in self.poison:
            return record.id in self.dead
        if record.topic not in (COMMANDS, UPSTREAM):
            return True
        cause = cause_of(record.headers)
        asked = self.asked[cause]
        if cause in self.waiting or cause in self.dead_causes:
            return True
        if asked.quiet:
            return (asked.sequence or 0) <= self.seen[f"{asked.engagement} design"]
        return cause in self.answers and self._told(cause)

    def _told(self, cause: str) -> bool:
        """The events it caused are published, and the work they start is written down."""
        identity = cause.partition("#")[2]
        for event, wire in self.published.items():
            if dict(wire[2]).get("ce_causationid") == identity.encode() and event in self.events:
                if self.events[event][0] == REGISTERED and event not in self.items:
                    return False
                identity = ""
        return not self.answers[cause] or identity == ""

    # Work.

    def work_written(self, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        item, now = after["_id"], moment(self._loop)
        if before is None:
            self.demand(item in self.events, "work is made from commits", item)
            return
        self.demand(not before.get("done_at") or not after["due"], "what is done stays done", item)
        if "cut off" in after.get("error", ""):
            name = json.loads(after["data"])["stakeholder"]["id"]
            self.demand(kind(name) == "killer", "only what kills is given up as cut off", name)
        ends = any(after.get(name) != before.get(name) for name in ("failures", "rounds", "done_at"))
        if after["fence"] != before["fence"] and not ends and (after["due"] > now or item not in self.claims):
            self._claimed(item, before, after, now)
            return
        fence = FENCE.get()
        self.demand(
            fence in (None, before["fence"]),
            "a stale lease is refused",
            f"{item} is at fence {before['fence']}, written under {fence}",
        )
        if item in self.claims:
            self.claims[item].until = after["due"] or now

    def _claimed(self, item: str, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> None:
        leased = (after["due"] - before["due"]).total_seconds()
        self.demand(leased >= LEASE - 0.01, "one worker at a time", f"{item} is claimed and not leased")
        held = item in self.claims and now < self.claims[item].until
        self.demand(not held, "one worker at a time", f"{item} is claimed in its lease")
        self.claims[item] = Claim(after["fence"], RUNNING.get(), after["due"])

    def acted(self, work: Any, _: str) -> None:
        """A run does something in the outside world."""
        item, now = work.item["_id"], moment(self._loop)
        FENCE.set(work.item["fence"])
        current = self.claims[item]
        self.demand(
            current.process is RUNNING.get() or work.item["fence"] != current.fence,
            "one fence, one worker",
            f"{item} {work.item['fence']}",
        )
        if kind(json.loads(work.item["data"])["stakeholder"]["id"]) == "timer":
            self.demand(now >= TIMER_DUE, "timers are not early", f"{item} at {now}")

    # The end.

    def unfinished(self, ends: Mapping[Place, int], offsets: Mapping[Place, int]) -> str | None:
        """What is still to be done, or None when everything has come to rest."""
        behind = [place for place, end in ends.items() if offsets.get(place, 0) < end]
        if behind:
            return f"not consumed: {behind}"
        if self.waiting:
            return f"waiting: {sorted(self.waiting)}"
        if unpublished := [event for event in self.events if event not in self.published]:
            return f"committed and not published: {unpublished}"
        if due := [item for item, d in self.items.items() if d["due"] is not None]:
            return f"work not done: {due}"
        return self._without_end()

    def _without_end(self) -> str | None:
        for cause, asked in self.asked.items():
            ended = cause in self.answers or cause in self.dead_causes or asked.quiet
            if not ended:
                return f"not answered: {cause}"
            owner = self.streams[asked.engagement].owner or asked.tenant
            if asked.redriven and asked.tenant == owner and cause not in self.answers:
                return f"redriven without effect: {cause}"
        if unrecorded := [order for order in self.orders if order not in self.answers]:
            return f"not recorded: {unrecorded}"
        given_up = {json.loads(d["data"])["stakeholder"]["id"] for d in self.items.values() if "error" in d}
        for engagement, stream in self.streams.items():
            for name in (n for n in stream.names if n not in given_up):
                wanted = expected_work(name)
                if missing := [n for n in wanted if n not in stream.names]:
                    return f"{engagement}: work without effect: {missing}"
        return None


REGISTERED = "intake.stakeholder_registered.v1"
REFUSED = "intake.command_refused.v1"
OVERRULED = "intake.delivery_overruled.v1"
NO_EFFECT = "intake.command_had_no_effect.v1"


def expected_answer(stream: Stream, asked: Asked) -> list[str]:
    if kind(asked.name) == "no":
        return [REFUSED]
    if asked.name in stream.names:
        return [] if asked.sequence is not None else [NO_EFFECT]
    return [REGISTERED]


def expected_work(name: str) -> list[str]:
    match kind(name):
        case "timer":
            return [f"done-{name}-0", f"done-{name}-1"]
        case "doom" | "killer":
            return [f"done-{name}-0"]
        case other if other in LASTS:
            return [f"done-{name}-0"]
    return []


def cause_of(headers: Any) -> str:
    about = dict(headers)
    return f"{about['ce_source'].decode()}#{about['ce_id'].decode()}"


def notes_id(record: Record) -> str:
    return dict(record.headers)["ce_id"].decode()


def label(record: Record) -> str:
    return dict(record.headers).get("ce_id", b"poison").decode()
