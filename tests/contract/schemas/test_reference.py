"""The generated reference: unchanged, and an AsyncAPI document that holds together."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

from messaging.topics import TOPICS
from schemas import registry
from schemas.contracts.snapshots import ROOT, committed

HOME = ROOT.parent
REFERENCE = HOME / "docs" / "reference"
SERVICES = (*registry.SERVICES, "gateway")


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / "asyncapi.json").read_text("utf-8"))
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def lookup(pointer: str) -> Any:
    node: Any = document()
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that knows the document's own schemas and the snapshots beside it."""
    home = "https://reference.invalid/docs/reference/asyncapi.json"
    resources = [(home, Resource.opaque(document()))]
    return Draft202012Validator(
        {"$id": home, **schema, "components": document()["components"]},
        registry=Registry().with_resources(resources),
    )


def test_reference_is_what_the_code_says() -> None:
    """Where this fails: `make contracts-update`, and look at the difference."""
    done = subprocess.run(
        [sys.executable, "scripts/generate_reference.py", "--check"],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_reference_resolves() -> None:
    for reference in set(references(document())):
        if reference.startswith("#/"):
            assert isinstance(lookup(reference), dict)
        else:
            assert (REFERENCE / reference).resolve().is_file(), reference


def test_every_message_and_topic_is_in_it() -> None:
    found = document()

    assert found["asyncapi"] == "3.0.0"
    assert {topic.name for topic in TOPICS} == found["channels"].keys()
    messages = found["components"]["messages"].keys() - {"dead_letter"}
    assert {cls.wire_type() for cls in registry.payloads().values()} == messages
    placed = [name for channel in found["channels"].values() for name in channel["messages"]]
    assert sorted(name for name in placed if name != "dead_letter") == sorted(messages)


def test_operations_name_messages_of_their_own_channel() -> None:
    for name, operation in document()["operations"].items():
        service, action, topic = name.split(".", 2)
        assert service in SERVICES or service == "gateway"
        assert operation["action"] == action
        assert operation["channel"] == {"$ref": f"#/channels/{topic}"}
        assert operation["messages"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"#/channels/{topic}/messages/")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_sends_and_receives(service: str) -> None:
    operations = document()["operations"]

    for action in ("send", "receive"):
        assert any(name.startswith(f"{service}.{action}.") for name in operations), action


def test_reactions_are_received_from_upstream() -> None:
    receiving = document()["operations"]["provisioning.receive.design.events"]

    assert receiving["messages"] == [
        {"$ref": "#/channels/design.events/messages/design.proposal_approved.v1"}
    ]
    assert receiving["bindings"]["kafka"]["groupId"] == {"const": "provisioning"}


@pytest.mark.parametrize("wire_type", committed(ROOT))
def test_examples_fit_their_headers_payload_and_key(wire_type: str) -> None:
    message = document()["components"]["messages"][wire_type]
    payload = json.loads((REFERENCE / message["payload"]["$ref"]).read_text("utf-8"))

    for example in message["examples"]:
        validator(message["headers"]).validate(example["headers"])
        Draft202012Validator(payload).validate(example["payload"])
        validator(message["bindings"]["kafka"]["key"]).validate(example["headers"]["ce_engagement"])


def test_headers_that_lack_something_are_not_valid() -> None:
    message = document()["components"]["messages"]["design.proposal_approved.v1"]
    headers = message["examples"][0]["headers"]

    for missing in ("ce_id", "ce_type", "ce_sequence", "content-type"):
        assert not validator(message["headers"]).is_valid({k: v for k, v in headers.items() if k != missing})
    assert not validator(message["headers"]).is_valid(headers | {"ce_type": "design.proposal_rejected.v1"})


def headings(path: Path) -> set[str]:
    """Anchors of a page as GitHub makes them."""
    lines = [
        line.lstrip("# ").lower() for line in path.read_text("utf-8").splitlines() if line.startswith("#")
    ]
    return {re.sub(r"[^a-z0-9_ -]", "", line).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", ["events.md", "commands.md"])
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    anchors = {path.name: headings(path) for path in REFERENCE.glob("*.md")}
    links = re.findall(r"\]\(([a-z]*(?:\.md)?)#([^)]+)\)", (REFERENCE / page).read_text("utf-8"))

    assert len(links) > 100
    assert [(file, anchor) for file, anchor in links if anchor not in anchors[file or page]] == []
