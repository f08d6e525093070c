"""Refusals of the ingress as RFC 9457 problems that point at what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from starlette.responses import Response

from gateway.edge.tracing import trace_id

MEDIA_TYPE: Final = "application/problem+json"
SHOWN: Final = 50
_TITLES: Final = {
    400: "The request cannot be read",
    401: "Who is asking?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Media type not taken",
    422: "The event breaks its schema",
    503: "Not now",
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `pointer` is a JSON pointer into the body, or `header:<name>`."""

    pointer: str
    code: str
    detail: str


@dataclass
class Problem(Exception):
    """Raised by the ingress; becomes the answer. Nothing of the sender's values is repeated in it."""

    status: int
    code: str
    detail: str
    errors: Sequence[Fault] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, instance: str) -> Response:
        body: dict[str, Any] = {
            "type": f"urn:throughline:problem:{self.code}",
            "title": _TITLES.get(self.status, "Refused"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            shown = self.errors[:SHOWN]
            body["errors"] = [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in shown]
        if found := trace_id():
            body["traceId"] = found
        return Response(orjson.dumps(body), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to a place in the body."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
