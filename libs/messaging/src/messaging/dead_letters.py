"""Where a message goes when it can never succeed, with all that is needed to send it again."""

from datetime import UTC, datetime
from typing import Final

from messaging import tracing
from messaging.envelope import Headers
from messaging.metrics import DEAD_LETTERS
from messaging.producer import Producer
from messaging.stream import REDRIVEN, Record

PREFIX: Final = "dl-"
DEAD: Final = "dead"
BLOCKED: Final = "blocked"
UNBLOCKED: Final = "unblocked"


class DeadLetters:
    """Writes `<service>.dead`. Value, key and headers stay as they came; what we add starts with `dl-`.

    `dl-id` is topic/partition/offset of the original, so writing one twice is seen as one.
    """

    def __init__(self, service: str, producer: Producer) -> None:
        self._service = service
        self._producer = producer

    async def give_up(self, record: Record, field: str, reason: str, code: str) -> None:
        """Keep a message that will not be handled. Raises NotPublished."""
        DEAD_LETTERS.labels(self._service, code).inc()
        await self._write(record, DEAD, field, reason, code)

    async def note_blocked(self, record: Record, reason: str) -> None:
        """Tell the operators that an engagement waits behind this message."""
        await self._write(record, BLOCKED, "", reason, "handler-failed")

    async def note_unblocked(self, record: Record) -> None:
        await self._write(record, UNBLOCKED, "", "handled after all", "handled")

    async def _write(self, record: Record, status: str, field: str, reason: str, code: str) -> None:
        traceparent, _ = tracing.current_headers()
        notes = {
            "id": record.id,
            "status": status,
            "service": self._service,
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "field": field,
            "reason": reason[:1000],
            "code": code,
            "at": datetime.now(UTC).isoformat(),
            "traceparent": traceparent or "",
        }
        ours: Headers = [(f"{PREFIX}{name}", text.encode()) for name, text in notes.items()]
        await self._producer.publish_raw(
            f"{self._service}.dead", record.key, record.value, [*record.headers, *ours]
        )


def original_headers(headers: Headers, redriven_from: str) -> Headers:
    """The headers to redrive a dead letter with: as they came, and where it comes from."""
    kept = [(name, value) for name, value in headers if not name.startswith(PREFIX)]
    kept = [(name, value) for name, value in kept if name != REDRIVEN]
    return [*kept, (REDRIVEN, redriven_from.encode())]
