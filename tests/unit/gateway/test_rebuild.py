"""A view that was lost or damaged is found and comes back to the same bytes."""

import random
from dataclasses import replace

from gateway.rebuild import DIFFERENT, EQUAL, MISSING, Finding, rebuild
from gateway.view import encode


async def told(house, kit):
    dice = random.Random(1)
    for key in ("ENG-AAAA", "ENG-BBBB", "ENG-CCCC"):
        events = [kit.sample(dice.choice(kit.every_event()), dice) for _ in range(30)]
        await house.broker.events(kit.opened(), *events, engagement=key)


async def test_views_that_are_as_their_log_says_are_left_alone(house, kit):
    await told(house, kit)

    assert await rebuild(house.store) == [Finding(key, EQUAL) for key in ("ENG-AAAA", "ENG-BBBB", "ENG-CCCC")]


async def test_a_lost_and_a_damaged_view_come_back_to_the_same_bytes(house, kit):
    await told(house, kit)
    before = {key: encode(stored.view) for key, stored in house.store.views.items()}
    del house.store.views["ENG-AAAA"]
    damaged = house.store.views["ENG-BBBB"]
    house.store.views["ENG-BBBB"] = replace(damaged, view={**damaged.view, "title": "wrong"})

    seen = await rebuild(house.store)
    mended = await rebuild(house.store, write=True)

    assert [finding.state for finding in seen] == [MISSING, DIFFERENT, EQUAL]
    assert [finding.replaced for finding in seen] == [False, False, False]
    assert [finding.replaced for finding in mended] == [True, True, False]
    assert {key: encode(stored.view) for key, stored in house.store.views.items()} == before


async def test_a_view_that_moved_meanwhile_is_not_set_back(house, kit):
    await told(house, kit)
    stored = house.store.views["ENG-AAAA"]
    house.store.views["ENG-AAAA"] = replace(stored, view={**stored.view, "title": "wrong"})
    save = house.store.save

    async def overtaken(new, expected):
        house.store.views["ENG-AAAA"] = replace(house.store.views["ENG-AAAA"], cursor=expected + 1)
        return await save(new, expected)

    house.store.save = overtaken
    findings = await rebuild(house.store, write=True)

    assert findings[0] == Finding("ENG-AAAA", DIFFERENT, False)
