"""A service with one thing changed in it: `python -m testkit.faults.altered CHANGE SERVICE [DETAIL]`.

An older version knows one event type less. The other changes are the mistakes that the harness has to catch.
"""

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from messaging import batches, commits, handler, ordering, stream
from schemas import registry


def _swap(owner: object, name: str, replacement: object) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"there is no {name} any more: this change has to be written anew")
    setattr(owner, name, replacement)


def knows_less(event_type: str) -> None:
    """The version before this event was invented."""
    registry.payloads()
    known = registry.payloads.__wrapped__()
    known.pop(event_type)
    _swap(registry, "payloads", lambda: known)


def offsets_first(_: str) -> None:
    """Offsets are committed before anything is durable: what a crash interrupts is lost."""
    take = batches.Batches.take

    async def committed_before(
        self: batches.Batches, records: Sequence[stream.Record], commit: batches.Commit
    ) -> None:
        await commit(batches.next_offsets(records))
        await take(self, records, commit)

    _swap(batches.Batches, "take", committed_before)


def no_dedupe(_: str) -> None:
    """Every delivery counts as a new one."""
    written = commits.commit_document

    def unknown_causes(outcome: stream.Outcome, now: Any) -> dict[str, Any]:
        document = written(outcome, now)
        return {**document, "causes": [f"{cause}#{uuid4()}" for cause in document["causes"]]}

    def never_old(seen: Any, envelope: Any) -> ordering.Verdict:
        verdict = ordering.admit(seen, envelope)
        return ordering.Verdict.NEXT if verdict is ordering.Verdict.OLD else verdict

    _swap(handler, "commit_document", unknown_causes)
    _swap(stream, "admit", never_old)


CHANGES: dict[str, Callable[[str], None]] = {
    "knows-less": knows_less,
    "offsets-first": offsets_first,
    "no-dedupe": no_dedupe,
}


if __name__ == "__main__":
    change, service, *detail = sys.argv[1:]
    CHANGES[change](detail[0] if detail else "")
    from messaging import run

    main = importlib.import_module(f"{service}.main")
    settings = importlib.import_module(f"{service}.settings").Settings()
    run(main.build_app(settings))
