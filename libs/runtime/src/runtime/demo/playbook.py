"""What the people of a story do after its engagement file was handed in: the format of playbook.yaml."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.checking import check
from runtime.errors import CommandFailed, Exit
from runtime.yaml_lines import Complaint, read


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Acting(_Part):
    actor: str
    role: str = "consultant"


class Refusal(_Part):
    """A refusal that belongs to the story: the field and, if given, the rule that must be named."""

    field: str
    rule: str | None = None


class DeadLetter(_Part):
    reason_contains: str = ""


class Preparation(_Part):
    """A Python script beside the playbook, run with `--out PATH`; its output lands in the data directory."""

    script: str
    creates: str


ACTIONS = ("command", "wait", "publish", "publish_raw", "webhook")
FILES = ("publish", "publish_raw", "webhook")


class Step(_Part):
    """Exactly one of ACTIONS; the rest belongs to it."""

    title: str
    stage: str = ""
    command: str | None = None
    acting: Acting = Field(default=Acting(actor="demo"), alias="as")
    data: dict[str, Any] = {}
    refused: Refusal | None = None
    wait: str | None = None
    timeout_seconds: float = Field(default=60, gt=0)
    where: dict[str, Any] = {}
    save: dict[str, str] = {}
    publish: str | None = None
    via: Literal["kafka", "http"] = "http"
    webhook: str | None = None
    publish_raw: str | None = None
    topic: str = "inbound.events"
    headers: dict[str, str] = {}
    dead_letter: DeadLetter | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        if sum(getattr(self, action) is not None for action in ACTIONS) != 1:
            raise ValueError(f"a step needs exactly one of {', '.join(ACTIONS)}")
        if self.headers and self.publish_raw is None:
            raise ValueError("headers belong to publish_raw")
        return self


class Playbook(_Part):
    engagement: str
    prepare: tuple[Preparation, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1)


def load(file: Path) -> Playbook:
    """Raises CommandFailed (65) with every complaint and its line."""
    document = read(file)
    complaints: list[Complaint] = list(document.duplicates)
    playbook = check(Playbook, document.data, document, (), complaints)
    if playbook is not None:
        for i, step in enumerate(playbook.steps):
            for name in FILES:
                beside = getattr(step, name)
                if beside is not None and not (file.parent / beside).is_file():
                    complaints.append(document.complaint(("steps", i, name), f"no file {beside!r} here"))
    if complaints or playbook is None:
        raise CommandFailed(Exit.BAD_DATA, *(message for _, message in sorted(complaints)))
    return playbook
