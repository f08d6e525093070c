"""Commands through mutations: checked, sent, and readable when the answer comes."""

import asyncio

import pytest

from messaging import Message
from schemas import intake
from schemas.base import Event

OPEN = """
mutation Open($input: OpenEngagementInput!) {
  openEngagement(input: $input) {
    __typename
    ... on Accepted { commandId engagementId cursor events { id type summary data } }
    ... on Refused { commandId code field rule message }
    ... on Pending { commandId message }
  }
}
"""
RESULT = """{ __typename
    ... on Accepted { commandId engagementId cursor events { type } }
    ... on Refused { commandId code field rule message }
    ... on Pending { commandId message } }"""
BRIEF = {
    "title": "New order system",
    "client": {"name": "Berg Pumps", "industry": "machinery"},
    "currency": "EUR",
    "budget": "850000.00",
    "startOn": "2026-12-01",
    "targetOn": "2027-06-30",
}


def as_opened(message: Message) -> list[Event]:
    command = message.payload
    assert isinstance(command, intake.OpenEngagement)
    return [intake.EngagementOpened(**command.model_dump(exclude={"brief"}))]


async def test_an_accepted_command_can_be_read_back_at_once(house):
    house.broker.answer = as_opened

    opened = (await house.data(OPEN, {"input": {**BRIEF, "engagement": "ENG-7F3K"}}))["openEngagement"]

    assert opened["__typename"] == "Accepted"
    assert (opened["engagementId"], opened["cursor"]) == ("ENG-7F3K", 1)
    assert [e["type"] for e in opened["events"]] == ["intake.engagement_opened"]
    view = await house.data('{ engagement(id: "ENG-7F3K") { title budget stage client { name } cursor } }')
    assert view["engagement"] == {
        "title": "New order system",
        "budget": "850000.00",
        "stage": "INTAKE",
        "client": {"name": "Berg Pumps"},
        "cursor": 1,
    }


async def test_an_engagement_without_a_key_is_given_one(house):
    house.broker.answer = as_opened

    opened = (await house.data(OPEN, {"input": BRIEF}))["openEngagement"]

    assert opened["engagementId"] == house.broker.sent[0].envelope.engagement
    assert len(opened["engagementId"]) == 12


async def test_a_refused_command_names_field_and_rule(house):
    await house.broker.events(opened_event())
    house.broker.answer = lambda message: [
        intake.CommandRefused(
            command_id=message.envelope.id,
            command_type=message.envelope.type,
            code="RULE",
            field="plan_version",
            rule="plan-is-proposed",
            reason="no plan was proposed yet",
        )
    ]

    asked = 'engagement: "ENG-TEST1", planVersion: 1, agreedBy: "anna"'
    query = f"mutation {{ agreePlan(input: {{{asked}}}) {RESULT} }}"
    refused = (await house.data(query, roles=["client"]))["agreePlan"]

    assert refused == {
        "__typename": "Refused",
        "commandId": house.broker.sent[0].envelope.id,
        "code": "RULE",
        "field": "plan_version",
        "rule": "plan-is-proposed",
        "message": "no plan was proposed yet",
    }
    view = await house.data('{ engagement(id: "ENG-TEST1") { refusals { command field rule actor } } }')
    assert [r["rule"] for r in view["engagement"]["refusals"]] == ["plan-is-proposed"]


def opened_event() -> intake.EngagementOpened:
    return intake.EngagementOpened(
        title="New order system",
        client=intake.Client(name="Berg Pumps", industry="machinery"),
        currency="EUR",
        budget="850000.00",
        start_on="2026-12-01",
        target_on="2027-06-30",
    )


OPEN_WITH_KEY = f"mutation($i: OpenEngagementInput!) {{ openEngagement(input: $i) {RESULT} }}"
SCORE = f'mutation {{ scoreRequirements(input: {{engagement: "ENG-TEST1", waitMs: 30}}) {RESULT} }}'


async def test_the_same_key_with_the_same_content_gets_the_first_answer_and_sends_once(house):
    house.broker.answer = as_opened
    asked = {"i": {**BRIEF, "idempotencyKey": "order-1"}}

    first = await house.data(OPEN_WITH_KEY, asked)
    second = await house.data(OPEN_WITH_KEY, asked)

    assert first == second
    assert first["openEngagement"]["__typename"] == "Accepted"
    assert len(house.broker.sent) == 1


async def test_the_same_key_with_other_content_is_refused(house):
    house.broker.answer = as_opened
    await house.data(OPEN_WITH_KEY, {"i": {**BRIEF, "idempotencyKey": "order-1"}})

    other = await house.data(OPEN_WITH_KEY, {"i": {**BRIEF, "title": "Else", "idempotencyKey": "order-1"}})

    assert other["openEngagement"]["code"] == "IDEMPOTENCY_MISMATCH"
    assert len(house.broker.sent) == 1


