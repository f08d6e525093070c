"""The check itself: what it refuses, what it tells to do, what it writes."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import intake, registry
from schemas.contracts import check as checking
from schemas.contracts import examples
from schemas.contracts.__main__ import main
from schemas.contracts.check import Broken, check, update
from schemas.contracts.snapshots import current

TYPE = "intake.agree_plan.v1"
AGREED = "intake.plan_agreed.v1"
PAIN = "intake.record_pain_point.v1"
ALL = current()
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module", autouse=True)
def _few_messages() -> Iterator[None]:
    """Three messages tell the same as all of them, in a tenth of the time."""
    few = {cls.type: cls for cls in (intake.AgreePlan, intake.PlanAgreed, intake.RecordPainPoint)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "payloads", lambda: few)
        patch.setattr(checking, "current", models)
        yield


def models() -> dict[str, dict[str, Any]]:
    return {wire_type: copy.deepcopy(ALL[wire_type]) for wire_type in (TYPE, AGREED, PAIN)}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the snapshots and examples of today's models, in a git repository of its own."""
    root = tmp_path_factory.mktemp("contracts")
    git(root, "init", "-q", "-b", "main")
    update(root)
    git(root, "add", ".")
    git(root, "commit", "-qm", "snapshots")
    return root


@pytest.fixture
def root(fresh: Path, tmp_path: Path) -> Path:
    return shutil.copytree(fresh, tmp_path / "schemas")


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Edit], None]:
    """Changes what the models say about TYPE, as if somebody had changed the class."""

    def apply(change: Edit) -> None:
        changed = models()
        change(changed[TYPE])
        monkeypatch.setattr(checking, "current", lambda: changed)

    return apply


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=root, check=True
    )


def add_optional(schema: dict[str, Any]) -> None:
    schema["properties"]["remark"] = {"type": "string", "default": ""}


def remove_required(schema: dict[str, Any]) -> None:
    schema["properties"].pop("agreed_by")
    schema["required"].remove("agreed_by")


def open_(schema: dict[str, Any]) -> None:
    schema["additionalProperties"] = True


def open_with_remark(schema: dict[str, Any]) -> None:
    open_(schema)
    add_optional(schema)


def test_fresh_snapshots_and_examples_agree_with_the_models(root: Path) -> None:
    report = check(root)

    assert report.problems == []
    assert "3 messages compared with main" in report.notes


def test_a_second_update_writes_nothing(root: Path) -> None:
    assert update(root) == []


def test_a_harmless_change_asks_for_an_update(root: Path, edit: Callable[[Edit], None]) -> None:
    edit(add_optional)

    problems = check(root).problems

    assert f"{TYPE}: harmless  data.remark: optional field added" in problems[0]
    assert problems[1:] == [f"{TYPE}: differs from its snapshot, harmlessly. Run `make contracts-update`."]
    assert update(root) == [f"{TYPE}.json"]
    assert check(root).ok


def test_a_breaking_change_asks_for_a_new_version(root: Path, edit: Callable[[Edit], None]) -> None:
    edit(remove_required)

    problems = check(root).problems

    assert f"{TYPE}: BREAKING  data.agreed_by: required field removed" in problems[0]
    assert problems[1].startswith(f"{TYPE}: breaks its version: give the class the next `version`")
    assert problems[2].startswith(f"{TYPE}: since main: BREAKING")


def test_an_update_does_not_write_a_break(root: Path, edit: Callable[[Edit], None]) -> None:
    edit(remove_required)
    before = (root / "snapshots" / f"{TYPE}.json").read_bytes()

    with pytest.raises(Broken, match="required field removed"):
        update(root)

    assert (root / "snapshots" / f"{TYPE}.json").read_bytes() == before


