"""The projector: redelivery, gaps, crashes and rivals change nothing about what comes out."""

import random
from dataclasses import replace

import pytest

from gateway.hub import Hub
from gateway.memory import InMemoryStore
from gateway.projector import Projector, documents, sort_out
from gateway.view import encode, fold_all, new_view
from messaging.envelope import Unreadable
from messaging.stream import Received, Unread


@pytest.fixture
def store():
    return InMemoryStore()


@pytest.fixture
def batch(kit):
    """Twelve events of two services, as they come."""
    dice = random.Random(5)
    kinds = kit.every_event()
    of = {name: [kind for kind in kinds if kind.service() == name] for name in ("intake", "design")}
    made = [kit.received(kit.opened(), 1)]
    made += [kit.received(kit.sample(dice.choice(of["intake"]), dice), n) for n in range(2, 7)]
    return made + [kit.received(kit.sample(dice.choice(of["design"]), dice), n) for n in range(1, 7)]


async def log_of(store):
    return await store.tail("ENG-TEST1", 0)


async def check(store, count):
    """Log and view agree: cursors without a gap, each event once, in the order of its stream."""
    log = await log_of(store)
    assert [entry.cursor for entry in log] == list(range(1, count + 1))
    assert len({entry.id for entry in log}) == count
    for service in ("intake", "design"):
        numbers = [entry.sequence for entry in log if entry.service == service]
        assert numbers == list(range(1, len(numbers) + 1))
    stored = await store.load("ENG-TEST1")
    assert encode(stored.view) == encode(fold_all(new_view("ENG-TEST1", "acme"), log))


async def test_a_batch_becomes_log_and_view(store, batch):
    await Projector(store, Hub()).handle(batch)

    await check(store, 12)


async def test_a_second_delivery_changes_nothing(store, batch):
    projector = Projector(store, Hub())
    await projector.handle(batch)
    before = store.views["ENG-TEST1"]

    await projector.handle(batch)
    await Projector(store, Hub()).handle(batch[3:9])

    assert store.views["ENG-TEST1"] == before
    await check(store, 12)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_order_and_cut_they_come_in_each_stream_keeps_its_order(store, batch, seed):
    dice = random.Random(seed)
    shuffled = [*batch, *dice.sample(batch, 5)]
    dice.shuffle(shuffled)
    projector = Projector(store, Hub())

    while shuffled:
        size = dice.randint(1, 5)
        await projector.handle(shuffled[:size])
        shuffled = shuffled[size:]

    await check(store, 12)
    assert store.waiting == {}


async def test_an_event_behind_a_gap_is_kept_until_the_missing_one_comes(store, batch):
    projector = Projector(store, Hub())
    await projector.handle([*batch[:2], batch[3]])

    assert [entry.sequence for entry in await log_of(store)] == [1, 2]
    assert len(store.waiting) == 1

    await projector.handle([batch[2]])

    assert [entry.sequence for entry in await log_of(store)] == [1, 2, 3, 4]
    assert store.waiting == {}


async def test_a_crash_between_log_and_view_is_caught_up(store, batch):
    class Crash(Exception):
        pass

    async def crash(*_):
        raise Crash

    projector, save = Projector(store, Hub()), store.save
    await projector.handle(batch[:4])
    store.save = crash
    with pytest.raises(ExceptionGroup):
        await projector.handle(batch[4:8])
    store.save = save

    await Projector(store, Hub()).handle(batch[4:])

    await check(store, 12)


async def test_a_replica_with_an_old_memory_is_refused_and_goes_on_from_the_log(store, batch):
    old, new = Projector(store, Hub()), Projector(store, Hub())
    await old.handle(batch[:3])
    await new.handle(batch[:6])

    await old.handle(batch[3:])

    await check(store, 12)


async def test_what_only_seems_missing_to_an_old_memory_is_not_held(store, batch):
    old, new = Projector(store, Hub()), Projector(store, Hub())
    await old.handle(batch[:2])
    await new.handle(batch[2:4])

    await old.handle(batch[4:6])

    assert store.waiting == {}
    await check(store, 6)


async def test_two_replicas_at_once_write_each_event_once(store, batch):
    import asyncio

    one, two = Projector(store, Hub()), Projector(store, Hub())

    await asyncio.gather(one.handle(batch[:8]), two.handle(batch), one.handle(batch[2:]))

    await check(store, 12)


async def test_many_entries_are_cut_into_documents_that_fit(kit, batch):
    log = kit.entries_of([kit.opened()] * 450)

    assert [len(part) for part in documents(log)] == [200, 200, 50]
    assert documents([]) == []


def test_sorting_out_drops_what_was_seen(batch):
    admitted, gaps = sort_out({"intake": 2, "design": 6}, batch)

    assert [(one.envelope.type.split(".")[0], one.envelope.sequence) for one in admitted] == [
        ("intake", n) for n in (3, 4, 5, 6)
    ]
    assert gaps == []


async def test_an_event_of_a_newer_service_is_in_the_log_as_it_came_and_holds_nobody_up(kit, store):
    known = [kit.received(kit.opened(), 1), kit.received(kit.opened(title="Renamed"), 3)]
    envelope = replace(kit.received(kit.opened(), 2).envelope, type="intake.client_merged.v1")
    record = replace(known[0].record, value=b'{ "into": "Berg Group" }')
    newer = Received(envelope, Unread(Unreadable("type", "is not known", "unknown-type")), record)

    await Projector(store, Hub()).handle([known[0], newer, known[1]])

    await check(store, 3)
    entry = (await log_of(store))[1]
    assert (entry.wire_type, entry.data) == ("intake.client_merged.v1", '{ "into": "Berg Group" }')
    assert entry.to_timeline()["summary"] == "Client merged: into Berg Group"
    assert (await store.load("ENG-TEST1")).view["title"] == "Renamed"
