"""Plays the steps of a playbook, one after the other, as the people and systems of the story."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from runtime.client import ACCEPTED, PENDING, REFUSED, Answer, GatewayClient, Json, refusal_of
from runtime.console import counted
from runtime.dead_letters import DeadLetterList
from runtime.demo.outsider import KafkaOutsider, read_document, read_lines, structured
from runtime.demo.playbook import Acting, Playbook, Step
from runtime.demo.substitution import Unsaved, pick, substitute
from runtime.demo.tracing import Tracing
from runtime.engagement_file import load, opening_commands
from runtime.errors import CommandFailed, Exit

POLL_SECONDS = 0.15
DEAD_LETTER_SECONDS = 30.0
OPENING = Acting(actor="consultant", role="consultant")
OPERATOR = Acting(actor="demo-operator", role="operator")
Tell = Callable[[str, str, str], None]
"""Called once per finished step: stage, title, what happened."""


class StepFailed(Exception):
    """A step did not go as the story says; `lines` say what was waited for or refused."""

    def __init__(self, step: str, *lines: str) -> None:
        super().__init__(step)
        self.step, self.lines = step, lines


@dataclass
class Play:
    """What a play has come to so far."""

    started: datetime
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    engagement: str = ""
    saved: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    expected_dead: list[str] = field(default_factory=list)


class Player:
    """`client_for(actor, role)` gives a client that calls as that person."""

    def __init__(
        self,
        folder: Path,
        playbook: Playbook,
        client_for: Callable[[Acting], GatewayClient],
        kafka: KafkaOutsider | None,
        tracing: Tracing,
        tell: Tell,
        started: datetime,
    ) -> None:
        self._folder, self._playbook, self._client_for = folder, playbook, client_for
        self._kafka, self._tracing, self._tell = kafka, tracing, tell
        self.play = Play(started)

    async def run(self) -> Play:
        """Play everything. Raises StepFailed, or CommandFailed where the files are wrong."""
        await self._open()
        for number, step in enumerate(self._playbook.steps, start=1):
            with self._tracing.span(step.title, self.play.engagement):
                try:
                    what = await self._act(step, number)
                except (Unsaved, CommandFailed) as error:
                    raise StepFailed(step.title, *str(error).splitlines()) from error
            self._tell(step.stage or _stage(step), step.title, what)
        return self.play

    async def _open(self) -> None:
        file = self._folder / self._playbook.engagement
        for number, command in enumerate(opening_commands(load(file))):
            title = f"{command.type} from {file.name}"
            with self._tracing.span(title, self.play.engagement):
                data = command.model_dump(mode="json")
                try:
                    answer = await self._submit(OPENING, command.type, data, f"open-{number}")
                except CommandFailed as error:
                    raise StepFailed(title, *error.lines) from error
                if answer.kind != ACCEPTED:
                    raise StepFailed(title, _unexpected(answer))
                self.play.engagement = self.play.engagement or answer.engagement
                self._tracing.belongs_to(self.play.engagement)
        self._tell("intake", f"The engagement is opened from {file.name}", self.play.engagement)

    async def _act(self, step: Step, number: int) -> str:
        if step.command is not None:
            return await self._command(step, step.command, number)
        if step.wait is not None:
            return await self._wait(step, step.wait)
        if step.publish is not None:
            return await self._publish(step, self._folder / step.publish, number)
        if step.webhook is not None:
            return await self._notify(step, self._folder / step.webhook)
        return await self._publish_raw(step)

    async def _command(self, step: Step, command: str, number: int) -> str:
        data = self._filled(step.data)
        answer = await self._submit(step.acting, command, data, f"step-{number}", step.timeout_seconds)
        if step.refused is not None:
            return _expected_refusal(step, answer)
        if answer.kind != ACCEPTED:
            raise StepFailed(step.title, _unexpected(answer))
        events = answer.data.get("events") or []
        if step.save and events:
            self._save(step, events[0])
        return _described(events[0]) if events else "accepted"

    async def _submit(
        self, acting: Acting, command: str, data: Mapping[str, Any], key: str, timeout_seconds: float = 30
    ) -> Answer:
        return await self._client_for(acting).submit(
            command,
            data,
            engagement=self.play.engagement or None,
            key=f"{self.play.id}-{key}",
            timeout_seconds=timeout_seconds,
            headers=self._tracing.headers(),
        )

    async def _wait(self, step: Step, kind: str) -> str:
        wanted = self._filled(step.where)
        deadline = time.monotonic() + step.timeout_seconds
        while time.monotonic() < deadline:
            after = self.play.seen.get(kind, 0)
            for entry in await self._watcher().timeline(self.play.engagement, after=after, types=[kind]):
                self.play.seen[kind] = entry["cursor"]
                if _matches(entry["data"], wanted):
                    self._save(step, entry)
                    return _described(entry)
            await asyncio.sleep(POLL_SECONDS)
        condition = f" where {wanted}" if wanted else ""
        raise StepFailed(step.title, f"waited {step.timeout_seconds:.0f} s for {kind}{condition}")

    async def _publish(self, step: Step, file: Path, number: int) -> str:
        entries = read_lines(file, self._filled)
        source = f"/examples/{self._folder.name}"
        events = structured(entries, self.play.engagement, source, f"{self.play.id}-{number}")
        if step.via == "kafka":
            if self._kafka is None:
                raise StepFailed(step.title, "there is no Kafka address to publish to")
            await self._kafka.publish(events)
            return f"{counted(len(events), 'event')} over Kafka"
        return await self._post(step, events)

    async def _post(self, step: Step, events: list[Json]) -> str:
        answer = await self._publisher(step).post_events(events, self._tracing.headers())
        return _taken(step, answer, f"{counted(len(events), 'event')} over HTTP")

    async def _notify(self, step: Step, file: Path) -> str:
        notification = read_document(file, self._filled)
        answer = await self._publisher(step).post_alerts(
            notification, self.play.engagement, self._tracing.headers()
        )
        return _taken(
            step, answer, f"{counted(len(notification.get('alerts', ())), 'alert')} over the webhook"
        )

    def _publisher(self, step: Step) -> GatewayClient:
        return self._client_for(step.acting.model_copy(update={"role": "publisher"}))

    async def _publish_raw(self, step: Step) -> str:
        assert step.publish_raw is not None
        if self._kafka is None:
            raise StepFailed(step.title, "there is no Kafka address to publish to")
        letters = DeadLetterList(self._client_for(OPERATOR), since=self.play.started)
        before = {letter["id"] for letter in await letters.all()}
        value = (self._folder / step.publish_raw).read_bytes()
        headers = self._filled(step.headers)
        await self._kafka.publish_raw(step.topic, self.play.engagement, value, headers)
        if step.dead_letter is None:
            return f"{len(value)} bytes on {step.topic}"
        text = step.dead_letter.reason_contains
        deadline = time.monotonic() + DEAD_LETTER_SECONDS
        while time.monotonic() < deadline:
            for letter in await letters.all():
                if letter["id"] not in before and text.lower() in letter["reason"].lower():
                    self.play.expected_dead.append(letter["id"])
                    return f"dead letter: {letter['field']}: {letter['reason']}"
            await asyncio.sleep(POLL_SECONDS)
        raise StepFailed(step.title, f"waited {DEAD_LETTER_SECONDS:.0f} s for a dead letter with {text!r}")

    def _watcher(self) -> GatewayClient:
        return self._client_for(Acting(actor="demo", role="viewer"))

    def _filled(self, data: Any) -> Any:
        known = {"engagement": self.play.engagement, **self.play.saved}
        return substitute(data, self.play.started, known)

    def _save(self, step: Step, entry: Json) -> None:
        for name, path in step.save.items():
            self.play.saved[name] = pick(entry["data"], path)


def _matches(data: Any, wanted: Mapping[str, Any]) -> bool:
    try:
        return all(pick(data, path) == value for path, value in wanted.items())
    except Unsaved:
        return False


def _stage(step: Step) -> str:
    return (step.command or step.wait or "outside").partition(".")[0]


def _described(entry: Json) -> str:
    return str(entry.get("summary") or entry["type"])


def _taken(step: Step, answer: httpx.Response, what: str) -> str:
    """What was taken, or refused where the story says so; anything else fails the step."""
    is_refused = answer.status_code >= httpx.codes.BAD_REQUEST
    if is_refused and step.refused is not None and step.refused.field in answer.text:
        return f"refused: {refusal_of(answer)[0]}"
    if is_refused or step.refused is not None:
        raise StepFailed(step.title, f"the gateway answered {answer.status_code}: {answer.text[:500]}")
    return what


def _expected_refusal(step: Step, answer: Answer) -> str:
    expected = step.refused
    assert expected is not None
    if answer.kind != REFUSED:
        raise StepFailed(step.title, f"expected a refusal of {expected.field}, the answer was {answer.kind}")
    is_right = answer.data["field"] == expected.field and expected.rule in (None, answer.data["rule"])
    if not is_right:
        wanted = f"{expected.field} [{expected.rule or 'any rule'}]"
        raise StepFailed(step.title, f"a refusal of {wanted} was expected, it was: {answer.refusal}")
    return f"refused: {answer.refusal}"


def _unexpected(answer: Answer) -> str:
    if answer.kind == PENDING:
        return f"no answer in time to command {answer.data['commandId']}: {answer.data['message']}"
    return f"refused: {answer.refusal}"


def exit_code(error: StepFailed) -> Exit:
    return Exit.TIMED_OUT if any("waited" in line for line in error.lines) else Exit.FAILED
