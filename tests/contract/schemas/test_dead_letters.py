"""The dead-letter channel as documented is the one that is written."""

import json
from typing import Any, cast

from messaging.dead_letters import DeadLetters
from messaging.producer import Producer
from messaging.stream import Record
from schemas.contracts.snapshots import ROOT


class Written:
    """Takes the place of a producer and keeps the headers."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    async def publish_raw(self, topic: str, key: Any, value: Any, headers: list[tuple[str, bytes]]) -> None:
        self.headers = {name: text.decode() for name, text in headers}


async def test_documented_headers_are_those_that_are_written() -> None:
    written = Written()
    letters = DeadLetters("design", cast(Producer, written))
    record = Record("design.commands", 3, 17, b"ENG-AAAA", b"?", (("ce_type", b"design.nonsense.v1"),))

    await letters.give_up(record, "type", "is not known", "unknown-type")

    document = json.loads((ROOT.parent / "docs" / "reference" / "asyncapi.json").read_text("utf-8"))
    headers = document["components"]["messages"]["dead_letter"]["headers"]
    assert {name for name in written.headers if name.startswith("dl-")} == headers["properties"].keys()
    assert written.headers["dl-status"] in headers["properties"]["dl-status"]["enum"]
