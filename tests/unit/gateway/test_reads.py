"""Queries: one read per engagement, every field answered, history, causes, and nobody else's data."""

import random
from base64 import b64encode
from datetime import timedelta

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType, build_schema, get_named_type

from gateway.sdl import printed
from schemas import design, feedback, intake
from schemas.base import CommandRefusal


def whole(kind, schema, depth=0):
    """A selection of every field without required arguments, as deep as there is."""
    parts = []
    for name, field in kind.fields.items():
        if any(isinstance(a.type, GraphQLNonNull) and a.default_value is None for a in field.args.values()):
            continue
        inner = get_named_type(field.type)
        parts.append(
            f"{name} {whole(inner, schema, depth + 1)}" if isinstance(inner, GraphQLObjectType) else name
        )
    return "{ " + " ".join(parts) + " }"


@pytest.fixture(scope="module")
def everything():
    schema = build_schema(printed())
    return whole(schema.type_map["Engagement"], schema)


async def tell(house, kit, seed, count=80, **about):
    dice = random.Random(seed)
    kinds = [kind for kind in kit.every_event() if not issubclass(kind, CommandRefusal)]
    await house.broker.events(
        kit.opened(), *(kit.sample(dice.choice(kinds), dice) for _ in range(count)), **about
    )


@pytest.mark.parametrize("seed", range(6))
async def test_every_field_of_an_engagement_is_answered(house, kit, everything, seed):
    await tell(house, kit, seed, count=150)

    view = await house.data(f'{{ engagement(id: "ENG-TEST1") {everything} }}')

    assert view["engagement"]["cursor"] == 151


@pytest.mark.parametrize("count", [5, 400])
async def test_an_engagement_costs_one_store_read_at_any_size(house, kit, everything, count):
    await tell(house, kit, 1, count=count)
    house.store.reads = 0

    await house.data(f'{{ engagement(id: "ENG-TEST1") {everything} }}')

    assert house.store.reads == 1


@pytest.mark.parametrize("count", [2, 40])
async def test_a_page_of_engagements_costs_one_store_read(house, kit, count):
    for number in range(count):
        await house.broker.events(kit.opened(), engagement=f"ENG-P{number:03}")
    house.store.reads = 0

    listed = await house.data("{ engagements(first: 100) { edges { node { key title stages { state } } } } }")

    assert len(listed["engagements"]["edges"]) == count
    assert house.store.reads == 1


