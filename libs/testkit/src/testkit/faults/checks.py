"""What has to hold when the storm is over; each check says how much it looked at and what it found wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from messaging import Message
from testkit.faults.evidence import Evidence
from testkit.faults.poison import MARK, Poison
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


def poison_kept(evidence: Evidence, bad: Sequence[Poison], ledger: Ledger) -> Finding:
    """Each once in the dead letters of its owner, with its bytes, its headers and a reason."""
    found: dict[str, dict[str, tuple[str, Poison]]] = {}
    written = 0
    for topic, records in evidence.records.items():
        for record in records if topic.endswith(".dead") else ():
            headers = dict(record.headers)
            written += 1
            mark = headers.get(MARK, b"").decode()
            kept = tuple(pair for pair in record.headers if not pair[0].startswith("dl-"))
            letter = Poison(mark, headers["dl-reason"].decode(), topic, record.key, record.value, kept)
            found.setdefault(mark, {})[headers["dl-id"].decode()] = (headers["dl-service"].decode(), letter)
    broken = []
    for one in bad:
        letters = list(found.get(one.id, {}).values())
        if one.id not in ledger.poison and not letters:
            continue
        if not letters:
            broken.append(f"{one.id} ({one.kind} on {one.topic}) is in no dead letters")
        for owner, letter in letters:
            if (owner, letter.key, letter.value, letter.headers) != (
                one.owner,
                one.key,
                one.value,
                one.headers,
            ):
                broken.append(f"{one.id} ({one.kind}) is kept by {owner}, but not as it came")
            if not letter.kind:
                broken.append(f"{one.id} ({one.kind}) is kept without a reason")
    strangers = {mark: letters for mark, letters in found.items() if mark not in {one.id for one in bad}}
    broken += [
        f"{owner} gave up a good message: {key}, {letter.kind}"
        for letters in strangers.values()
        for key, (owner, letter) in letters.items()
    ]
    looked_at = f"{len(bad)} of {len({one.kind for one in bad})} kinds, {written} dead letters written"
    return Finding("poison is kept once, as it came, with a reason", looked_at, broken)


def memory_bounded(peaks: Mapping[str, int], bound: int) -> Finding:
    services = {name: peak for name, peak in peaks.items() if name not in ("kafka", "mongo", "proxy")}
    broken = [
        f"{name} had {peak} MB, more than {bound} MB" for name, peak in services.items() if peak > bound
    ]
    said = ", ".join(f"{name} {peak}" for name, peak in Counter(peaks).most_common())
    return Finding(f"no service takes more than {bound} MB", f"MB at most: {said}", broken)


def nobody_died(deaths: Sequence[str], restarts: int) -> Finding:
    return Finding("no process ends by itself", f"{restarts} restarts", list(deaths))


Check = Callable[..., Finding]
