"""Writes docs/reference/mongodb.md from what a tour of all our questions sends to the embedded database."""

import asyncio
import sys
from pathlib import Path

from testkit import servers
from testkit.mongo.page import render
from testkit.mongo.tour import tour

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "mongodb.md"


def main() -> None:
    with servers.mongo() as url:
        sent, _ = asyncio.run(tour(url))
    text = render(sent)
    if not PAGE.exists() or PAGE.read_text("utf-8") != text:
        PAGE.write_text(text, "utf-8")
        sys.stdout.write("written: docs/reference/mongodb.md\n")


if __name__ == "__main__":
    main()
