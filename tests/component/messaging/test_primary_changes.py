"""A change of the primary in the middle of a commit: nothing is lost, and nothing has its effect twice."""

import re

import pytest

from component.messaging.changing_primary import Change, changing_primary
from schemas import intake
from testkit.backbone import Backbone
from testkit.register import register_service, stakeholder

LOCAL = re.compile(r"mongodb://127\.0\.0\.1:(\d+)/$")


@pytest.mark.parametrize("change", list(Change), ids=lambda change: change.name.lower())
async def test_every_command_has_its_one_commit_and_its_events(backbone: Backbone, change: Change) -> None:
    if (local := LOCAL.match(backbone.mongo.url)) is None:
        pytest.skip("stands before a server of this machine")
    names = [f"name-{number}" for number in range(6)]
    with changing_primary(int(local[1])) as (primary, url):
        backbone.mongo = backbone.mongo.model_copy(update={"url": url})
        async with backbone.running(register_service()), backbone.tail("intake.events") as tail:
            await backbone.send(stakeholder(names[0]))
            await tail.until(lambda t: len(t.messages) == 1)
            primary.coming = change
            for name in names[1:]:
                await backbone.send(stakeholder(name))
            await tail.until(lambda t: t.messages[-1].envelope.sequence == len(names))
        handle = backbone.database("intake")
        commits = await handle.db["commits"].find().sort("version", 1).to_list(None)
        handle.close()

    published = {m.envelope.sequence: m.payload.stakeholder.id for m in tail.of(intake.StakeholderRegistered)}
    assert primary.came == [change]
    assert [published[number] for number in sorted(published)] == names
    assert [event["sequence"] for commit in commits for event in commit["events"]] == [1, 2, 3, 4, 5, 6]
    assert len({cause for commit in commits for cause in commit["causes"]}) == len(names)
