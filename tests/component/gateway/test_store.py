"""One behaviour of both stores: in memory, and in the database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.entry import Entry
from gateway.memory import InMemoryStore
from gateway.ports import DeadLetter, Filter, Mark, Place, Store, Stored, Submitted
from gateway.store import MongoStore
from gateway.view import VIEW_VERSION, new_view
from messaging import Envelope
from messaging.envelope import to_headers
from messaging.stream import Received, Record
from persistence import MongoSettings, connect
from schemas import intake

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEY = "ENG-TEST1"


@pytest.fixture(params=["memory", "database"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield InMemoryStore()
        return
    settings = MongoSettings(
        url=request.getfixturevalue("mongo_url"), database_prefix=f"t{uuid4().hex[:10]}_"
    )
    handle = connect(settings, "gateway")
    made = MongoStore(handle.db)
    await made.prepare()
    yield made
    handle.close()


def entry(cursor: int, **changes: Any) -> Entry:
    about: dict[str, Any] = {
        "cursor": cursor,
        "id": f"{KEY}/intake/{cursor}",
        "wire_type": "intake.plan_proposed.v1",
        "at": NOON + timedelta(minutes=cursor),
        "engagement": KEY,
        "tenant": "acme",
        "sequence": cursor,
        "actor": "anna",
        "correlation": "flow",
        "causation": f"cmd-{cursor}",
        "traceparent": None,
        "data": '{"a.b": {"$c": 1}}',
    }
    return Entry(**{**about, **changes})


def stored(key: str = KEY, cursor: int = 1, day: int = 0, **changes: Any) -> Stored:
    view = {**new_view(key, changes.get("tenant", "acme")), "opened_at": "2026-03-02T12:00:00+00:00"}
    view["title"], view["cursor"] = f"Order system {key}", cursor
    about: dict[str, Any] = {
        "engagement": key,
        "tenant": "acme",
        "cursor": cursor,
        "created_at": NOON + timedelta(days=day),
        "view_version": VIEW_VERSION,
        "view": view,
    }
    return Stored(**{**about, **changes})


async def test_a_saved_view_comes_back_as_it_was(store: Store) -> None:
    assert await store.save(stored(), 0)

    assert await store.view(KEY, "acme") == stored()
    assert await store.load(KEY) == stored()
    assert await store.opened(KEY, "acme")


async def test_an_engagement_is_open_as_soon_as_its_log_says_so(store: Store) -> None:
    await store.append("acme", [entry(1, wire_type=intake.EngagementOpened.wire_type())])

    assert await store.opened(KEY, "acme")
    assert not await store.opened(KEY, "other")


async def test_an_engagement_of_which_others_only_speak_is_not_open(store: Store) -> None:
    await store.append("acme", [entry(1, wire_type=intake.PlanProposed.wire_type())])

    assert not await store.opened(KEY, "acme")


async def test_another_tenant_finds_nothing(store: Store) -> None:
    await store.save(stored(), 0)
    await store.append("acme", [entry(1)])

    assert await store.view(KEY, "other") is None
    assert not await store.opened(KEY, "other")
    assert await store.entries(KEY, "other") == []
    assert await store.find(KEY, "other", [f"{KEY}/intake/1"]) == []
    assert await store.page("other", Filter(), 10, None) == []


async def test_a_view_is_only_replaced_at_the_expected_cursor(store: Store) -> None:
    assert await store.save(stored(cursor=1), 0)
    assert not await store.save(stored(cursor=2), 0)
    assert await store.save(stored(cursor=3), 1)
    assert not await store.save(stored(cursor=4), 1)

    found = await store.load(KEY)
    assert found is not None
    assert found.cursor == 3


async def test_the_first_cursor_can_be_taken_once(store: Store) -> None:
    assert await store.append("acme", [entry(1), entry(2)])
    assert not await store.append("acme", [entry(1, id="other")])
    assert await store.append("acme", [entry(3)])

    assert [one.id for one in await store.tail(KEY, 0)] == [f"{KEY}/intake/{n}" for n in (1, 2, 3)]


async def test_entries_come_back_exactly_behind_a_cursor_within_a_limit(store: Store) -> None:
    for first in (1, 4, 7):
        await store.append("acme", [entry(first + n) for n in range(3)])

    assert await store.entries(KEY, "acme", after=4, limit=3) == [entry(5), entry(6), entry(7)]
    assert [one.cursor for one in await store.tail(KEY, 8)] == [9]
    assert await store.entries(KEY, "acme", after=9) == []


async def test_entries_can_be_chosen_by_type_and_tenant(store: Store) -> None:
    await store.append(
        "acme", [entry(1), entry(2, wire_type="intake.plan_agreed.v1"), entry(3, tenant="other")]
    )

    agreed = await store.entries(KEY, "acme", types=["intake.plan_agreed"])
    mine = await store.entries(KEY, "acme")

    assert [one.cursor for one in agreed] == [2]
    assert [one.cursor for one in mine] == [1, 2]
    assert [one.cursor for one in await store.tail(KEY, 0)] == [1, 2, 3]


async def test_entries_are_found_by_id_and_by_what_caused_them(store: Store) -> None:
    await store.append("acme", [entry(1), entry(2, causation="cmd-1"), entry(3, causation=None)])

    found = await store.find(KEY, "acme", [f"{KEY}/intake/3", f"{KEY}/intake/1", "nothing"])

    assert [one.cursor for one in found] == [1, 3]
    assert [one.cursor for one in await store.answers("cmd-1")] == [1, 2]
    assert await store.answers("cmd-9") == []


async def test_pages_are_newest_first_and_meet_at_their_edges(store: Store) -> None:
    for number in range(7):
        await store.save(stored(f"ENG-P00{number}", day=number // 2), 0)
    await store.save(stored("ENG-X001", tenant="other", day=9), 0)
    found: list[str] = []
    after: Place | None = None

    for _ in range(3):
        page = await store.page("acme", Filter(), 3, after)
        found += [one.engagement for one in page]
        after = Place(page[-1].created_at, page[-1].engagement)

    assert found == [f"ENG-P00{n}" for n in (6, 4, 5, 2, 3, 0, 1)]
    assert await store.page("acme", Filter(), 3, after) == []


async def test_a_page_can_be_narrowed_and_text_is_no_pattern(store: Store) -> None:
    await store.save(stored("ENG-AAAA"), 0)
    unopened = stored("ENG-BBBB")
    await store.save(replace(unopened, view={**unopened.view, "opened_at": None}), 0)

    async def keys(**wanted: str) -> list[str]:
        return [one.engagement for one in await store.page("acme", Filter(**wanted), 9, None)]

    assert await keys() == ["ENG-AAAA"]
    assert await keys(text="ORDER sys") == ["ENG-AAAA"]
    assert await keys(text=".*") == []
    assert await keys(stage="intake", health="ok") == ["ENG-AAAA"]
    assert await keys(stage="design") == []
    assert await keys(health="critical") == []
    assert not await store.opened("ENG-BBBB", "acme")


def held(sequence: int) -> Received:
    payload = intake.PlanProposed(
        plan=intake.Plan(
            version=1,
            formula=intake.Formula(),
            phases=(
                intake.Phase(
                    number=1, title="One", requirements=("r",), expected_outcome="x", milestone_on=NOON.date()
                ),
            ),
        )
    )
    envelope = Envelope(
        id=f"{KEY}/intake/{sequence}",
        source="/throughline/intake",
        type=payload.wire_type(),
        time=NOON,
        engagement=KEY,
        tenant="acme",
        correlation="flow",
        sequence=sequence,
    )
    record = Record(
        "intake.events",
        0,
        sequence,
        KEY.encode(),
        payload.model_dump_json().encode(),
        tuple(to_headers(envelope)),
    )
    return Received(envelope, payload, record)


async def test_what_is_held_comes_back_whole_until_it_is_released(store: Store) -> None:
    await store.hold([held(3), held(5)])
    await store.hold([held(3)])

    found = sorted(await store.held(KEY), key=lambda one: one.record.offset)
    assert [(one.envelope.sequence, one.payload) for one in found] == [
        (3, held(3).payload),
        (5, held(5).payload),
    ]

    await store.release([found[0]])
    assert [one.envelope.sequence for one in await store.held(KEY)] == [5]
    assert await store.held("ENG-NONE9") == []


def submitted(**changes: Any) -> Submitted:
    about: dict[str, Any] = {
        "id": "cmd-1",
        "tenant": "acme",
        "engagement": KEY,
        "type": "intake.agree_plan.v1",
        "actor": "anna",
        "digest": "d1",
        "at": NOON,
        "data": "{}",
    }
    return Submitted(**{**about, **changes})


async def test_the_first_command_of_an_id_is_the_one_that_is_kept(store: Store) -> None:
    assert await store.remember(submitted()) is None
    assert await store.remember(submitted(digest="d2")) == submitted()
    assert await store.command("cmd-1", "acme") == submitted()
    assert await store.command("cmd-1", "other") is None


def letter(number: int = 1, **changes: Any) -> DeadLetter:
    about: dict[str, Any] = {
        "id": f"intake:intake.commands/0/{number}",
        "status": "OPEN",
        "service": "intake",
        "topic": "intake.commands",
        "partition": 0,
        "offset": number,
        "field": "data",
        "reason": "is not JSON",
        "code": "malformed",
        "at": NOON + timedelta(seconds=number),
        "key": b"\xff",
        "value": b"{\x00",
        "headers": [("ce_id", b"1"), ("ce_id", b"\xfe")],
        "tenant": "acme",
    }
    return DeadLetter(**{**about, **changes})


async def listed(store: Store, tenant: str = "acme", **wanted: Any) -> list[DeadLetter]:
    return await store.letters(tenant, **{"orphans": True, **wanted})


async def test_a_dead_letter_keeps_its_bytes_and_is_buried_once(store: Store) -> None:
    await store.bury(letter())
    await store.bury(letter(reason="again"))

    assert await listed(store) == [letter()]
    assert await store.letter(letter().id, "acme", orphans=False) == letter()
    assert await store.letter(letter().id, "other", orphans=True) is None
    assert await listed(store, "other") == []


async def test_a_decision_is_taken_once_and_survives_another_delivery(store: Store) -> None:
    await store.bury(letter())

    assert await store.decide(letter().id, "OPEN", {"status": "DISCARDED", "note": "test"})
    assert not await store.decide(letter().id, "OPEN", {"status": "REDRIVEN"})
    await store.bury(letter())

    assert await listed(store) == [letter(status="DISCARDED", note="test")]


async def test_a_blocked_message_that_is_given_up_becomes_open_and_is_not_blocked_again(store: Store) -> None:
    await store.bury(letter(status="BLOCKED"))
    await store.bury(letter(status="OPEN"))
    await store.bury(letter(status="BLOCKED"))

    assert [one.status for one in await listed(store)] == ["OPEN"]


async def test_dead_letters_are_filtered_and_paged_newest_first(store: Store) -> None:
    for number in range(1, 6):
        await store.bury(letter(number, service="intake" if number % 2 else "design"))
    await store.bury(letter(9, tenant=None))

    first = await listed(store, limit=4)
    second = await listed(store, limit=4, after=first[-1].id)

    assert [one.offset for one in (*first, *second)] == [9, 5, 4, 3, 2, 1]
    assert [one.offset for one in await listed(store, service="design")] == [4, 2]
    assert await listed(store, status="BLOCKED") == []
    assert [one.offset for one in await listed(store, "other")] == [9]
    assert await listed(store, "other", orphans=False) == []
    orphan = letter(9).id
    assert await store.letter(orphan, "other", orphans=False) is None
    assert await store.letter(orphan, "other", orphans=True) == letter(9, tenant=None)


async def test_the_whole_log_is_walked_by_engagement_and_cursor(store: Store) -> None:
    await store.append("acme", [entry(3), entry(4)])
    await store.append("acme", [entry(1), entry(2)])
    await store.append("other", [entry(1, engagement="ENG-AAAA", tenant="other")])
    await store.append("acme", [entry(1, engagement="ENG-ZZZZ")])

    walked = [one async for one in store.walk("", None)]
    part = [one async for one in store.walk("ENG-AAAA", KEY)]

    assert [one.tenant for one in walked] == ["other", "acme", "acme", "acme"]
    assert [[e.cursor for e in one.entries] for one in walked] == [[1], [1, 2], [3, 4], [1]]
    assert [(one.entries[0].engagement, one.entries[0].cursor) for one in part] == [(KEY, 1), (KEY, 3)]
    assert await store.log_documents() == 4


async def test_a_standing_tells_cursor_and_whether_every_byte_is_the_same(store: Store) -> None:
    await store.save(stored(cursor=3), 0)
    longer = stored(cursor=4)
    retitled = stored(cursor=3)
    retitled.view["title"] = "Another"

    found = await store.standings([stored("ENG-NONE"), stored(cursor=3, day=9), longer, retitled])

    assert [(one.cursor, one.equal) for one in found] == [(0, False), (3, True), (3, False), (3, False)]


async def test_many_views_are_replaced_where_they_were_found(store: Store) -> None:
    await store.save(stored(cursor=3), 0)
    new, longer = stored("ENG-NEW1"), stored(cursor=5)
    found = await store.standings([new, longer])

    assert await store.replace([(new, found[0]), (longer, found[1])])

    assert await store.load("ENG-NEW1") == new
    assert await store.load(KEY) == replace(longer, edition=1)


async def test_who_folded_on_from_a_view_that_was_replaced_may_not_save(store: Store) -> None:
    await store.save(stored(cursor=3), 0)
    mended = stored(cursor=3)
    await store.replace([(mended, (await store.standings([mended]))[0])])

    assert not await store.save(stored(cursor=4), 3)
    assert await store.save(stored(cursor=4, edition=1), 3)


async def test_one_view_that_moved_is_told_and_the_others_are_replaced(store: Store) -> None:
    await store.save(stored(cursor=3), 0)
    one, other, new = stored(cursor=4), stored("ENG-OTHER", cursor=4), stored("ENG-NEW1", cursor=2)
    await store.save(stored("ENG-OTHER", cursor=2), 0)
    found = await store.standings([one, other, new])
    await store.save(stored(cursor=5), 3)
    await store.save(stored("ENG-NEW1", cursor=1), 0)

    assert not await store.replace([(one, found[0]), (new, found[2]), (other, found[1])])

    kept = [await store.load(key) for key in (KEY, "ENG-OTHER", "ENG-NEW1")]
    assert [found.cursor if found else None for found in kept] == [5, 4, 1]


async def test_the_mark_of_a_rebuild_is_kept_until_it_is_through(store: Store) -> None:
    mark = Mark(VIEW_VERSION, KEY, 10, 100, 1, NOON)
    await store.mark(mark)
    await store.mark(replace(mark, after="ENG-Z", documents=20))

    assert await store.marked() == replace(mark, after="ENG-Z", documents=20)

    await store.mark(None)
    assert await store.marked() is None


async def test_preparing_again_changes_nothing(store: Store) -> None:
    await store.save(stored(), 0)

    await store.prepare()

    assert await store.load(KEY) == stored()
