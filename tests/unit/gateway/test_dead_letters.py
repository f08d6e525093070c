"""Dead letters: kept once with all they came with, sent again unchanged, or given up for a reason."""

from dataclasses import replace

import pytest

from gateway.auth import Caller, Role
from gateway.commands import NotFound
from gateway.dead_letters import DeadLetterProjector, Operators
from messaging.stream import Record

HEADERS = (
    ("ce_id", b"m-1"),
    ("ce_engagement", b"ENG-TEST1"),
    ("ce_tenant", b"acme"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("odd", b"\xff\x00"),
)


def note(status="dead", offset=7, headers=HEADERS, **changes):
    ours = {
        "id": f"intake.commands/2/{offset}",
        "status": status,
        "service": "intake",
        "topic": "intake.commands",
        "partition": "2",
        "offset": str(offset),
        "field": "data.kpi.due_on",
        "reason": "is missing",
        "code": "schema",
        "at": f"2026-03-02T12:00:0{offset}+00:00",
        "traceparent": "",
        **changes,
    }
    added = tuple((f"dl-{name}", text.encode()) for name, text in ours.items())
    return Record("intake.dead", 0, 3, b"ENG-TEST1", b'{"broken": \xff', (*headers, *added))


LIST = """{ deadLetters { hasNextPage nodes {
  id status service topic partition offset field reason code key value engagement messageId traceId
  headers { name value } decidedBy note } } }"""


@pytest.fixture
def keep(house):
    projector = DeadLetterProjector(house.store)
    return projector.handle


async def listed(house, **caller):
    return (await house.data(LIST, roles=["operator"], **caller))["deadLetters"]["nodes"]


async def test_a_dead_letter_is_shown_with_its_reason_and_all_it_came_with(house, keep):
    await keep(note())

    (letter,) = await listed(house)

    assert (letter["status"], letter["field"], letter["reason"]) == ("OPEN", "data.kpi.due_on", "is missing")
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("intake.commands", 2, 7)
    assert (letter["engagement"], letter["messageId"]) == ("ENG-TEST1", "m-1")
    assert letter["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert letter["value"] == '{"broken": \\xff'
    assert [header["name"] for header in letter["headers"]] == [name for name, _ in HEADERS]


async def test_a_second_delivery_changes_nothing(house, keep):
    await keep(note())
    await keep(note())

    assert len(await listed(house)) == 1


async def test_another_tenant_does_not_see_it(house, keep):
    await keep(note())

    assert await listed(house, tenant="other") == []


async def test_one_whose_tenant_nobody_could_read_is_listed_without_its_content(house, keep):
    await keep(note(headers=()))

    (letter,) = await listed(house, tenant="other")

    assert (letter["reason"], letter["offset"]) == ("is missing", 7)
    assert (letter["key"], letter["value"], letter["headers"]) == (None, None, [])
    answer = await house.graphql(
        f'mutation {{ redriveDeadLetter(id: "{letter["id"]}") {{ status }} }}', roles=["operator"]
    )
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert house.broker.raw == []


async def test_one_tenants_operators_can_be_appointed_to_look_after_it(house, keep):
    await keep(note(headers=()))
    operators = Operators(house.store, house.broker, operator_tenant="acme")
    ours, theirs = (Caller(tenant, "olga", frozenset({Role.OPERATOR}), 2e9) for tenant in ("acme", "other"))
    wanted = {"status": None, "service": None, "limit": 9, "after": None}

    (letter,) = await operators.letters(ours, **wanted)
    assert letter.value == b'{"broken": \xff'
    assert await operators.letters(theirs, **wanted) == []
    with pytest.raises(NotFound):
        await operators.redrive(theirs, letter.id)

    assert (await operators.redrive(ours, letter.id)).status == "REDRIVEN"


async def test_redriving_sends_the_original_bytes_where_they_came_from(house, keep):
    await keep(note())
    (letter,) = await listed(house)

    done = await house.data(
        f'mutation {{ redriveDeadLetter(id: "{letter["id"]}") {{ status decidedBy }} }}',
        roles=["operator"],
        actor="olga",
    )

    assert done["redriveDeadLetter"] == {"status": "REDRIVEN", "decidedBy": "olga"}
    (sent,) = house.broker.raw
    topic, key, value, headers = sent
    assert (topic, key, value) == ("intake.commands", b"ENG-TEST1", b'{"broken": \xff')
    assert headers == [*HEADERS, ("redriven-from", letter["id"].encode())]


async def test_what_was_decided_is_not_decided_again(house, keep):
    await keep(note())
    (letter,) = await listed(house)
    redrive = f'mutation {{ redriveDeadLetter(id: "{letter["id"]}") {{ status }} }}'
    await house.data(redrive, roles=["operator"])

    again = await house.graphql(redrive, roles=["operator"])

    assert again["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert len(house.broker.raw) == 1


async def test_a_broker_that_is_away_leaves_the_letter_open(house, keep):
    await keep(note())
    (letter,) = await listed(house)
    house.broker.down = True

    answer = await house.graphql(
        f'mutation {{ redriveDeadLetter(id: "{letter["id"]}") {{ status }} }}', roles=["operator"]
    )

    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await listed(house))[0]["status"] == "OPEN"


async def test_discarding_keeps_the_reason_and_sends_nothing(house, keep):
    await keep(note())
    (letter,) = await listed(house)

    await house.data(
        f'mutation {{ discardDeadLetter(id: "{letter["id"]}", reason: "a test of ours") {{ status }} }}',
        roles=["operator"],
    )

    (letter,) = await listed(house)
    assert (letter["status"], letter["note"]) == ("DISCARDED", "a test of ours")
    assert house.broker.raw == []


@pytest.mark.parametrize(
    "mutation", ['redriveDeadLetter(id: "%s")', 'discardDeadLetter(id: "%s", reason: "x")']
)
async def test_a_foreign_dead_letter_cannot_be_touched(house, keep, mutation):
    await keep(note())
    (letter,) = await listed(house)

    answer = await house.graphql(
        "mutation { " + mutation % letter["id"] + " { status } }", roles=["operator"], tenant="other"
    )

    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await listed(house))[0]["status"] == "OPEN"


async def test_a_blocked_engagement_is_shown_until_its_message_is_handled(house, keep):
    await keep(note("blocked"))
    assert [letter["status"] for letter in await listed(house)] == ["BLOCKED"]

    await keep(note("unblocked"))

    assert [letter["status"] for letter in await listed(house)] == ["RESOLVED"]


async def test_a_blocked_message_that_is_given_up_becomes_an_open_dead_letter(house, keep):
    await keep(note("blocked"))
    await keep(note("dead"))

    assert [letter["status"] for letter in await listed(house)] == ["OPEN"]


async def test_filters_and_pages(house, keep):
    for offset in range(5):
        await keep(note(offset=offset))
    page = """query($a: String) { deadLetters(first: 2, after: $a, status: "OPEN", service: "intake") {
      nodes { offset } endCursor hasNextPage } }"""
    found, after = [], None

    for _ in range(3):
        part = (await house.data(page, {"a": after}, roles=["operator"]))["deadLetters"]
        found += [letter["offset"] for letter in part["nodes"]]
        after = part["endCursor"]

    assert found == [4, 3, 2, 1, 0]
    assert part["hasNextPage"] is False
    none = await house.data('{ deadLetters(service: "design") { nodes { id } } }', roles=["operator"])
    assert none["deadLetters"]["nodes"] == []


async def test_a_record_that_is_no_dead_letter_of_ours_is_passed_over(house, keep):
    await keep(replace(note(), headers=HEADERS))

    assert await listed(house) == []