async def test_two_tenants_may_use_the_same_key(house):
    house.broker.answer = as_opened
    asked = {"i": {**BRIEF, "idempotencyKey": "order-1"}}

    one = await house.data(OPEN_WITH_KEY, asked)
    two = await house.data(OPEN_WITH_KEY, asked, tenant="other")

    assert one["openEngagement"]["engagementId"] != two["openEngagement"]["engagementId"]
    assert {message.envelope.tenant for message in house.broker.sent} == {"acme", "other"}


async def test_a_command_nobody_answers_is_pending_and_can_be_asked_for_again(house):
    await house.broker.events(opened_event())

    pending = (await house.data(SCORE))["scoreRequirements"]
    assert pending["__typename"] == "Pending"

    sent = house.broker.sent[0].envelope
    scored = intake.RequirementsScored(formula=intake.Formula(), scores=())
    await house.broker.events(scored, causation=sent.id)
    asked = await house.data(f'{{ command(id: "{pending["commandId"]}") {RESULT} }}')

    assert asked["command"]["__typename"] == "Accepted"
    assert asked["command"]["cursor"] == 2


async def test_a_repeated_pending_command_is_sent_again_under_its_own_id(house):
    await house.broker.events(opened_event())
    query = SCORE.replace("waitMs: 30", 'waitMs: 30, idempotencyKey: "k"')

    await house.data(query)
    await house.data(query)

    assert len({message.envelope.id for message in house.broker.sent}) == 1
    assert len(house.broker.sent) == 2


async def test_a_new_command_is_sent_before_its_answer_is_looked_for_a_repeated_one_after(house):
    await house.broker.events(opened_event())
    house.broker.answer = lambda _: [intake.RequirementsScored(formula=intake.Formula(), scores=())]
    order = recorded(house)
    query = SCORE.replace("waitMs: 30", 'waitMs: 3000, idempotencyKey: "k"')

    first = await house.data(query)
    assert order == ["publish", "answers"]
    order.clear()
    second = await house.data(query)

    assert order == ["answers"]
    assert first == second


async def test_a_retry_beside_the_first_try_has_one_identity_and_the_same_answer(house):
    await house.broker.events(opened_event())
    query = SCORE.replace("waitMs: 30", 'waitMs: 3000, idempotencyKey: "k"')

    tries = [asyncio.create_task(house.data(query)) for _ in range(3)]
    await until(lambda: len(house.broker.sent) == 3)
    scored = intake.RequirementsScored(formula=intake.Formula(), scores=())
    await house.broker.events(scored, causation=house.broker.sent[0].envelope.id)
    answers = await asyncio.gather(*tries)

    assert len({message.envelope.id for message in house.broker.sent}) == 1
    assert answers[0]["scoreRequirements"]["__typename"] == "Accepted"
    assert answers[0] == answers[1] == answers[2]


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing tells of what was sent
            await asyncio.sleep(0.01)


def recorded(house):
    """The order in which the broker is given a command and the log asked for its answer."""
    order, publish, answers = [], house.broker.publish, house.store.answers

    async def publishing(messages):
        order.append("publish")
        await publish(messages)

    async def answering(command):
        order.append("answers")
        return await answers(command)

    house.broker.publish, house.store.answers = publishing, answering
    return order


async def test_an_answer_another_replica_projected_is_found_by_polling(house):
    await house.broker.events(opened_event())
    house.projector._hub = type(house.hub)()
    house.broker.answer = lambda _: [intake.RequirementsScored(formula=intake.Formula(), scores=())]

    scored = await house.data(SCORE.replace("waitMs: 30", "waitMs: 3000"))

    assert scored["scoreRequirements"]["__typename"] == "Accepted"


REFUSED = [
    ({"engagement": "eng-1"}, "engagement", "engagement-key"),
    ({"idempotencyKey": ""}, "idempotency_key", "key-length"),
    ({"idempotencyKey": "k" * 256}, "idempotency_key", "key-length"),
    ({"budget": "-1"}, "budget", "greater-than-equal"),
    ({"budget": "12.345"}, "budget", "decimal-max-places"),
    ({"currency": "euro"}, "currency", "string-pattern-mismatch"),
    ({"startOn": "2026-13-01"}, "start_on", "date-from-datetime-parsing"),
    ({"title": ""}, "title", "string-too-short"),
]


@pytest.mark.parametrize(("change", "field", "rule"), REFUSED)
async def test_invalid_input_is_refused_with_its_field_and_nothing_is_sent(house, change, field, rule):
    refused = (await house.data(OPEN, {"input": {**BRIEF, **change}}))["openEngagement"]

    assert (refused["__typename"], refused["code"]) == ("Refused", "VALIDATION")
    assert (refused["field"], refused["rule"]) == (field, rule)
    assert house.broker.sent == []
    assert house.store.submitted == {}


