"""What the backbone promises about messages, on a real broker and a real database."""

from schemas import intake
from testkit.backbone import Backbone
from testkit.backbone import backbone as make_backbone
from testkit.register import register_service, stakeholder
from testkit.servers import free_port


async def test_a_command_becomes_a_published_event(backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        sent = await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: len(t.messages) == 1)

    [event] = tail.messages
    assert isinstance(event.payload, intake.StakeholderRegistered)
    assert event.envelope.id == "ENG-TEST1/intake/1"
    assert event.envelope.sequence == 1
    assert event.envelope.causation == sent.envelope.id
    assert event.envelope.tenant == "acme"
    assert event.envelope.actor == "tester"


async def test_of_several_addresses_the_first_may_be_dead(backbone: Backbone) -> None:
    alive = backbone.kafka
    both = f"127.0.0.1:{free_port()}, {alive.bootstrap_servers}"
    known = {"profile": alive.profile, "replication_factor": alive.replication_factor}
    async with make_backbone(both, backbone.mongo.url, **known) as by_both:
        async with by_both.running(register_service()), by_both.tail("intake.events") as tail:
            await by_both.send(stakeholder("anna"))
            await tail.until(lambda t: len(t.messages) == 1)


async def test_second_delivery_changes_nothing(backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"), id="one")
        await tail.until(lambda t: len(t.messages) == 1)
        await backbone.send(stakeholder("anna"), id="one")
        await backbone.send(stakeholder("berta"), id="two")
        await tail.until(lambda t: len(t.messages) == 2)

    assert [m.envelope.causation for m in tail.messages] == ["one", "two"]


async def test_a_refusal_is_published_and_leaves_the_state(backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        sent = await backbone.send(stakeholder("refused-rita"))
        await tail.until(lambda t: len(t.messages) == 1)

    [refusal] = tail.messages
    assert isinstance(refusal.payload, intake.CommandRefused)
    assert (refusal.payload.command_id, refusal.payload.field) == (sent.envelope.id, "stakeholder.id")
    assert refusal.payload.rule == "name-is-refused"


async def test_a_command_that_changes_nothing_is_answered(backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"))
        sent = await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: len(t.messages) == 2)

    answer = tail.messages[1].payload
    assert isinstance(answer, intake.CommandHadNoEffect)
    assert answer.command_id == sent.envelope.id


async def test_a_restarted_service_goes_on_where_it_was(backbone: Backbone) -> None:
    async with backbone.tail("intake.events") as tail:
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("anna"))
            await tail.until(lambda t: len(t.messages) == 1)
        await backbone.send(stakeholder("anna"))
        await backbone.send(stakeholder("berta"))
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(t.messages) == 3)

    assert [m.envelope.sequence for m in tail.messages] == [1, 2, 3]
    assert [m.envelope.type.split(".")[1] for m in tail.messages] == [
        "stakeholder_registered",
        "command_had_no_effect",
        "stakeholder_registered",
    ]


async def test_what_was_committed_and_not_published_is_published_before_what_follows(
    backbone: Backbone,
) -> None:
    async with backbone.tail("intake.events") as tail:
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("anna"), id="one")
            await tail.until(lambda t: len(t.messages) == 1)
        # As a crash between commit and publication leaves it: the commit is there, no mark, nothing sent.
        database = backbone.database("intake").db
        await database["heads"].delete_many({})
        commit = await database["commits"].find_one({"version": 1})
        commit.pop("_id")
        lost = {**commit, "version": 2, "causes": ["/lost#lost"]}
        lost["events"] = [{**commit["events"][0], "sequence": 2, "causation": "lost"}]
        await database["commits"].insert_one(lost)
        await backbone.send(stakeholder("berta"), id="three")
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(t.messages) >= 3)

    assert [m.envelope.causation for m in tail.messages] == ["one", "lost", "three"]
    assert [m.envelope.sequence for m in tail.messages] == [1, 2, 3]


async def test_without_a_mark_only_the_last_commit_is_published_again(backbone: Backbone) -> None:
    async with backbone.tail("intake.events") as tail:
        async with backbone.running(register_service()):
            for number, name in enumerate(("anna", "berta"), 1):
                await backbone.send(stakeholder(name))
                await tail.until(lambda t, n=number: len(t.messages) == n)
        await backbone.database("intake").db["heads"].delete_many({})
        await backbone.send(stakeholder("carl"))
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(t.messages) == 4)

    assert [m.envelope.sequence for m in tail.messages] == [1, 2, 2, 3]
    first, again = tail.messages[1:3]
    assert (first.envelope.id, first.envelope.time) == (again.envelope.id, again.envelope.time)
    assert tail.records[1].value == tail.records[2].value


async def test_engagements_do_not_share_state(backbone: Backbone) -> None:
    async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
        await backbone.send(stakeholder("anna"), engagement="ENG-ONE1")
        await backbone.send(stakeholder("anna"), engagement="ENG-TWO2")
        await tail.until(lambda t: len(t.messages) == 2)

    assert {m.envelope.id for m in tail.messages} == {"ENG-ONE1/intake/1", "ENG-TWO2/intake/1"}


async def test_a_foreign_tenant_is_dead_lettered_and_changes_nothing(backbone: Backbone) -> None:
    topics = ("intake.events", "intake.dead")
    async with backbone.running(register_service()), backbone.tail(*topics) as tail:
        await backbone.send(stakeholder("anna"))
        await tail.until(lambda t: len(t.records) == 1)
        await backbone.send(stakeholder("mallory"), tenant="other")
        await backbone.send(stakeholder("berta"))
        await tail.until(lambda t: len(t.records) == 3)

    [dead] = [r for r in tail.records if r.topic == "intake.dead"]
    assert dict(dead.headers)["dl-field"] == b"tenant"
    assert [m.payload.stakeholder.id for m in tail.of(intake.StakeholderRegistered)] == ["anna", "berta"]


async def test_a_foreigner_who_was_refused_first_owns_nothing_even_after_a_restart(
    backbone: Backbone,
) -> None:
    topics = ("intake.events", "intake.dead")
    async with backbone.tail(*topics) as tail:
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("refused"), tenant="other")
            await tail.until(lambda t: len(t.records) == 1)
        async with backbone.running(register_service()):
            await backbone.send(stakeholder("anna"))
            await tail.until(lambda t: len(t.records) == 2)

    assert [(m.envelope.type, m.envelope.tenant) for m in tail.messages] == [
        ("intake.command_refused.v1", "other"),
        ("intake.stakeholder_registered.v1", "acme"),
    ]


async def test_a_long_stream_is_loaded_from_its_snapshot_and_the_rest(backbone: Backbone) -> None:
    async with backbone.tail("intake.events") as tail:
        async with backbone.running(register_service()):
            for number in range(250):
                await backbone.send(stakeholder(f"n{number}"))
            await tail.until(lambda t: len(t.records) == 250)
        database = backbone.database("intake").db
        snapshot = await database["snapshots"].find_one({"_id": "ENG-TEST1"})
        before = await database["commits"].delete_many({"version": {"$lte": snapshot["version"]}})
        await backbone.send(stakeholder("n3"))
        await backbone.send(stakeholder("n999"))
        async with backbone.running(register_service()):
            await tail.until(lambda t: len(t.records) == 252)

    assert before.deleted_count == snapshot["version"]
    assert isinstance(tail.messages[250].payload, intake.CommandHadNoEffect)
    assert [m.envelope.sequence for m in tail.messages] == list(range(1, 253))
