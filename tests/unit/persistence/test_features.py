"""What a command uses of MongoDB is found wherever it hides in it."""

from testkit.mongo.features import Feature, Kind, of


def used(command: str, **body: object) -> set[str]:
    return {f"{one.kind}: {one.name}" for one in of(command, {command: "work", "$db": "intake", **body})}


def test_operators_are_found_inside_lists_and_inside_each_other() -> None:
    query = {"$or": [{"due": {"$lt": 1}}, {"tags": {"$elemMatch": {"$in": ["a"]}}}]}

    assert used("find", filter=query, limit=1) == {
        "command: find",
        "option: find.filter",
        "option: find.limit",
        "query operator: $or",
        "query operator: $lt",
        "query operator: $elemMatch",
        "query operator: $in",
    }


def test_an_update_is_taken_apart_and_a_replacement_has_no_operators() -> None:
    changed = {"q": {"_id": 1}, "u": {"$max": {"seen.intake": 3}}, "multi": False, "upsert": True}
    replaced = {"q": {"fence": {"$gt": 1}}, "u": {"at": 1}}

    assert used("update", updates=[changed, replaced], ordered=False) == {
        "command: update",
        "option: update.ordered",
        "option: update.q",
        "option: update.u",
        "option: update.upsert",
        "query operator: $gt",
        "update operator: $max",
    }


def test_stages_and_what_they_hold_are_told_apart() -> None:
    pipeline = [{"$match": {"due": {"$gt": 1}}}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]

    assert used("aggregate", pipeline=pipeline) >= {
        "aggregation stage: $match",
        "query operator: $gt",
        "aggregation stage: $group",
        "aggregation operator: $sum",
    }


def test_options_of_an_index_are_listed_and_a_document_that_is_written_is_no_option() -> None:
    indexes = [{"key": {"due": 1}, "name": "due_1", "expireAfterSeconds": 1}]

    assert Feature(Kind.INDEX, "expireAfterSeconds") in of("createIndexes", {"indexes": indexes})
    assert used("insert", documents=[{"$odd": 1}], lsid={}) == {"command: insert"}


def test_a_concern_is_named_with_its_level() -> None:
    concern = {"w": "majority", "j": True}

    assert used("insert", writeConcern=concern, readConcern={"level": "snapshot"}) == {
        "command: insert",
        "concern: writeConcern w: majority",
        "concern: writeConcern j: true",
        "concern: readConcern level: snapshot",
    }