def test_a_break_hidden_by_editing_the_snapshot_is_seen_against_the_base(
    root: Path, edit: Callable[[Edit], None]
) -> None:
    edit(remove_required)
    path = root / "snapshots" / f"{TYPE}.json"
    broken = models()[TYPE]
    remove_required(broken)
    path.write_text(json.dumps(broken), "utf-8")

    (problem,) = check(root).problems

    assert problem.startswith(f"{TYPE}: since main: BREAKING  data.agreed_by")


def test_a_break_of_something_unreleased_is_written_with_its_reason(
    root: Path, edit: Callable[[Edit], None]
) -> None:
    edit(remove_required)

    update(root, unreleased="nothing was published yet")

    assert check(root).ok
    (entry,) = json.loads((root / "snapshots" / "breaks.json").read_text("utf-8"))
    assert (entry["type"], entry["reason"]) == (TYPE, "nothing was published yet")
    edit(lambda schema: schema["properties"].clear())
    assert any("since main" in problem for problem in check(root).problems)


def test_a_removed_message_is_a_break(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = models()
    del left[TYPE]
    monkeypatch.setattr(checking, "current", lambda: left)

    assert any(
        f"{TYPE}: since main: BREAKING  message: removed" in problem for problem in check(root).problems
    )


def test_the_names_a_version_once_had_stay_taken(root: Path, edit: Callable[[Edit], None]) -> None:
    edit(open_with_remark)
    update(root, unreleased="only this test knows it")
    edit(open_)
    update(root)

    snapshot = json.loads((root / "snapshots" / f"{TYPE}.json").read_text("utf-8"))
    assert snapshot["x-retired"] == ["data.remark"]
    edit(open_with_remark)
    assert any("retired name used again" in problem for problem in check(root).problems)


@pytest.mark.parametrize("variant", examples.VARIANTS)
def test_a_missing_example_is_asked_for(root: Path, variant: str) -> None:
    examples.path_of(root, TYPE, variant).unlink()

    assert check(root).problems == [f"{TYPE}: has no {variant} example. Run `make contracts-update`."]


@pytest.mark.parametrize(
    ("wire_type", "variant", "change", "fault"),
    [
        (AGREED, "complete", lambda d: d["requirements"][0].pop("kpi"), "requirements[0].kpi is not set"),
        (AGREED, "complete", lambda d: d["client"].update(sites=[]), "client.sites is empty"),
        (PAIN, "complete", lambda d: d["pain_point"].update(solution_idea=None), "solution_idea is null"),
        (AGREED, "minimal", lambda d: d["client"].update(sites=["x"]), "client.sites is not required"),
        (AGREED, "minimal", lambda d: d.pop("cycle"), "cannot be read any more"),
    ],
)  # fmt: skip
def test_an_example_that_is_not_what_it_says_is_refused(
    root: Path, wire_type: str, variant: str, change: Edit, fault: str
) -> None:
    path = examples.path_of(root, wire_type, variant)
    example = json.loads(path.read_text("utf-8"))
    change(example["data"])
    path.write_text(json.dumps(example), "utf-8")

    (problem,) = check(root).problems

    assert problem.startswith(f"{wire_type}: {variant} example: ")
    assert fault in problem


def test_an_update_completes_an_example_and_changes_nothing_else_in_it(root: Path) -> None:
    path = examples.path_of(root, "intake.plan_agreed.v1", "complete")
    example = json.loads(path.read_text("utf-8"))
    example["data"]["title"] = "Kept for ever"
    del example["data"]["requirements"][1]["kpi"]
    path.write_text(json.dumps(example), "utf-8")

    update(root)

    after = json.loads(path.read_text("utf-8"))["data"]
    assert after["title"] == "Kept for ever"
    assert after["requirements"][1]["kpi"] == after["requirements"][0]["kpi"]
    assert check(root).ok


def test_the_command_line_says_what_is_wrong_and_exits_accordingly(
    root: Path, edit: Callable[[Edit], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(root), "check"]) == 0
    edit(remove_required)
    assert main(["--root", str(root), "check"]) == 1
    assert main(["--root", str(root), "update"]) == 1
    assert "Nothing was written" in capsys.readouterr().out
