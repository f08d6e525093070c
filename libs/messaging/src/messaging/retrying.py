"""Tries waiting messages again, in their order, with a growing pause between attempts."""

from datetime import UTC, datetime
from typing import Any

from messaging.batches import in_its_place, read
from messaging.dead_letters import DeadLetters
from messaging.envelope import Unreadable
from messaging.handler import Handler, unread_reason
from messaging.stream import Outcome, Received, Record, missing_before
from messaging.waiting import FAILED, GAP, UNREAD, WaitingRoom, attempts_of, record_of

TOLD_AFTER = 3
TOLD_AGAIN_EVERY = 60
"""Attempts after which operators are told, first and again."""
NOT_YET = ("unknown-type", "unknown-version")
"""A replica of another release put it aside, and will handle it."""


class Retrier:
    def __init__(self, waiting: WaitingRoom, handler: Handler, dead_letters: DeadLetters) -> None:
        self._waiting, self._handler, self._dead_letters = waiting, handler, dead_letters

    async def run_due(self) -> None:
        """One round over all engagements with something due. Raises for trouble that passes."""
        for engagement in await self._waiting.due(datetime.now(UTC)):
            await self._drain(engagement)

    async def _drain(self, engagement: str) -> None:
        now, moved = datetime.now(UTC), False
        head = await self._waiting.failing_head(engagement)
        # A long queue is not read every second while its head is not due.
        if head is not None and head["next_try"] > now and not await self._waiting.any_due(engagement, now):
            return
        for document in await self._waiting.queue(engagement):
            # Messages behind a failure are always due; they must not have it tried before its time.
            if document["kind"] == FAILED and document["next_try"] > now and not moved:
                return
            if document["kind"] != FAILED and document["next_try"] > now and not moved:
                continue
            record = record_of(document["record"])
            try:
                outcome = await self._handle(record)
            except Unreadable as fault:
                await self._not_yet(document, document["kind"], unread_reason(fault))
                if document["kind"] == FAILED:
                    return
                continue
            if outcome is not None and outcome.failed is not None:
                error = outcome.failed[1]
                await self._not_yet(document, FAILED, f"{type(error).__name__}: {error}")
                return
            if outcome is not None and outcome.gaps:
                await self._not_yet(document, GAP, missing_before(outcome, outcome.gaps[0]))
                continue
            if outcome is not None and outcome.unread:
                await self._not_yet(document, UNREAD, unread_reason(outcome.unread[0].payload.fault))
                continue
            if was_told(document):
                await self._dead_letters.note_unblocked(record)
            await self._waiting.release([document["_id"]])
            moved = True

    async def _handle(self, record: Record) -> Outcome | None:
        """None for what was readable when it was put aside and is not any more: it is given up.

        Raises Unreadable for what a replica of another release can read.
        """
        try:
            message = read(record, 2**31)
        except Unreadable as fault:
            if (unread := in_its_place(record, fault)) is not None:
                return await self._handler.handle_waiting(unread)
            if fault.code in NOT_YET:
                raise
            await self._dead_letters.give_up(record, fault.field, fault.reason, fault.code)
            return None
        return await self._handler.handle_waiting(Received(message.envelope, message.payload, record))

    async def _not_yet(self, document: dict[str, Any], kind: str, reason: str) -> None:
        attempts = attempts_of(document, kind) + 1
        told = was_told(document)
        if attempts == TOLD_AFTER or attempts % TOLD_AGAIN_EVERY == 0:
            # Before it is counted: a note that failed afterwards would be missing for the next sixty.
            record = record_of(document["record"])
            await self._dead_letters.note_blocked(record, f"attempt {attempts}: {reason}")
            told = True
        await self._waiting.not_yet({**document, "told": told}, kind, reason)


def was_told(document: dict[str, Any]) -> bool:
    """Whether operators know of it; what an older release put aside only has its attempts."""
    return bool(document.get("told", document["attempts"] >= TOLD_AFTER))
