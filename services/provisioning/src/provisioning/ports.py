"""What building needs from outside: somewhere to build."""

from dataclasses import dataclass
from typing import Protocol

from schemas.design import EnvironmentSpec
from schemas.provisioning import Endpoint, Step


@dataclass(frozen=True, slots=True)
class Target:
    """One build of one engagement; nothing of it is shared with another build."""

    engagement: str
    build: int
    environment: EnvironmentSpec


@dataclass(frozen=True, slots=True)
class Outcome:
    """`changed` is false where the step found its work already done."""

    changed: bool
    detail: str
    endpoint: Endpoint | None = None


class StepError(Exception):
    """A step did not succeed; the message is for a person and holds no secret."""


class Environments(Protocol):
    async def carry_out(self, target: Target, step: Step) -> Outcome:
        """Do the step, or find that it is done. Raises StepError; may be called again after any failure."""

    async def undo(self, target: Target, step: Step) -> str:
        """Take the step back, whatever is there of it, and say what was done. Raises StepError."""
