"""A view that was lost or damaged is found and comes back to the same bytes, whatever happens meanwhile."""

import asyncio
import random
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import projector as projecting_module
from gateway.hub import Hub
from gateway.memory import InMemoryStore
from gateway.ports import Mark
from gateway.projector import Projector
from gateway.rebuild import DIFFERENT, EQUAL, MISSING, NEWER, Finding, Rebuild
from gateway.rebuild import run as running
from gateway.rebuild.progress import Progress
from gateway.rebuild.walking import parts
from gateway.view import VIEW_VERSION, encode
from persistence import DatabaseError
from schemas import monitoring

KEYS = ("ENG-AAAA", "ENG-BBBB", "ENG-CCCC")


async def told(house, kit):
    dice = random.Random(1)
    for key in KEYS:
        events = [kit.sample(dice.choice(kit.every_event()), dice) for _ in range(30)]
        await house.broker.events(kit.opened(), *events, engagement=key)


async def rebuild(store, *, write=False, begin=None, **more):
    findings = []
    await Rebuild(store, write=write, found=findings.append, **more).run(begin=begin)
    return findings


def bytes_of(store):
    return {key: encode(stored.view) for key, stored in store.views.items()}


def damage(store, key, **changes):
    stored = store.views[key]
    store.views[key] = replace(stored, view={**stored.view, "title": "wrong"}, **changes)


async def test_views_that_are_as_their_log_says_are_left_alone(house, kit):
    await told(house, kit)

    assert await rebuild(house.store) == [Finding(key, EQUAL) for key in KEYS]


async def test_a_lost_and_a_damaged_view_come_back_to_the_same_bytes(house, kit):
    await told(house, kit)
    before = bytes_of(house.store)
    del house.store.views["ENG-AAAA"]
    damage(house.store, "ENG-BBBB")

    seen = await rebuild(house.store)
    mended = await rebuild(house.store, write=True)

    assert [finding.state for finding in seen] == [MISSING, DIFFERENT, EQUAL]
    assert [finding.replaced for finding in seen] == [False, False, False]
    assert [finding.replaced for finding in mended] == [True, True, False]
    assert bytes_of(house.store) == before


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_rebuild_gives_what_the_projector_gave_however_the_events_came(kit, seed):
    async def played():
        dice, store = random.Random(seed), InMemoryStore()
        projectors = [Projector(store, Hub()) for _ in range(2)]
        for batch in shuffled_batches(kit, dice):
            await dice.choice(projectors).handle(batch)
        live = dict(store.views)
        store.views.clear()
        findings = await rebuild(store, write=True)
        assert {finding.state for finding in findings} == {MISSING}
        return live, store.views

    live, rebuilt = asyncio.run(played())

    assert len(live) == len(KEYS)
    assert {key: encode(one.view) for key, one in live.items()} == {
        key: encode(one.view) for key, one in rebuilt.items()
    }
    assert rebuilt == live


def shuffled_batches(kit, dice):
    """Events of three engagements and two tenants: cut anyhow, some late, some twice."""
    batch = []
    for key in KEYS:
        last = {}
        for number in range(40):
            event = kit.opened() if number == 0 else kit.sample(dice.choice(kit.every_event()), dice)
            last[event.service()] = last.get(event.service(), 0) + 1
            tenant = "acme" if dice.random() < 0.9 else "other"
            batch.append(kit.received(event, last[event.service()], engagement=key, tenant=tenant))
    batch.sort(key=lambda _: dice.random())
    batch += dice.sample(batch, 20)
    while batch:
        size = dice.randint(1, 30)
        yield batch[:size]
        batch = batch[size:]


async def test_a_view_that_moved_meanwhile_is_not_set_back(house, kit):
    await told(house, kit)
    damage(house.store, "ENG-AAAA")
    replacing, event = house.store.replace, kit.opened("Told meanwhile")

    async def overtaken(changes):
        house.store.replace = replacing
        await house.broker.events(event, engagement="ENG-AAAA")
        return await replacing(changes)

    house.store.replace = overtaken
    findings = await rebuild(house.store, write=True)

    assert findings[0] == Finding("ENG-AAAA", DIFFERENT, True)
    assert house.store.views["ENG-AAAA"].cursor == 32
    assert house.store.views["ENG-AAAA"].view["title"] == "Told meanwhile"


@pytest.mark.parametrize("seed", range(6))
async def test_no_view_goes_back_and_none_stays_behind_while_the_projector_works(house, kit, seed):
    """Every call of both is a chance for the other to come between."""
    dice, store = random.Random(seed), house.store
    cursors = dict.fromkeys(KEYS, 0)
    for name in ("append", "save", "load", "tail", "standings", "replace"):
        setattr(store, name, interrupted(getattr(store, name), dice, store, cursors))

    async def rebuilding():
        while projecting:
            if store.views:
                damage(store, dice.choice(list(store.views)))
            house.projector.forget()
            await asyncio.sleep(0)
            await rebuild(store, write=True)

    async def project():
        for batch in shuffled_batches(kit, dice):
            await house.projector.handle(batch)

    projecting = True
    task = asyncio.create_task(rebuilding())
    await project()
    projecting = False
    await task

    assert {finding.state for finding in await rebuild(store)} == {EQUAL}
    for key in KEYS:
        assert store.views[key].cursor == len(await store.tail(key, 0)) == 40


