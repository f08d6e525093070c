"""What has to hold when the storm is over; each check says how much it looked at and what it found wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from messaging import Message
from messaging.dead_letters import UNBLOCKED
from testkit.faults.evidence import Evidence, Letter
from testkit.faults.keeper import Memory
from testkit.faults.poison import Poison
from testkit.faults.sending import ACKNOWLEDGED, REFUSED, Ledger
from testkit.faults.workload import Operation

ANSWERS = ("command_refused", "command_had_no_effect")


@dataclass
class Finding:
    """One promise: what was looked at, and where it was broken."""

    promise: str
    looked_at: str
    broken: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.broken


def nothing_lost(evidence: Evidence, load: Sequence[Operation], ledger: Ledger) -> Finding:
    """Whatever was acknowledged has an effect or an answer; whatever was refused at the door has none."""
    originals = [operation for operation in load if operation.repeats is None]
    acknowledged = [one for one in originals if ledger.fates.get(one.id) == ACKNOWLEDGED]
    lost = [one for one in acknowledged if not evidence.effects.get(ledger.causes[one.id])]
    broken = [f"{one.id} ({one.payload.type}, over {one.way.value}) has no effect" for one in lost]
    refused = [one for one in originals if ledger.fates.get(one.id) == REFUSED]
    broken += [
        f"{one.id} was refused and has an effect"
        for one in refused
        if evidence.effects.get(ledger.causes.get(one.id, one.id))
    ]
    fates = ", ".join(f"{count} {fate}" for fate, count in sorted(ledger.counts.items()))
    return Finding("nothing acknowledged is lost", f"{len(originals)} operations: {fates}", broken)


def nothing_twice(evidence: Evidence, load: Sequence[Operation], ledger: Ledger) -> Finding:
    """All effects of one message are one decision: neighbours in the stream, each as often as it should."""
    originals = {ledger.causes.get(one.id, one.id): one for one in load if one.repeats is None}
    broken = []
    for cause, effects in evidence.effects.items():
        broken += _doubled(cause, effects)
        if cause in originals and not _is_answer(effects):
            once = originals[cause].once
            count = sum(message.payload.type == once for message in effects)
            kinds = {message.payload.type for message in effects}
            if count != 1 and not (once == "feedback.ticket_opened" and kinds <= MAILS):
                broken.append(f"{cause}: {count} of {once} among {sorted(kinds)}")
    looked_at = f"{len(evidence.effects)} causes, {ledger.repeats} duplicates, {ledger.resent} sent again"
    return Finding("nothing has its effect twice", looked_at, broken)


MAILS = {"feedback.ticket_message_added", "feedback.mail_ignored"}


def _doubled(cause: str, effects: Sequence[Message]) -> list[str]:
    broken = []
    for service in {message.payload.service() for message in effects}:
        own = [message for message in effects if message.payload.service() == service]
        numbers = sorted(message.envelope.sequence or 0 for message in own)
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            broken.append(f"{cause}: decided more than once by {service}, at {numbers}")
        elif len(own) > 1 and any(_is_answer([message]) for message in own):
            broken.append(f"{cause}: an effect and an answer by {service}, at {numbers}")
    return broken


def _is_answer(effects: Sequence[Message]) -> bool:
    return all(message.payload.type.partition(".")[2] in ANSWERS for message in effects)


def order_kept(evidence: Evidence) -> Finding:
    """First occurrences count up from 1 without a hole, and a repeated publication says the same."""
    broken = []
    for (service, engagement), events in evidence.streams.items():
        numbers = [message.envelope.sequence for message in events]
        if numbers != list(range(1, len(numbers) + 1)):
            broken.append(f"{service} of {engagement} is in the topic as {numbers}")
    first = {(m.envelope.source, m.envelope.id): m for events in evidence.streams.values() for m in events}
    repeated = len(evidence.events) - len(first)
    for message in evidence.events:
        original = first.get((message.envelope.source, message.envelope.id))
        if original is None or original.payload != message.payload:
            broken.append(f"{message.envelope.id} was published with two contents")
    looked_at = f"{len(evidence.streams)} streams, {len(first)} events, {repeated} published again"
    return Finding("order per engagement is kept", looked_at, broken)


def poison_kept(letters: Sequence[Letter], bad: Sequence[Poison], ledger: Ledger) -> Finding:
    """Each once in the dead letters of its owner, with its bytes, headers and a reason; nothing else is."""
    found: dict[str, list[Letter]] = {}
    for letter in letters:
        found.setdefault(letter.mark, []).append(letter)
    broken = []
    for one in bad:
        kept = {letter.id: letter for letter in found.pop(one.id, [])}
        if not kept and one.id in ledger.poison:
            broken.append(f"{one.id} ({one.kind} on {one.topic}) is in no dead letters")
        broken += [
            f"{one.id} ({one.kind}) {fault}" for letter in kept.values() if (fault := _fault(one, letter))
        ]
    told, given_up = _good_ones([letter for rest in found.values() for letter in rest])
    looked_at = (
        f"{len(bad)} of {len({one.kind for one in bad})} kinds, {len(letters)} dead letters written, "
        f"{told} good messages shown as blocked until they were handled"
    )
    return Finding("poison is kept once, as it came, with a reason", looked_at, broken + given_up)


def _fault(sent: Poison, letter: Letter) -> str | None:
    if letter.service != sent.owner:
        return f"is kept by {letter.service}"
    if (letter.key, letter.value, letter.headers) != (sent.key, sent.value, sent.headers):
        return f"is kept by {letter.service}, but not as it came"
    return None if letter.reason else "is kept without a reason"


def _good_ones(letters: Sequence[Letter]) -> tuple[int, list[str]]:
    """How many good messages operators were told of for a while, and those that were never handled."""
    last = {(letter.service, letter.id): letter for letter in letters}
    told = sum(letter.status == UNBLOCKED for letter in last.values())
    lost = [one for one in last.values() if one.status != UNBLOCKED]
    return told, [f"{one.service} left a good message {one.status}: {one.id}, {one.reason}" for one in lost]


def work_done(evidence: Evidence) -> Finding:
    """Every agreed plan leads to a proposal or to the reason why there is none: long work, on its own."""
    # Without a catalogue there is nothing to draft with: design waits for one.
    designs = {e: events for (name, e), events in evidence.streams.items() if name == "design"}
    agreed = [
        e
        for (name, e), events in evidence.streams.items()
        if name == "intake" and _has(events, PLANNED) and _has(designs.get(e, ()), OFFERED)
    ]
    broken = [f"{e} has a plan and no proposal" for e in agreed if not _has(designs[e], PROPOSED)]
    return Finding(
        "work that an event starts is done", f"{len(agreed)} agreed plans with a catalogue", broken
    )


PLANNED, OFFERED = {"intake.plan_agreed"}, {"design.catalogue_offered"}
PROPOSED = {"design.proposal_drafted", "design.proposal_infeasible"}


def _has(events: Sequence[Message], types: set[str]) -> bool:
    return any(message.payload.type in types for message in events)


def memory_bounded(memory: Mapping[str, Memory], bound: int) -> Finding:
    """`bound` and what is shown are megabytes resident."""
    services = {name: one for name, one in memory.items() if not name.startswith(SERVERS)}
    broken = [
        f"{name} had {one.most} MB, more than {bound} MB"
        for name, one in services.items()
        if one.most > bound
    ]
    ordered = sorted(memory.items(), key=lambda pair: -pair[1].most)
    said = ", ".join(f"{name} {one.first}>{one.last}<={one.most}" for name, one in ordered)
    return Finding(f"no service takes more than {bound} MB", f"MB first>last<=most: {said}", broken)


SERVERS = ("kafka", "mongo", "proxy", "broker")


def every_fault_happened(evidence: Evidence, done: Sequence[str], unreal: Sequence[str]) -> Finding:
    """A fault that met nothing proves nothing: each has left its mark."""
    counted = Counter(told.partition(":")[0].rpartition(" ")[0] for told in done)
    now = datetime.now(UTC)
    off = [m for m in evidence.events if abs(m.envelope.time - now) > timedelta(hours=12)]
    marks = [told for told in done if not told.startswith(("kill", "stop"))]
    broken = [f"{told}: it met nothing" for told in unreal]
    said = ", ".join(f"{count} {kind.partition(' ')[0]}" for kind, count in sorted(counted.items()))
    return Finding(
        "every fault has happened", f"{said}; {len(off)} events dated a day off; " + "; ".join(marks), broken
    )


def nobody_died(deaths: Sequence[str], restarts: int) -> Finding:
    return Finding("no process ends by itself", f"{restarts} restarts", list(deaths))
