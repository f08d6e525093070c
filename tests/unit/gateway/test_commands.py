"""Commands through mutations: checked, sent, and readable when the answer comes."""

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

    query = f'mutation {{ agreePlan(input: {{engagement: "ENG-TEST1", planVersion: 1, agreedBy: "anna"}}) {RESULT} }}'
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
