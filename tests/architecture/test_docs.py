"""What the docs say is so: links and paths lead somewhere, decisions exist, the code accepts the examples."""

import re
import shlex
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from messaging.dead_letters import PREFIX
from messaging.envelope import decode
from schemas import registry
from schemas.inbound import Inbound

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:libs|services|schemas|deploy|tests|docs|examples|scripts)/[\w./{}<>*-]+)`")
# The page about adding a service speaks of files that are not there yet.
IMAGINED = re.compile(r"billing|<|\{|\*")
DECISION = re.compile(r"\bADR[- ]?(\d{4})\b")


def pages() -> Any:
    return pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])


@pages()
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert broken == []


@pages()
def test_every_path_that_is_named_exists(page: Path) -> None:
    named = [path for path in PATH.findall(page.read_text()) if not IMAGINED.search(path)]

    assert [path for path in named if not (ROOT / path).exists()] == []


@pages()
def test_every_fence_is_closed(page: Path) -> None:
    assert page.read_text().count("```") % 2 == 0


def test_decisions_are_numbered_without_gaps_and_listed(root: Path) -> None:
    files = sorted(root.glob("docs/adr/[0-9]*.md"))
    index = (root / "docs/adr/README.md").read_text()

    assert [file.name[:4] for file in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    for file in files:
        title = file.read_text().splitlines()[0]
        assert title.startswith(f"# {file.name[:4]}: ")
        assert f"[{file.name[:4]}]({file.name})" in index
        for section in ("## Context", "## Decision", "## Consequences", "## Alternatives"):
            assert section in file.read_text(), file.name


def test_a_decision_that_code_cites_exists(root: Path, project_files: list[Path]) -> None:
    known = {file.name[:4] for file in root.glob("docs/adr/[0-9]*.md")}
    cited = {
        (str(file.relative_to(root)), number)
        for file in project_files
        if file.suffix == ".py"
        for number in DECISION.findall(file.read_text())
    }

    assert cited
    assert {(file, number) for file, number in cited if number not in known} == set()


@pytest.fixture
def publishing(root: Path) -> str:
    return (root / "docs/how-to/publish-an-event.md").read_text()


def test_the_kcat_example_is_accepted(publishing: str) -> None:
    line = next(line for line in publishing.splitlines() if line.startswith("$ echo"))
    said, sent = (
        shlex.split(line.removeprefix("$ echo ").partition(" | ")[0])[0],
        shlex.split(line.partition(" | ")[2]),
    )
    headers = [tuple(sent[i + 1].split("=", 1)) for i, word in enumerate(sent) if word == "-H"]

    message = decode(
        sent[sent.index("-t") + 1],
        sent[sent.index("-k") + 1].encode(),
        said.encode(),
        [(name, value.encode()) for name, value in headers],
        1_000_000,
    )

    assert message.envelope.type == "inbound.survey_answered.v1"


def test_the_python_example_is_accepted(publishing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Recording:
        def __init__(self, _: dict[str, str]) -> None: ...
        def flush(self) -> None: ...
        def produce(self, topic: str, value: bytes, key: str, headers: dict[str, str]) -> None:
            pairs = [(name, text.encode()) for name, text in headers.items()]
            sent.append(decode(topic, key.encode(), value, pairs, 1_000_000))

    monkeypatch.setattr(confluent_kafka, "Producer", Recording)
    code = publishing.split("```python\n")[1].split("```")[0]
    exec(compile(code, "publish-an-event.md", "exec"), {})

    assert [message.envelope.id for message in sent] == ["csat-8"]


def test_every_inbound_type_is_listed_with_its_topic(publishing: str) -> None:
    for event in registry.events():
        if issubclass(event, Inbound):
            assert f"| `{event.wire_type()}` | `{event.topic()}` |" in publishing


def test_a_metric_that_is_named_exists(metric_names: set[str]) -> None:
    # A bare `throughline_migration` may also be a schema of a database.
    kinds = r"throughline_[a-z_]+_(?:total|seconds|messages|engagements|items|open|up|views|ready)"
    named = {name for page in PAGES for name in re.findall(rf"`({kinds})`", page.read_text())}

    assert named
    assert named - metric_names == set()


def test_the_dead_letter_headers_are_the_ones_written(root: Path) -> None:
    source = (root / "libs/messaging/src/messaging/dead_letters.py").read_text()
    written = set(re.findall(r'^            "(\w+)": ', source, re.MULTILINE))
    told = re.findall(rf"`{PREFIX}(\w+)`", (root / "docs/how-to/handle-dead-letters.md").read_text())

    assert written
    assert set(told) == written