async def test_pages_meet_every_engagement_once_newest_first(house, kit):
    for number in range(7):
        when = kit.received(kit.opened(), 1).envelope.time + timedelta(days=number // 2)
        await house.broker.events(kit.opened(), engagement=f"ENG-P00{number}", at=when)
    found, after = [], None
    page = """query($a: String) { engagements(first: 3, after: $a) {
      edges { node { key } } pageInfo { endCursor hasNextPage } } }"""

    for _ in range(3):
        listed = (await house.data(page, {"a": after}))["engagements"]
        found += [edge["node"]["key"] for edge in listed["edges"]]
        after = listed["pageInfo"]["endCursor"]

    assert found == ["ENG-P006", "ENG-P004", "ENG-P005", "ENG-P002", "ENG-P003", "ENG-P000", "ENG-P001"]
    assert listed["pageInfo"]["hasNextPage"] is False


async def test_filters_narrow_the_list(house, kit):
    await house.broker.events(kit.opened("Pumps"), engagement="ENG-AAAA")
    await house.broker.events(kit.opened("Valves"), engagement="ENG-BBBB")

    by_text = await house.data('{ engagements(filter: {text: "VALV"}) { edges { node { key } } } }')
    by_stage = await house.data("{ engagements(filter: {stage: DESIGN}) { edges { node { key } } } }")

    assert [edge["node"]["key"] for edge in by_text["engagements"]["edges"]] == ["ENG-BBBB"]
    assert by_stage["engagements"]["edges"] == []


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_page_sizes_out_of_bounds_are_refused(house, first):
    answer = await house.graphql(f"{{ engagements(first: {first}) {{ edges {{ cursor }} }} }}")

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_engagement_answers_to_its_key_its_id_and_as_a_node(house, kit):
    await tell(house, kit, 1)
    identity = (await house.data('{ engagement(id: "ENG-TEST1") { id } }'))["engagement"]["id"]

    both = await house.data(
        """query($id: ID!) {
          engagement(id: $id) { key } node(id: $id) { __typename id ... on Engagement { key } } }""",
        {"id": identity},
    )

    assert both["engagement"]["key"] == "ENG-TEST1"
    assert both["node"] == {"__typename": "Engagement", "id": identity, "key": "ENG-TEST1"}


NOBODYS = [
    ("engagement", '{ found: engagement(id: "ENG-TEST1") { key } }'),
    ("node", '{{ found: node(id: "{}") {{ id }} }}'.format(b64encode(b"Engagement:ENG-TEST1").decode())),
    ("past", '{ found: engagement(id: "ENG-TEST1", asOfCursor: 3) { key } }'),
    ("why", '{ found: why(engagement: "ENG-TEST1", event: "ENG-TEST1/intake/1") { complete } }'),
    ("thread", '{ found: valueThread(engagement: "ENG-TEST1", requirement: "r-1") { requirement } }'),
]


@pytest.mark.parametrize(("_", "query"), NOBODYS, ids=[name for name, _ in NOBODYS])
async def test_another_tenants_engagement_looks_exactly_like_none(house, kit, _, query):
    await tell(house, kit, 1)

    foreign = await house.graphql(query, tenant="other")
    missing = await house.graphql(query.replace("ENG-TEST1", "ENG-NONE9"), tenant="other")

    assert foreign == missing
    assert foreign["data"] == {"found": None}


async def test_another_tenants_timeline_and_list_are_empty(house, kit):
    await tell(house, kit, 1)

    both = await house.data(
        '{ timeline(engagement: "ENG-TEST1") { entries { id } endCursor } engagements { edges { cursor } } }',
        tenant="other",
    )

    assert both == {"timeline": {"entries": [], "endCursor": 0}, "engagements": {"edges": []}}


async def test_the_timeline_pages_in_order_of_arrival_and_filters_by_type(house, kit):
    await tell(house, kit, 2, count=30)
    query = """query($a: Int) { timeline(engagement: "ENG-TEST1", first: 20, after: $a) {
      entries { cursor } endCursor hasMore } }"""

    one = (await house.data(query, {"a": 0}))["timeline"]
    two = (await house.data(query, {"a": one["endCursor"]}))["timeline"]
    opening = await house.data(
        '{ timeline(engagement: "ENG-TEST1", types: ["intake.engagement_opened"]) '
        "{ entries { type service summary traceId causationId actor data } } }"
    )

    assert [e["cursor"] for e in one["entries"] + two["entries"]] == list(range(1, 32))
    assert (one["hasMore"], two["hasMore"]) == (True, False)
    first = opening["timeline"]["entries"][0]
    assert first["summary"].startswith("Engagement opened: ")
    assert first["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert first["data"]["title"] == "New order system"


async def test_the_past_is_the_view_as_it_was(house, kit):
    first = kit.received(kit.opened(), 1).envelope.time
    await house.broker.events(kit.opened(), at=first)
    before = await house.data(
        '{ engagement(id: "ENG-TEST1") { cursor updatedAt stages { state } refusals { rule } } }'
    )
    await house.broker.events(
        *(kit.sample(kind, random.Random(1)) for kind in (intake.PlanProposed, intake.PlanAgreed)),
        at=first + timedelta(hours=1),
    )

    fields = "{ cursor updatedAt stages { state } refusals { rule } }"
    by_cursor = await house.data(f'{{ engagement(id: "ENG-TEST1", asOfCursor: 1) {fields} }}')
    moment = (first + timedelta(minutes=30)).isoformat()
    by_time = await house.data(f'{{ engagement(id: "ENG-TEST1", asOf: "{moment}") {fields} }}')
    too_early = await house.data('{ engagement(id: "ENG-TEST1", asOf: "2020-01-01T00:00:00Z") { key } }')

    assert by_cursor == by_time == before
    assert too_early["engagement"] is None


async def test_a_moment_without_a_zone_is_refused(house):
    answer = await house.graphql('{ engagement(id: "ENG-TEST1", asOf: "2026-01-01T00:00:00") { key } }')

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_why_leads_from_an_event_to_the_command_a_person_gave(house, kit):
    await house.broker.events(kit.opened())
    house.broker.answer = lambda message: [kit.sample(intake.PlanAgreed, random.Random(1))]
    agreed = await house.data(
        'mutation { agreePlan(input: {engagement: "ENG-TEST1", planVersion: 1, agreedBy: "anna"}) '
        "{ ... on Accepted { commandId events { id } } } }",
        roles=["client"],
        actor="anna-berg",
    )
    house.broker.answer = lambda _: ()
    plan = agreed["agreePlan"]["events"][0]["id"]
    await house.broker.events(kit.sample(design.PlanReceived, random.Random(1)), causation=plan)
    drafted = kit.sample(design.ProposalDrafted, random.Random(1))
    await house.broker.events(drafted, causation="ENG-TEST1/design/1:draft")

    chain = await house.data(
        """{ why(engagement: "ENG-TEST1", event: "ENG-TEST1/design/2") {
          complete links { id kind type actor } } }"""
    )

    links = chain["why"]["links"]
    assert chain["why"]["complete"] is True
    assert [link["id"] for link in links] == [
        "ENG-TEST1/design/2",
        "ENG-TEST1/design/1",
        plan,
        agreed["agreePlan"]["commandId"],
    ]
    assert links[-1] == {
        "id": agreed["agreePlan"]["commandId"],
        "kind": "command",
        "type": "intake.agree_plan",
        "actor": "anna-berg",
    }


async def test_the_value_thread_goes_from_a_statement_to_the_outcome(house, kit):
    dice = random.Random(3)
    statement = intake.Statement(id="st-1", session="s-1", speaker="anna", text="Orders take twelve days")
    pain = intake.PainPoint(id="p-1", title="Slow orders", evidence=("st-1",))
    made = kit.sample(intake.RequirementRecorded, dice).requirement
    requirement = made.model_copy(
        update={"id": "r-9", "solves": ("p-1",), "title": "Fast orders", "kpi": None}
    )
    outcome = kit.sample(feedback.OutcomeEvaluated, dice).model_copy(update={"requirement": "r-9"})
    await house.broker.events(
        kit.opened(),
        intake.StatementRecorded(statement=statement),
        intake.PainPointRecorded(pain_point=pain),
        intake.RequirementRecorded(requirement=requirement),
        outcome,
    )

    thread = await house.data(
        """{ valueThread(engagement: "ENG-TEST1", requirement: "r-9") {
          links { stage kind ref title eventId } } }"""
    )
    unknown = await house.data('{ valueThread(engagement: "ENG-TEST1", requirement: "r-0") { requirement } }')

    assert [(one["kind"], one["ref"], one["eventId"]) for one in thread["valueThread"]["links"]] == [
        ("statement", "st-1", "ENG-TEST1/intake/2"),
        ("pain_point", "p-1", "ENG-TEST1/intake/3"),
        ("requirement", "r-9", "ENG-TEST1/intake/4"),
        ("outcome", "r-9", "ENG-TEST1/feedback/1"),
    ]
    assert unknown["valueThread"] is None


async def test_a_view_of_an_older_fold_is_folded_anew_for_the_answer(house, kit):
    await tell(house, kit, 4, count=20)
    right = await house.data('{ engagement(id: "ENG-TEST1") { cursor title } }')
    stored = house.store.views["ENG-TEST1"]
    object.__setattr__(stored, "view_version", 0)
    object.__setattr__(stored, "view", {**stored.view, "title": "as an older fold said"})

    assert await house.data('{ engagement(id: "ENG-TEST1") { cursor title } }') == right
