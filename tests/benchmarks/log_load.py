"""A log for rebuilds: engagements of 250 entries each, a third of planning and the rest of everyday work."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from typing import Any

from view_load import START, TENANT, entries, story

from gateway.commands import new_key
from gateway.entry import Entry
from persistence import Database
from schemas import feedback, intake, monitoring
from schemas.base import Event

ENTRIES = 250
OF_A_DOCUMENT = 10
SERIES, POINTS = 8, 6
AT_ONCE = 500


async def fill(database: Database, engagements: int) -> int:
    """Write their logs as the projector would have; returns how many entries."""
    pattern = entries("", list(islice(_events(), ENTRIES)))
    documents: list[dict[str, Any]] = []
    # Only the index that a rebuild reads by: the others cost it nothing and would take minutes to fill.
    await database["log"].create_index([("engagement", 1), ("first_cursor", 1)], unique=True)
    await database["views"].create_index([("tenant", 1), ("created_at", -1)])
    await database["views"].create_index([("view_version", 1)])
    for number in range(engagements):
        documents += _documents(new_key(f"rebuild {number}"), pattern)
        if len(documents) >= AT_ONCE:
            await database["log"].insert_many(documents)
            documents = []
    if documents:
        await database["log"].insert_many(documents)
    return engagements * ENTRIES


def _documents(engagement: str, pattern: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    log = [replace(one, id=engagement + one.id, engagement=engagement) for one in pattern]
    for first in range(0, len(log), OF_A_DOCUMENT):
        part = log[first : first + OF_A_DOCUMENT]
        yield {
            "engagement": engagement,
            "tenant": TENANT,
            "first_cursor": part[0].cursor,
            "last_cursor": part[-1].cursor,
            "entries": [one.to_document() for one in part],
            "ids": [one.id for one in part],
            "types": sorted({one.type for one in part}),
            "answers": sorted({one.causation for one in part if one.causation}),
        }


def _events() -> Iterator[Event]:
    yield from story()
    everyday = (_samples, _statement, _samples, _probe, _samples, _ticket, _samples, _samples)
    for number, make in enumerate(cycle(everyday)):
        yield make(number)


def _samples(number: int) -> Event:
    at = START + timedelta(minutes=number)
    points = [{"at": at + timedelta(seconds=10 * n), "value": 418.25 + number + n} for n in range(POINTS)]
    return monitoring.SamplesJudged.model_validate(
        {"series": f"erp_response_ms_{number % SERIES}", "component": "erp", "unit": "ms", "points": points}
    )


def _statement(number: int) -> Event:
    text = "The order desk types every order twice, first into the mail client, then into the stock system."
    statement = {"id": f"S{number}", "session": "s1", "speaker": "anna", "text": text}
    return intake.StatementRecorded.model_validate({"statement": statement})


def _probe(number: int) -> Event:
    return monitoring.ProbeRecorded.model_validate({
        "probe": "erp-up", "component": "erp", "up": True, "changed": False, "checks": 20, "failures": 0,
        "checked_at": START + timedelta(minutes=number), "mean_ms": 12.5, "detail": "20 of 20 answered",
    })  # fmt: skip


def _ticket(number: int) -> Event:
    return feedback.TicketOpened.model_validate({
        "ticket": f"T{number}", "subject": "The order form is slow", "reporter": "anna@example.org",
        "body": "Since this morning the form takes ten seconds to open. Three of us see it.",
        "channel": "mail", "opened_at": START + timedelta(minutes=number), "component": "erp",
    })  # fmt: skip
