"""What outsiders of the stories publish: every line is valid, and says what its story needs."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.edge.alertmanager import read_notification
from runtime.engagement_file import load
from schemas import inbound, registry
from schemas.feedback import Stage as SurveyStage
from schemas.feedback import SurveyKind
from schemas.monitoring import Comparison

EXAMPLES = Path(__file__).parents[3] / "examples"
RHEINTAL, CLINIC = EXAMPLES / "rheintal-order-system", EXAMPLES / "harbour-clinic-identity"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Reader = Callable[[Path], Iterator[dict[str, Any]]]
LINES = sorted(file for file in EXAMPLES.rglob("*.jsonl") if file.parent.name != "bad")


@pytest.mark.parametrize("file", LINES, ids=lambda file: f"{file.parts[-3]}/{file.stem}")
def test_every_line_is_a_valid_message_from_outside(file: Path, read_jsonl: Reader) -> None:
    for line in read_jsonl(file):
        cls = registry.payloads()[line["type"]]

        assert issubclass(cls, inbound.Inbound)
        cls.model_validate(line["data"])


def test_the_broken_messages_are_broken_where_their_names_say(read_jsonl: Reader) -> None:
    unknown = next(read_jsonl(RHEINTAL / "bad" / "unknown-type.jsonl"))
    strange = next(read_jsonl(CLINIC / "bad" / "unknown-field.jsonl"))

    with pytest.raises(registry.UnknownType):
        registry.find(unknown["type"])
    with pytest.raises(ValidationError, match="colour"):
        registry.payloads()[strange["type"]].model_validate(strange["data"])
    with pytest.raises(UnicodeDecodeError):
        (RHEINTAL / "bad" / "unreadable.bin").read_text(encoding="utf-8")


def test_every_measure_of_success_is_measured_before_and_after(folder: Path, read_jsonl: Reader) -> None:
    file = load(folder / "engagement.yaml")
    metrics = {r.kpi.metric for r in file.requirements if r.kpi} | (
        {"query_response_ms"} if folder == RHEINTAL else set()
    )

    for name, sign in (("kpi-before", -1), ("kpi-after", 1)):
        series = {m.series: m for m in samples(read_jsonl, folder / "samples" / f"{name}.jsonl")}
        assert set(series) == metrics
        assert all(len(m.points) >= 8 for m in series.values())
        assert all((p.at - START).total_seconds() * sign >= 86_400 for m in series.values() for p in m.points)


def test_one_target_of_each_story_is_missed_and_the_others_are_met(folder: Path, read_jsonl: Reader) -> None:
    file = load(folder / "engagement.yaml")
    after = {m.series: m for m in samples(read_jsonl, folder / "samples" / "kpi-after.jsonl")}

    missed = []
    for requirement in file.requirements:
        if requirement.kpi is not None:
            values = [p.value for p in after[requirement.kpi.metric].points]
            gain = sum(values) / len(values) - requirement.kpi.target
            sign = 1 if requirement.kpi.direction == "increase" else -1
            missed += [requirement.id] if gain * sign < 0 else []

    assert missed == {RHEINTAL: ["R-04"], CLINIC: ["trail"]}[folder]


@pytest.mark.parametrize(
    ("folder", "first", "second"),
    [
        (RHEINTAL, "afternoon-slow", "afternoon-recovered"),
        (CLINIC, "night-slow", "night-recovered"),
    ],
    ids=["rheintal", "clinic"],
)
def test_the_degradation_outlasts_its_rule_and_ends_in_the_second_part(
    folder: Path, first: str, second: str, read_jsonl: Reader
) -> None:
    rule = load(folder / "engagement.yaml").rules[0]
    assert rule.comparison is Comparison.ABOVE
    slow, recovered = (
        [p for m in samples(read_jsonl, folder / "samples" / f"{name}.jsonl") if m.series == rule.series
         for p in m.points]
        for name in (first, second)
    )  # fmt: skip

    calm = max(i for i, point in enumerate(slow) if point.value <= rule.threshold)

    assert (slow[-1].at - slow[calm + 1].at).total_seconds() > rule.for_seconds
    assert calm > len(slow) / 2
    assert recovered[0].at > slow[-1].at
    assert recovered[0].value > rule.threshold
    assert max(p.value for p in recovered[-60:]) < rule.threshold


def test_measurements_name_components_that_design_will_make(folder: Path, read_jsonl: Reader) -> None:
    slots = {n.slot for r in load(folder / "engagement.yaml").requirements for n in r.needs}
    files = [f for f in (folder / "samples").glob("*.jsonl") if f.stem != "unknown-component"]

    assert {m.component for f in files for m in samples(read_jsonl, f)} <= slots


def test_mails_hold_a_reply_a_duplicate_and_an_automatic_one(folder: Path, read_jsonl: Reader) -> None:
    lines = list(read_jsonl(folder / "mails" / "service-desk.jsonl"))
    mails = [inbound.MailReceived.model_validate(line["data"]) for line in lines]
    seen = Counter(mail.message_id for mail in mails)

    assert [n for n in seen.values() if n > 1] == [2]
    assert [m for m in mails if m.in_reply_to and m.in_reply_to in seen]
    assert len([m for m in mails if m.auto_submitted]) == 1


def test_answers_cover_stages_kinds_and_roles(read_jsonl: Reader) -> None:
    lines = list(read_jsonl(RHEINTAL / "surveys" / "satisfaction.jsonl"))
    surveys = [inbound.SurveyAnswered.model_validate(line["data"]).survey for line in lines]

    assert len({s.id for s in surveys}) == len(surveys) == 31
    assert {s.kind for s in surveys} == set(SurveyKind)
    assert {s.stage for s in surveys} == set(SurveyStage)
    assert len({s.respondent_role for s in surveys}) == 5


def test_samples_are_what_their_script_writes(
    tmp_path: Path, load_script: Callable[[Path], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load_script(RHEINTAL / "make_samples.py")
    monkeypatch.setattr(script, "SAMPLES", tmp_path)

    script.main()

    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert written == {name: (RHEINTAL / "samples" / name).read_bytes() for name in written}
    assert len(written) == 4


@pytest.mark.parametrize(("name", "hours"), [("firing", (None, None)), ("resolved", (5, 2))])
def test_alertmanager_tells_of_a_filling_volume_and_a_late_backup(
    name: str, hours: tuple[int | None, ...], resolved: Callable[[Any], Any]
) -> None:
    payload = json.loads((RHEINTAL / "alerts" / f"{name}.json").read_text(encoding="utf-8"))

    alerts = read_notification(resolved(payload), "ENG-TEST1")["ENG-TEST1"].alerts

    assert [(a.name, a.component, a.severity.value, a.firing) for a in alerts] == [
        ("StorageFillingUp", "storage", "warning", name == "firing"),
        ("BackupJobLate", "backup", "critical", name == "firing"),
    ]
    third_day = START + timedelta(days=3)
    assert [a.ends_at for a in alerts] == [h and third_day + timedelta(hours=h) for h in hours]


def test_measures_are_reported_in_the_unit_they_were_agreed_in(folder: Path, read_jsonl: Reader) -> None:
    agreed = {r.kpi.metric: r.kpi.unit for r in load(folder / "engagement.yaml").requirements if r.kpi}
    reported = {
        m.series: m.unit
        for name in ("kpi-before", "kpi-after")
        for m in samples(read_jsonl, folder / "samples" / f"{name}.jsonl")
    }

    assert {metric: reported[metric] for metric in agreed} == agreed


def samples(read_jsonl: Reader, file: Path) -> list[inbound.SamplesTaken]:
    return [inbound.SamplesTaken.model_validate(line["data"]) for line in read_jsonl(file)]
