"""A YAML document against a model: every fault becomes a complaint with its line."""

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runtime.complaints import explain, where_of
from runtime.yaml_lines import Complaint, Document
from schemas.engagement_file import Path as Where

M = TypeVar("M", bound=BaseModel)


def check(
    model: type[M], data: object, document: Document, prefix: Where, complaints: list[Complaint]
) -> M | None:
    """The model, or None and the complaints added. Unknown keys are faults at every level."""
    try:
        return model.model_validate(data, extra="forbid")
    except ValidationError as error:
        complaints.extend(
            document.complaint(where_of(found, prefix), explain(found, model)) for found in _own(error)
        )
        return None


def _own(error: ValidationError) -> Iterator[ErrorDetails]:
    """Without "too short" about a list that is only short of its items that are wrong themselves."""
    found = error.errors()
    wrong_inside = {one["loc"][:depth] for one in found for depth in range(len(one["loc"]))}
    yield from (one for one in found if one["type"] != "too_short" or one["loc"] not in wrong_inside)
