"""What pydantic found wrong, in words for the person who wrote the file."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from schemas.engagement_file import Path as Where

_BOUNDS = {
    "less_than_equal": ("<=", "le"),
    "less_than": ("<", "lt"),
    "greater_than_equal": (">=", "ge"),
    "greater_than": (">", "gt"),
}


def explain(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One sentence without the field's name: it comes before."""
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return _unknown(error["loc"], model)
    if kind in _BOUNDS:
        sign, limit = _BOUNDS[kind]
        return f"must be {sign} {context[limit]}, got {_show(given)}"
    if kind == "enum":
        return f"must be one of {_listed(context['expected'])}; got {_show(given)}"
    if kind == "string_pattern_mismatch":
        return f"{_show(given)} does not look like {context['pattern']}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{message[:1].lower()}{message[1:]}, got {_show(given)}"


def _unknown(where: Sequence[str | int], model: type[BaseModel]) -> str:
    known = list(_fields(where[:-1], model))
    close = get_close_matches(str(where[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return f"is not a known key; {hint}"


def _fields(where: Iterable[str | int], model: type[BaseModel]) -> Iterable[str]:
    for part in where:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _listed(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")


def _show(given: Any) -> str:
    text = json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def where_of(error: ErrorDetails, prefix: Where = ()) -> Where:
    return (*prefix, *error["loc"])
