"""CloudEvents 1.0 over HTTP, read strictly: nothing that is missing is made up.

The public SDK invents a missing id and time, which would break the detection of duplicates.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import unquote

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.commands import sentence
from gateway.edge.negotiation import JSON, media_type
from gateway.edge.problems import Fault, Problem, pointer
from schemas import registry
from schemas.base import Event
from schemas.inbound import Inbound

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
LONGEST_BATCH: Final = 100
_NAME: Final = re.compile(r"^[a-z0-9]{1,20}$")
_BODY: Final = {"data", "data_base64"}

Required = Annotated[str, StringConstraints(min_length=1, max_length=255)]
UriReference = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\s<>\"{}|\\^`]+$")]


class Attributes(BaseModel):
    """The attributes of one event. Others' extensions are allowed, if named as they must be."""

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Annotated[str, StringConstraints(pattern=r"^1\.0$")]
    id: Required
    source: UriReference
    type: Required
    time: AwareDatetime | None = None
    subject: Required | None = None
    engagement: Required | None = None
    datacontenttype: str | None = None
    dataschema: UriReference | None = None
    tenant: Required | None = None
    traceparent: str | None = Field(default=None, max_length=100)
    tracestate: str | None = Field(default=None, max_length=512)


@dataclass(frozen=True)
class Posted:
    """One event as it was posted and found right."""

    attributes: Attributes
    event: Event
    at: str
    """Where in the body it stood: a JSON pointer."""

    @property
    def engagement(self) -> str | None:
        return self.attributes.engagement or self.attributes.subject

    @property
    def time(self) -> datetime | None:
        return self.attributes.time


def read_events(headers: Mapping[str, str], body: bytes) -> list[Posted]:
    """The events of a request in binary, structured or batch mode. Raises Problem, naming all faults."""
    kind, parameters = media_type(headers.get("content-type", ""))
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise Problem(415, "unsupported-media-type", "only UTF-8 is read")
    if kind == STRUCTURED:
        return _checked([("", _object(_json(body), ""))])
    if kind == BATCH:
        return _checked(_batch(_json(body)))
    if kind.startswith("application/cloudevents"):
        raise Problem(
            415, "unsupported-media-type", f"send {STRUCTURED}, {BATCH}, or binary mode with {JSON}"
        )
    if kind != JSON:
        raise Problem(415, "unsupported-media-type", f"the data of an event must be {JSON}")
    return _checked([("", _binary(headers, body))])


def _checked(documents: Iterable[tuple[str, dict[str, Any]]]) -> list[Posted]:
    posted: list[Posted] = []
    faults: list[Fault] = []
    malformed = False
    for at, document in documents:
        try:
            posted.append(_posted(document, at))
        except Problem as problem:
            faults.extend(problem.errors)
            malformed = malformed or problem.status == 400
    if faults:
        # One bad event refuses its whole batch: the sender then knows that nothing was taken.
        detail = f"{len(faults)} thing{'s are' if len(faults) > 1 else ' is'} wrong; nothing was taken"
        raise Problem(400 if malformed else 422, "malformed" if malformed else "schema", detail, faults)
    return posted


def _posted(document: dict[str, Any], at: str) -> Posted:
    attributes = _attributes(document, at)
    if "data_base64" in document:
        raise _wrong(422, f"{at}/data_base64", "unsupported", "data must be JSON")
    if "data" not in document:
        raise _wrong(400, f"{at}/data", "missing", "is missing")
    content = attributes.datacontenttype
    if content is not None and media_type(content)[0] != JSON:
        raise _wrong(422, f"{at}/datacontenttype", "unsupported", f"must be {JSON}")
    return Posted(attributes, _event(attributes.type, document["data"], at), at)


def _attributes(document: dict[str, Any], at: str) -> Attributes:
    given = {name: value for name, value in document.items() if name not in _BODY}
    faults = [_named_wrong(at, name) for name in given if not _NAME.match(name)]
    nested = [name for name, value in given.items() if isinstance(value, dict | list)]
    faults += [Fault(at + pointer(name), "invalid", "must be text, a number or a Boolean") for name in nested]
    if faults:
        raise Problem(400, "malformed", "attributes are wrong", faults)
    try:
        return Attributes.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise Problem(400, "malformed", "attributes are wrong", faults_of(error, at)) from error


def _named_wrong(at: str, name: str) -> Fault:
    return Fault(at + pointer(name[:40]), "invalid", "names of attributes have 1 to 20 of a-z and 0-9")


def _event(wire_type: str, data: Any, at: str) -> Event:
    try:
        kind, _ = registry.find(wire_type)
    except LookupError as error:
        raise _wrong(422, f"{at}/type", "unknown-type", str(error.args[0])[:300]) from error
    if not issubclass(kind, Inbound):
        raise _wrong(422, f"{at}/type", "not-inbound", "only inbound.* events are taken from outside")
    try:
        found = registry.parse(wire_type, orjson.dumps(data))
    except ValidationError as error:
        raise Problem(422, "schema", "the data breaks its schema", faults_of(error, f"{at}/data")) from error
    except LookupError as error:
        raise _wrong(422, f"{at}/type", "unknown-version", str(error.args[0])[:300]) from error
    if not isinstance(found, Event):
        raise TypeError(f"{wire_type} is no event")
    return found


def faults_of(error: ValidationError, at: str) -> list[Fault]:
    """A validation error as faults, without the values that caused them."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        Fault(
            at + pointer(*fault["loc"]),
            fault["type"].replace("_", "-"),
            sentence(fault["type"], fault["msg"]),
        )
        for fault in found
    ]


def _binary(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = {
        name.lower()[3:]: _percent_decoded(name, value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    if not document:
        raise Problem(400, "malformed", "no CloudEvents attributes: send ce-* headers, or structured mode")
    if "datacontenttype" in document:
        fault = Fault("header:ce-datacontenttype", "invalid", "the Content-Type header says it")
        raise Problem(400, "malformed", "attributes are wrong", [fault])
    for name in ("traceparent", "tracestate"):
        document.pop(name, None)
    return {**document, "data": _json(body)}


def _percent_decoded(name: str, value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        fault = Fault(f"header:{name}", "invalid", "is not percent-encoded UTF-8")
        raise Problem(400, "malformed", "attributes are wrong", [fault]) from error


def _batch(found: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(found, list):
        raise _wrong(400, "", "malformed", "a batch is a JSON array")
    if len(found) > LONGEST_BATCH:
        raise Problem(413, "too-large", f"a batch has at most {LONGEST_BATCH} events")
    return [(pointer(place), _object(one, pointer(place))) for place, one in enumerate(found)]


def _object(found: Any, at: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _wrong(400, at, "malformed", "an event is a JSON object")
    return found


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _wrong(400, "", "malformed", "the body is not JSON") from error


def _wrong(status: int, at: str, code: str, detail: str) -> Problem:
    title = "malformed" if status == 400 else "schema"
    return Problem(status, title, detail, [Fault(at, code, detail)])
