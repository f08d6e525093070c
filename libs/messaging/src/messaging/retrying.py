"""Tries waiting messages again, in their order, with a growing pause between attempts."""

import logging
from datetime import UTC, datetime
from typing import Any

from messaging.consumer import read
from messaging.dead_letters import DeadLetters
from messaging.handler import Handler
from messaging.metrics import BLOCKED
from messaging.stream import Outcome, Received
from messaging.waiting import TOLD_AFTER, WaitingRoom, record_of

logger = logging.getLogger("messaging.retrying")


class Retrier:
    def __init__(
        self, service: str, waiting: WaitingRoom, handler: Handler, dead_letters: DeadLetters
    ) -> None:
        self._service, self._waiting = service, waiting
        self._handler, self._dead_letters = handler, dead_letters

    async def run_due(self) -> None:
        """One round over all engagements with something due. Raises for trouble that passes."""
        BLOCKED.labels(self._service).set(await self._waiting.blocked_engagements())
        for engagement in await self._waiting.due(datetime.now(UTC)):
            await self._drain(engagement)

    async def _drain(self, engagement: str) -> None:
        for document in await self._waiting.queue(engagement):
            record = record_of(document["record"])
            message = read(record, 2**31)
            outcome = await self._handler.handle_waiting(Received(message.envelope, message.payload, record))
            if outcome.gaps or outcome.failed is not None:
                await self._not_yet(document, outcome)
                if outcome.failed is not None:
                    return
                continue
            await self._waiting.release([document["_id"]])
            if document["attempts"] >= TOLD_AFTER:
                await self._dead_letters.note_unblocked(record)

    async def _not_yet(self, document: dict[str, Any], outcome: Outcome) -> None:
        reason = "an earlier event of its stream is missing"
        if outcome.failed is not None:
            error = outcome.failed[1]
            reason = f"{type(error).__name__}: {error}"
        attempts = await self._waiting.failed_again(document, reason)
        if attempts >= TOLD_AFTER:
            await self._dead_letters.note_blocked(
                record_of(document["record"]), f"attempt {attempts}: {reason}"
            )
