"""Types that several sections use, and the vocabulary's enums as GraphQL enums."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from gateway.graphql.inputs import enum_of
from schemas import design, feedback, intake, migration, monitoring, provisioning

# Registering is enough: annotations name the vocabulary's own classes.
for _enum in (
    intake.StakeholderRole,
    intake.SessionKind,
    intake.QuestionKind,
    intake.Direction,
    intake.Quadrant,
    design.Layer,
    provisioning.StepKind,
    migration.SourceKind,
    migration.AnomalyKind,
    migration.TargetType,
    monitoring.Comparison,
    monitoring.Severity,
    monitoring.ProbeKind,
    monitoring.IncidentState,
    feedback.Channel,
    feedback.SurveyKind,
    feedback.Stage,
    feedback.Verdict,
):
    enum_of(_enum)


@strawberry.enum
class StageState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DONE = "done"


@strawberry.enum
class HealthState(StrEnum):
    OK = "ok"
    ATTENTION = "attention"
    CRITICAL = "critical"
    BLOCKED = "blocked"


@strawberry.interface(description="Anything that can be asked for again by its id.")
class Node:
    id: strawberry.ID


@strawberry.interface(description="How fresh a section is: the last event folded from its service's stream.")
class Section:
    as_of: datetime | None
    sequence: int
    events: int

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return isinstance(value, dict)


@strawberry.type(description="One link of a chain of reasons, ending at the event that shows it.")
class Because:
    kind: str
    ref: str
    event_id: str
    text: str


def value_of(parent: Any, name: str) -> Any:
    """The default resolver: views are dicts in snake_case, results are objects."""
    return parent.get(name) if isinstance(parent, dict) else getattr(parent, name)