def interrupted(call, dice, store, cursors):
    async def slow(*words, **named):
        for _ in range(dice.randint(0, 3)):
            await asyncio.sleep(0)
        answer = await call(*words, **named)
        for key, stored in store.views.items():
            assert stored.cursor >= cursors[key]
            cursors[key] = stored.cursor
        return answer

    return slow


async def test_what_was_mended_stays_so_beside_a_projector_that_remembers_the_damage(house, kit):
    await told(house, kit)
    damage(house.store, "ENG-AAAA")
    house.projector.forget()
    await house.broker.events(
        kit.sample(monitoring.SamplesQuarantined, random.Random(1)), engagement="ENG-AAAA"
    )

    await rebuild(house.store, write=True)
    await house.broker.events(
        kit.sample(monitoring.SamplesQuarantined, random.Random(2)), engagement="ENG-AAAA"
    )

    assert {finding.state for finding in await rebuild(house.store)} == {EQUAL}
    assert house.store.views["ENG-AAAA"].cursor == 33


async def test_a_rebuild_between_two_documents_of_a_batch_leaves_no_event_out(house, kit, monkeypatch):
    monkeypatch.setattr(projecting_module, "DOCUMENT_ENTRIES", 2)
    append, count = house.store.append, []

    async def appended(tenant, entries):
        done = await append(tenant, entries)
        count.append(len(entries))
        if len(count) == 1:
            await rebuild(house.store, write=True)
        return done

    house.store.append = appended
    await house.broker.events(*[kit.opened(f"Title {n}") for n in range(5)])

    assert count == [2, 2, 1]
    assert house.store.views["ENG-TEST1"].cursor == 5
    assert {finding.state for finding in await rebuild(house.store)} == {EQUAL}


async def test_the_view_of_a_newer_gateway_is_left_alone(house, kit):
    await told(house, kit)
    damage(house.store, "ENG-BBBB", view_version=VIEW_VERSION + 1)

    findings = await rebuild(house.store, write=True)

    assert findings[1] == Finding("ENG-BBBB", NEWER, False)
    assert house.store.views["ENG-BBBB"].view["title"] == "wrong"


async def test_a_rebuild_that_was_cut_off_goes_on_behind_what_is_done(house, kit, monkeypatch):
    monkeypatch.setattr(running, "SETTLED_ENGAGEMENTS", 1)
    await told(house, kit)
    for key in KEYS:
        damage(house.store, key)
    stop = asyncio.Event()

    def first_is_enough(_):
        stop.set()

    findings = await rebuild(house.store, write=True, settled=first_is_enough, stop=stop)
    mark = await house.store.marked()
    rest = await rebuild(house.store, write=True, begin=mark)

    assert [finding.engagement for finding in findings] == ["ENG-AAAA"]
    assert (mark.after, mark.engagements, mark.entries) == ("ENG-AAAA", 1, 31)
    assert [finding.engagement for finding in rest] == ["ENG-BBBB", "ENG-CCCC"]
    assert all(finding.replaced for finding in rest)
    assert await house.store.marked() is None


async def test_a_database_that_comes_back_is_waited_for(house, kit, monkeypatch):
    await told(house, kit)
    del house.store.views["ENG-AAAA"]
    standings, monkeyed = house.store.standings, []

    async def away(folded):
        if len(monkeyed) < 2:
            monkeyed.append(1)
            raise DatabaseError("away")
        return await standings(folded)

    async def at_once(_):
        monkeyed.append(1)

    house.store.standings = away
    monkeypatch.setattr(running.asyncio, "sleep", at_once)

    findings = await rebuild(house.store, write=True)

    assert [finding.state for finding in findings] == [MISSING, EQUAL, EQUAL]


async def test_a_database_that_stays_away_ends_it(house, kit, monkeypatch):
    await told(house, kit)

    async def away(_):
        raise DatabaseError("away")

    async def at_once(_):
        return None

    house.store.standings = away
    monkeypatch.setattr(running.asyncio, "sleep", at_once)

    with pytest.raises(DatabaseError):
        await rebuild(house.store)


@pytest.mark.parametrize("documents", [0, 2_001, 100_000, 10**7])
def test_every_key_is_in_exactly_one_part(documents):
    dice = random.Random(documents)
    keys = [
        "ENG-0000",
        "ENG-ZZZZZZ",
        "ENG-A",
        "A",
        "X",
        *(f"ENG-{dice.getrandbits(40):010X}" for _ in range(50)),
    ]

    for after in ("", "ENG-A", "ENG-7QRS"):
        found = list(parts(documents, after))
        for key in keys:
            holders = [1 for first, last in found if first < key and (last is None or key <= last)]
            assert len(holders) == (key > after)


def test_progress_tells_share_rate_and_rest_of_this_run_alone(kit):
    now, out = [100.0], StringIO()
    begin = Mark(VIEW_VERSION, "ENG-A", 100, 1_000, 10, None)
    progress = Progress(400, begin, out, lambda: now[0])

    progress(replace(begin, documents=150))
    now[0] = 110.0
    progress(replace(begin, documents=200, entries=3_000, engagements=20))

    assert out.getvalue() == " 50.0%  20 engagements, 3,000 events, 200 events/s, about 20 s to go\n"