async def test_a_wrong_field_deep_inside_is_named_by_its_path(house):
    brief = {
        "statements": [
            {"id": "s", "session": "a", "speaker": "b", "text": "x"},
            {"id": "", "session": "a", "speaker": "b", "text": "x"},
        ]
    }

    refused = (await house.data(OPEN, {"input": {**BRIEF, "brief": brief}}))["openEngagement"]

    assert refused["field"] == "brief.statements.1.id"


SUBMIT = f"""mutation($t: String!, $d: JSON!, $e: ID) {{
  submitCommand(type: $t, data: $d, engagement: $e, waitMs: 50) {RESULT} }}"""


async def test_any_public_command_can_be_submitted_by_its_type(house):
    house.broker.answer = as_opened
    data = {
        "title": "Pumps",
        "client": {"name": "Berg", "industry": "machinery"},
        "currency": "EUR",
        "budget": "10.00",
        "start_on": "2026-12-01",
        "target_on": "2027-06-30",
    }

    opened = await house.data(SUBMIT, {"t": "intake.open_engagement", "d": data, "e": "ENG-7F3K"})

    assert opened["submitCommand"]["engagementId"] == "ENG-7F3K"


@pytest.mark.parametrize("kind", ["intake.open_cycle", "intake.engagement_opened", "nothing.at_all", ""])
async def test_internal_commands_events_and_unknown_types_cannot_be_submitted(house, kind):
    refused = await house.data(SUBMIT, {"t": kind, "d": {}, "e": "ENG-TEST1"})

    assert refused["submitCommand"]["rule"] == "known-command"
    assert house.broker.sent == []


async def test_an_unknown_field_of_a_submitted_command_is_refused(house):
    refused = await house.data(SUBMIT, {"t": "intake.propose_plan", "d": {"fast": True}, "e": "ENG-TEST1"})

    assert (refused["submitCommand"]["field"], refused["submitCommand"]["rule"]) == (
        "fast",
        "extra-forbidden",
    )


async def test_a_number_that_is_none_is_refused_where_it_stands(house):
    kpi = {
        "metric": "m",
        "unit": "days",
        "direction": "decrease",
        "baseline": "Infinity",
        "target": 5,
        "due_on": "2027-06-30",
        "owner": "anna",
    }

    asked = {"t": "intake.agree_kpi", "d": {"requirement": "r", "kpi": kpi}, "e": "ENG-TEST1"}
    refused = (await house.data(SUBMIT, asked))["submitCommand"]

    assert (refused["field"], refused["rule"]) == ("kpi.baseline", "finite-number")


async def test_a_foreign_engagement_and_none_at_all_are_refused_in_the_same_words(house):
    await house.broker.events(opened_event())

    foreign = (await house.data(SCORE, tenant="other"))["scoreRequirements"]
    missing = (await house.data(SCORE.replace("ENG-TEST1", "ENG-NONE9"), tenant="other"))["scoreRequirements"]

    assert foreign["code"] == "NOT_FOUND"
    assert {**foreign, "commandId": None} == {**missing, "commandId": None}
    assert house.broker.sent == []


async def test_another_tenants_command_is_not_found(house):
    house.broker.answer = as_opened
    opened = (await house.data(OPEN, {"input": BRIEF}))["openEngagement"]

    answer = await house.graphql(f'{{ command(id: "{opened["commandId"]}") {RESULT} }}', tenant="other")

    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_broker_that_does_not_acknowledge_is_told_and_the_key_sends_again(house):
    house.broker.answer = as_opened
    house.broker.down = True
    asked = {"i": {**BRIEF, "idempotencyKey": "order-1"}}

    answer = await house.graphql(OPEN_WITH_KEY, asked)
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"

    house.broker.down = False
    opened = (await house.data(OPEN_WITH_KEY, asked))["openEngagement"]
    assert opened["__typename"] == "Accepted"
    assert opened["commandId"] == answer["errors"][0]["extensions"]["commandId"]


async def test_enums_nested_values_and_maps_reach_the_command_as_it_means_them(house):
    await house.broker.events(opened_event())
    asked = {
        "engagement": "ENG-TEST1",
        "waitMs": 10,
        "requirement": {
            "id": "r-1",
            "title": "Fast orders",
            "description": "At most five days",
            "importance": 5,
            "urgency": 4,
            "effortDays": 20,
            "needs": [{"slot": "erp", "minimumRating": {"maturity": 3}}],
            "kpi": {
                "metric": "lead-time",
                "unit": "days",
                "direction": "DECREASE",
                "baseline": 12,
                "target": 5,
                "dueOn": "2027-06-30",
                "owner": "anna",
            },
        },
    }

    await house.data(
        "mutation($i: RecordRequirementInput!) { recordRequirement(input: $i) { __typename } }", {"i": asked}
    )

    requirement = house.broker.sent[0].payload.requirement
    assert requirement.kpi.direction is intake.Direction.DECREASE
    assert requirement.needs[0].minimum_rating == {"maturity": 3}
    assert house.broker.sent[0].envelope.actor == "tester"
