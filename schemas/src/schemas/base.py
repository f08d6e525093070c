"""What every message has in common: values, events and commands, and how their wire names are formed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-03-01T09:00:00Z")
    return moment


Moment = Annotated[datetime, AfterValidator(_aware)]
"""A point in time with its zone; written as ISO 8601."""
Day = date
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""A short name, unique among its kind inside one engagement, chosen by whoever records the thing."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=8000, strip_whitespace=True)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
"""Money in the engagement's currency; a string in JSON, so no digit is lost."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Rating = Annotated[int, Field(ge=1, le=5)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
EngagementId = Annotated[str, StringConstraints(pattern=r"^ENG-[0-9A-Z]{4,12}$")]
Seconds = Annotated[float, Field(ge=0)]


class Value(BaseModel):
    """A part of a message. Frozen; readers ignore fields they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class Payload(Value):
    """The data of one message. `type` and `version` are its wire name, written nowhere else."""

    type: ClassVar[str]
    version: ClassVar[int] = 1
    kind: ClassVar[str]

    @classmethod
    def service(cls) -> str:
        """The service that publishes the event or takes the command."""
        return cls.type.partition(".")[0]

    @classmethod
    def wire_type(cls) -> str:
        """The CloudEvents `type`: name and version, as in `design.proposal_approved.v1`."""
        return f"{cls.type}.v{cls.version}"

    @classmethod
    def topic(cls) -> str:
        return f"{cls.service()}.{cls.kind}s"

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG003
        """Turn the data of an older version into this one's. Raises LookupError for one it cannot read."""
        raise LookupError(version)


class Event(Payload):
    """Something that happened. Past tense; never changes."""

    kind: ClassVar[str] = "event"


class Command(Payload):
    """Something asked for. Imperative; may be refused. Unknown fields are refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = "command"
    internal: ClassVar[bool] = False
    """True for what a service asks of itself: never taken from outside."""


class CommandRefusal(Event):
    """Base of `<service>.command_refused`: the answer to a command that broke a rule; no state changed."""

    command_id: str
    command_type: str
    code: str
    field: str
    rule: str
    reason: str


class DeliveryOverruled(Event):
    """Base of `<service>.delivery_overruled`: an operator passed over messages of an engagement for good.

    `message_id` was skipped (`operations.skip_blocked`), or what is missing before it was declared lost
    (`operations.declare_lost`); the sequences are those of the upstream that were passed, both included.
    """

    command_id: str
    command_type: str
    message_id: str
    upstream: str | None
    first_sequence: int | None
    last_sequence: int | None
    requested_by: Ref
    reason: Prose


class CommandNoEffect(Event):
    """Base of `<service>.command_had_no_effect`: the command was right and changed nothing."""

    command_id: str
    command_type: str
