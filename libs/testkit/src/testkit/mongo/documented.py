"""What MongoDB 7 and 8 document of all that we send: since which version, and on which page of the manual."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from testkit.mongo.features import Feature, Kind

MANUALS: Final = ("7.0", "8.0")
OLDEST: Final = "2.2"
"""The oldest manual that is still published; what it has may be older."""


@dataclass(frozen=True)
class Documented:
    since: str
    page: str
    options: tuple[str, ...] = ()

    def address(self, manual: str) -> str:
        return f"https://www.mongodb.com/docs/v{manual}/reference/{self.page}/"


def _command(name: str, since: str, *options: str) -> Documented:
    return Documented(since, f"command/{name}", options)


COMMANDS: Final = {
    "aggregate": _command("aggregate", OLDEST, "pipeline", "cursor"),
    "count": _command("count", OLDEST),
    "createIndexes": _command("createIndexes", "2.6"),
    "delete": _command("delete", "2.6", "ordered", "q", "limit"),
    "distinct": _command("distinct", OLDEST, "key", "query"),
    "find": _command("find", "3.2", "batchSize", "filter", "limit", "projection", "singleBatch", "sort"),
    "findAndModify": _command("findAndModify", OLDEST, "new", "query", "sort", "update", "upsert"),
    "insert": _command("insert", "2.6", "ordered"),
    "ping": _command("ping", OLDEST),
    "update": _command("update", "2.6", "multi", "ordered", "q", "u", "upsert"),
}
OTHERS: Final = {
    Feature(Kind.QUERY, "$gt"): Documented(OLDEST, "operator/query/gt"),
    Feature(Kind.QUERY, "$gte"): Documented(OLDEST, "operator/query/gte"),
    Feature(Kind.QUERY, "$in"): Documented(OLDEST, "operator/query/in"),
    Feature(Kind.QUERY, "$lt"): Documented(OLDEST, "operator/query/lt"),
    Feature(Kind.QUERY, "$lte"): Documented(OLDEST, "operator/query/lte"),
    Feature(Kind.QUERY, "$not"): Documented(OLDEST, "operator/query/not"),
    Feature(Kind.QUERY, "$or"): Documented(OLDEST, "operator/query/or"),
    Feature(Kind.QUERY, "$regex"): Documented(OLDEST, "operator/query/regex"),
    Feature(Kind.UPDATE, "$inc"): Documented(OLDEST, "operator/update/inc"),
    Feature(Kind.UPDATE, "$max"): Documented("2.6", "operator/update/max"),
    Feature(Kind.UPDATE, "$set"): Documented(OLDEST, "operator/update/set"),
    Feature(Kind.UPDATE, "$setOnInsert"): Documented("2.4", "operator/update/setOnInsert"),
    Feature(Kind.STAGE, "$match"): Documented(OLDEST, "operator/aggregation/match"),
    Feature(Kind.STAGE, "$group"): Documented(OLDEST, "operator/aggregation/group"),
    Feature(Kind.EXPRESSION, "$sum"): Documented(OLDEST, "operator/aggregation/sum"),
    Feature(Kind.INDEX, "key"): Documented(OLDEST, "command/createIndexes"),
    Feature(Kind.INDEX, "name"): Documented(OLDEST, "command/createIndexes"),
    Feature(Kind.INDEX, "unique"): Documented(OLDEST, "command/createIndexes"),
    Feature(Kind.CONCERN, "readConcern level: majority"): Documented("3.2", "read-concern-majority"),
    Feature(Kind.CONCERN, "writeConcern w: majority"): Documented(OLDEST, "write-concern"),
    Feature(Kind.CONCERN, "writeConcern j: true"): Documented(OLDEST, "write-concern"),
}


def features() -> Iterator[Feature]:
    """Everything that may be sent."""
    for name, command in COMMANDS.items():
        yield Feature(Kind.COMMAND, name)
        yield from (Feature(Kind.OPTION, f"{name}.{option}") for option in command.options)
    yield from OTHERS
