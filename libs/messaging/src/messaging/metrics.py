"""What Prometheus sees of the backbone."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

BATCH_SIZE: Final = Histogram(
    "throughline_consumed_batch_messages", "Messages per consumed batch", ["service"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)  # fmt: skip
HANDLING_SECONDS: Final = Histogram(
    "throughline_batch_handling_seconds", "From a batch in hand to its offsets committed", ["service"]
)
CONSUMER_LAG: Final = Gauge(
    "throughline_consumer_lag_messages", "Messages not yet consumed", ["service", "topic"]
)
COMMITS: Final = Counter("throughline_commits_total", "Commit documents written", ["service"])
EVENTS: Final = Counter(
    "throughline_events_published_total", "Events acknowledged by the broker", ["service"]
)
OUTBOX_AGE: Final = Gauge(
    "throughline_outbox_oldest_seconds", "Age of the oldest committed, unpublished event", ["service"]
)
DEAD_LETTERS: Final = Counter("throughline_dead_letters_total", "Messages given up", ["service", "reason"])
BLOCKED: Final = Gauge(
    "throughline_blocked_engagements", "Engagements whose messages wait behind a failure", ["service"]
)
CONFLICTS: Final = Counter(
    "throughline_commit_conflicts_total", "Commit documents refused and decided again", ["service"]
)
WORK_RUNS: Final = Counter(
    "throughline_work_runs_total", "Runs of work items", ["service", "activity", "outcome"]
)
