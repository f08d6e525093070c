"""What Prometheus sees of the backbone; docs/reference/metrics.md is made from here.

Gauges are read from the stores and the broker every few seconds, or at the scrape: none of them waits for
the thing it measures to succeed.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from messaging.envelope import Message

BATCH_SIZE: Final = Histogram(
    "throughline_consumed_batch_messages", "Messages per consumed batch", ["service"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)  # fmt: skip
HANDLING_SECONDS: Final = Histogram(
    "throughline_batch_handling_seconds", "From a batch in hand to its offsets committed", ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
BATCH_IN_HAND: Final = Gauge(
    "throughline_batch_in_hand_seconds", "For how long the current batch has been in hand; 0 between batches",
    ["service"],
)  # fmt: skip
BATCH_RETRIES: Final = Counter(
    "throughline_batch_retries_total", "Batches tried again after trouble, by the class of the error",
    ["service", "error"],
)  # fmt: skip
CONSUMER_LAG: Final = Gauge(
    "throughline_consumer_lag_messages",
    "Messages of the partitions assigned to this process that are not handled yet, those in hand included",
    ["service", "topic"],
)
COMMITS: Final = Counter("throughline_commits_total", "Commit documents written", ["service"])
EVENTS: Final = Counter(
    "throughline_events_published_total", "Events acknowledged by the broker", ["service"]
)
OUTBOX_AGE: Final = Gauge(
    "throughline_outbox_oldest_seconds", "Age of the oldest committed event that the broker has not taken",
    ["service"],
)  # fmt: skip
DEAD_LETTERS: Final = Counter("throughline_dead_letters_total", "Messages given up", ["service", "reason"])
BLOCKED: Final = Gauge(
    "throughline_blocked_engagements", "Engagements whose messages wait behind a failure", ["service"]
)
WAITING: Final = Gauge(
    "throughline_waiting_messages",
    "Messages that wait in the database: `failed` behind a failure, `gap` for an earlier one of their "
    "stream, `unread` for a release that reads them",
    ["service", "kind"],
)
CONFLICTS: Final = Counter(
    "throughline_commit_conflicts_total", "Commit documents refused and decided again", ["service"]
)
WORK_RUNS: Final = Counter(
    "throughline_work_runs_total",
    "Runs of work items: `done`, `failed` (tried again), `gave_up`, `lost` (taken over) or `cancelled`",
    ["service", "activity", "outcome"],
)
WORK_ITEMS: Final = Gauge(
    "throughline_work_items",
    "Work items that are `open`, timers included, and those that were given up for good: `failed`",
    ["service", "state"],
)
WORK_OVERDUE: Final = Gauge(
    "throughline_work_overdue_seconds", "For how long the most overdue work item has waited for a worker",
    ["service"],
)  # fmt: skip
DEPENDENCY_UP: Final = Gauge(
    "throughline_dependency_up", "Whether `database` or `broker` answered this process when last asked",
    ["service", "dependency"],
)  # fmt: skip
READY: Final = Gauge("throughline_ready", "Whether /health/ready would say yes", ["service"])
OBSERVED: Final = Gauge(
    "throughline_observed_timestamp_seconds", "When what is counted was last counted", ["service"]
)  # fmt: skip

WORK_OUTCOMES: Final = ("done", "failed", "gave_up", "lost", "cancelled")
GIVEN_UP: Final = (
    "empty", "invalid", "malformed", "missing", "schema", "skipped", "too-large", "unknown-type",
    "unknown-version", "unsupported", "wrong-key", "wrong-tenant", "wrong-topic",
)  # fmt: skip


def begin_at_zero(service: str, activities: Iterable[str] = ()) -> None:
    """Make the counters that alerts watch exist: of a series that begins at 1, no increase can be seen."""
    CONFLICTS.labels(service)
    for reason in GIVEN_UP:
        DEAD_LETTERS.labels(service, reason)
    for activity in activities:
        for outcome in WORK_OUTCOMES:
            WORK_RUNS.labels(service, activity, outcome)


class Owed:
    """The oldest committed event of each engagement that is not published yet, as far as it is in hand."""

    def __init__(self, service: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._since: dict[str, datetime] = {}
        self._clock = clock
        OUTBOX_AGE.labels(service).set_function(self.seconds)

    def owe(self, messages: Sequence[Message]) -> None:
        for message in messages:
            envelope = message.envelope
            self._since.setdefault(envelope.engagement, envelope.time)

    def paid(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._since.pop(message.envelope.engagement, None)

    def forget(self) -> None:
        """The partitions went to somebody else, and what is owed with them."""
        self._since.clear()

    def seconds(self) -> float:
        oldest = min(self._since.values(), default=None)
        return max(0.0, (self._clock() - oldest).total_seconds()) if oldest else 0.0
