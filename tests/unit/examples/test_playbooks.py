"""The stories: told to the end by the rules of all six services, with long work and transport left out."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

import design.model
import feedback.model
import intake.model
import migration.model
import monitoring.model
import provisioning.model
from design.engine.drafting import Infeasible, draft
from design.reactions import REACTIONS as DESIGN
from feedback.reactions import REACTIONS as FEEDBACK
from gateway.edge.alertmanager import read_notification
from intake.reactions import REACTIONS as INTAKE
from messaging.envelope import Unreadable, decode
from migration.reactions import REACTIONS as MIGRATION
from monitoring.reactions import REACTIONS as MONITORING
from provisioning.reactions import REACTIONS as PROVISIONING
from runtime.demo.playbook import Playbook, Step, load
from runtime.demo.substitution import Unsaved, pick, substitute
from runtime.engagement_file import load as load_engagement
from runtime.engagement_file import opening_commands
from schemas import registry
from schemas.base import Command, Event
from schemas.design import DraftingRequested, RecordInfeasibility, RecordProposal
from schemas.feedback import ImprovementProposed, OutcomeEvaluated, Stage, TicketOpened
from schemas.migration import (
    ColumnMapping,
    MigrationAborted,
    MigrationCompleted,
    MigrationStarted,
    ProfilingRequested,
    RecordAbort,
    RecordChunk,
    RecordProfile,
    RecordReconciliation,
    TableMapping,
    TargetType,
)
from schemas.migration import (
    Mapping as TablesMapping,
)
from schemas.provisioning import BuildStarted, Endpoint, RecordStepCompleted
from schemas.rules import Context, Refused

EXAMPLES = Path(__file__).parents[3] / "examples"
RHEINTAL, CLINIC = "rheintal-order-system", "harbour-clinic-identity"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ENDPOINT = Endpoint(host="127.0.0.1", port=5432, database="target", user="app_rw", secret="target-app")
DIGEST = "0" * 64
E = TypeVar("E", bound=Event)
SERVICES: Mapping[str, tuple[ModuleType, Mapping[Any, Any]]] = {
    "intake": (intake.model, INTAKE),
    "design": (design.model, DESIGN),
    "provisioning": (provisioning.model, PROVISIONING),
    "migration": (migration.model, MIGRATION),
    "monitoring": (monitoring.model, MONITORING),
    "feedback": (feedback.model, FEEDBACK),
}


@dataclass
class House:
    """All six services, each message delivered at once; long work answers as the real one does."""

    legacy: dict[str, Any]
    states: dict[str, Any] = field(default_factory=lambda: {n: m.State() for n, (m, _) in SERVICES.items()})
    timeline: list[Event] = field(default_factory=list)

    def ask(self, command: Command, actor: str = "system") -> Sequence[Event]:
        """Raises Refused."""
        name = command.service()
        model, _ = SERVICES[name]
        at = START + timedelta(seconds=len(self.timeline))
        context = Context("ENG-TALE", "demo", at, f"msg-{len(self.timeline)}", actor)
        events = model.decide(self.states[name], command, context)
        for event in events:
            self.states[name] = model.evolve(self.states[name], event)
        self.timeline.extend(events)
        for event in events:
            self.deliver(event)
        return list(events)

    def deliver(self, event: Event) -> None:
        for _, reactions in SERVICES.values():
            reaction = reactions.get(type(event))
            command = reaction(event) if reaction else None
            if command is not None:
                self.ask(command)
        for command in self.work(event):
            self.ask(command)

    def work(self, event: Event) -> Iterator[Command]:
        match event:
            case DraftingRequested():
                yield drafted(event)
            case BuildStarted():
                yield from built(event)
            case ProfilingRequested():
                yield RecordProfile(tables=(), anomalies=(), mapping=self.mapping(event))
            case MigrationStarted():
                yield from self.moved(event)

    def mapping(self, event: ProfilingRequested) -> TablesMapping:
        column = ColumnMapping(source="id", target="id", type=TargetType.BIGINT)
        tables = tuple(TableMapping(source=t, target=t, columns=(column,)) for t in self.legacy["tables"])
        return TablesMapping(version=event.mapping_version, schema_name=event.schema_name, tables=tables)

    def moved(self, event: MigrationStarted) -> Iterator[Command]:
        rejected = dict.fromkeys(self.legacy["tables"], 0)
        for defect in self.legacy["defects"]:
            rejected[defect["table"]] += defect["rows"]
        if sum(rejected.values()) > event.reject_limit:
            yield RecordAbort(run=event.run, reason=f"more than {event.reject_limit} rows are rejected")
            return
        for table, rows in self.legacy["tables"].items():
            written = rows - rejected[table]
            yield RecordChunk(run=event.run, table=table, chunk=1, rows_read=rows, rows_written=written,
                              rows_per_second=1.0)  # fmt: skip
        for table, rows in self.legacy["tables"].items():
            yield RecordReconciliation(
                run=event.run, table=table, source_rows=rows, target_rows=rows - rejected[table],
                rejected_rows=rejected[table], source_digest=DIGEST, target_digest=DIGEST,
            )  # fmt: skip


def drafted(event: DraftingRequested) -> Command:
    found = draft(event.order)
    if isinstance(found, Infeasible):
        return RecordInfeasibility(proposal_version=event.order.version, conflicts=found.conflicts)
    return RecordProposal(proposal=found)


def built(event: BuildStarted) -> Iterator[Command]:
    for step in event.steps:
        yield RecordStepCompleted(
            build=event.build, step=step.id, attempt=1, changed=True, duration_ms=1.0, detail="done",
            endpoint=ENDPOINT,
        )  # fmt: skip


@dataclass
class Teller:
    """Tells a playbook to a house, step by step, as the player does to the running system."""

    folder: Path
    playbook: Playbook
    house: House
    saved: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def tell(self) -> House:
        for command in opening_commands(load_engagement(self.folder / self.playbook.engagement)):
            self.house.ask(command, "consultant")
        for step in self.playbook.steps:
            try:
                self.act(step)
            except (Refused, AssertionError, Unsaved, ValidationError) as error:
                raise AssertionError(f"{step.title}: {error!r}") from error
        return self.house

    def act(self, step: Step) -> None:
        if step.command is not None:
            self.command(step, step.command)
        elif step.wait is not None:
            self.wait(step, step.wait)
        elif step.publish is not None:
            self.publish(step, self.folder / step.publish)
        elif step.webhook is not None:
            self.notify(self.folder / step.webhook)
        else:
            assert step.publish_raw is not None
            assert step.dead_letter is not None
            value = (self.folder / step.publish_raw).read_bytes()
            named = substitute(step.headers, START, {"engagement": "ENG-TALE"})
            headers = [(name, text.encode()) for name, text in named.items()]
            with pytest.raises(Unreadable, match=re.escape(step.dead_letter.reason_contains)):
                decode(step.topic, b"ENG-TALE", value, headers, 1_000_000)

    def notify(self, file: Path) -> None:
        notification = substitute(json.loads(file.read_text(encoding="utf-8")), START, self.saved)
        for event in read_notification(notification, "ENG-TALE").values():
            self.house.deliver(event)

    def command(self, step: Step, name: str) -> None:
        kind = registry.payloads()[name]
        command = kind.model_validate(substitute(step.data, START, self.saved), extra="forbid")
        assert isinstance(command, Command)
        assert not command.internal
        if step.refused is not None:
            with pytest.raises(Refused) as refusal:
                self.house.ask(command, step.acting.actor)
            assert (refusal.value.field, refusal.value.rule) == (step.refused.field, step.refused.rule)
            return
        events = self.house.ask(command, step.acting.actor)
        assert events, "the command had no effect"
        self.save(step, events[0])

    def wait(self, step: Step, kind: str) -> None:
        wanted = substitute(step.where, START, self.saved)
        for cursor in range(self.seen.get(kind, 0), len(self.house.timeline)):
            event = self.house.timeline[cursor]
            if event.type == kind:
                self.seen[kind] = cursor + 1
                if all(found(event, path) == value for path, value in wanted.items()):
                    self.save(step, event)
                    return
        raise AssertionError(f"no {kind} where {wanted}")

    def publish(self, step: Step, file: Path) -> None:
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = substitute(json.loads(line), START, self.saved)
            if step.refused is not None:
                with pytest.raises((LookupError, ValidationError), match=step.refused.field):
                    parsed(entry)
                return
            self.house.deliver(parsed(entry))

    def save(self, step: Step, event: Event) -> None:
        for name, path in step.save.items():
            self.saved[name] = pick(event.model_dump(mode="json"), path)


def found(event: Event, path: str) -> Any:
    try:
        return pick(event.model_dump(mode="json"), path)
    except Unsaved:
        return None


def parsed(entry: Mapping[str, Any]) -> Event:
    payloads = registry.payloads()
    kind = payloads[entry["type"]] if entry["type"] in payloads else registry.find(entry["type"])[0]
    payload = kind.model_validate_json(json.dumps(entry["data"]))
    assert isinstance(payload, Event)
    return payload


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory, load_script: Callable[[Path], ModuleType]
) -> Callable[[str], House]:
    known: dict[str, House] = {}

    def tell(name: str) -> House:
        if name not in known:
            folder = EXAMPLES / name
            legacy = load_script(folder / "make_legacy.py").make(tmp_path_factory.mktemp(name) / "l.sqlite")
            known[name] = Teller(folder, load(folder / "playbook.yaml"), House(legacy)).tell()
        return known[name]

    return tell


Told = Callable[[str], House]


def of(house: House, kind: type[E]) -> list[E]:
    return [event for event in house.timeline if isinstance(event, kind)]


def test_the_story_of_the_valve_maker_is_told_to_the_second_cycle(told: Told) -> None:
    house = told(RHEINTAL)

    assert house.timeline[-1].type in ("intake.cycle_opened", "intake.requirement_recorded")
    assert len(of(house, MigrationAborted)) == len(of(house, MigrationCompleted)) == 1
    assert of(house, MigrationCompleted)[0].rows_rejected == house.legacy["defective_rows"]


def test_the_story_of_the_clinic_ends_with_a_measure_turned_down(told: Told) -> None:
    house = told(CLINIC)

    assert house.timeline[-1].type == "feedback.improvement_rejected"
    assert not of(house, MigrationAborted)


@pytest.mark.parametrize(("name", "missed"), [(RHEINTAL, "R-04"), (CLINIC, "trail")])
def test_every_promise_is_kept_but_one_and_that_one_leads_to_a_measure(
    told: Told, name: str, missed: str
) -> None:
    house = told(name)
    verdicts = {outcome.requirement: outcome.verdict.value for outcome in of(house, OutcomeEvaluated)}

    assert {r for r, verdict in verdicts.items() if verdict == "not_shown"} == {missed}
    assert {r for r, verdict in verdicts.items() if verdict == "achieved"} == set(verdicts) - {missed}
    measures = [m.finding for m in of(house, ImprovementProposed) if m.finding.startswith("kpi/")]
    assert measures == [f"kpi/{missed}"]


@pytest.mark.parametrize(("name", "tickets"), [(RHEINTAL, 7), (CLINIC, 2)])
def test_replies_duplicates_and_automatic_mails_open_no_ticket(told: Told, name: str, tickets: int) -> None:
    assert len(of(told(name), TicketOpened)) == tickets


@pytest.mark.parametrize("name", [RHEINTAL, CLINIC])
def test_each_stage_has_its_steps(name: str) -> None:
    playbook = load(EXAMPLES / name / "playbook.yaml")

    assert {step.stage for step in playbook.steps} == {stage.value for stage in Stage}


@pytest.mark.parametrize("name", [RHEINTAL, CLINIC])
def test_titles_fit_the_line_they_are_told_in(name: str) -> None:
    titles = [step.title for step in load(EXAMPLES / name / "playbook.yaml").steps]

    assert [title for title in titles if len(title) > 62] == []


def test_something_goes_wrong_in_every_stage_of_the_first_story() -> None:
    playbook = load(EXAMPLES / RHEINTAL / "playbook.yaml")
    troubles = ("migration.migration_aborted", "monitoring.alert_fired", "provisioning.team_incomplete")

    troubled = {
        step.stage
        for step in playbook.steps
        if step.refused
        or step.dead_letter
        or step.wait in troubles
        or step.where.get("verdict") == "not_shown"
    }
    assert troubled == {stage.value for stage in Stage}
