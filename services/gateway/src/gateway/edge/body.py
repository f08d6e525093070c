"""Request bodies, read with a limit before anything looks at them."""

from starlette.requests import Request


class BodyRefused(Exception):
    """The body cannot be taken: the HTTP status, a code and a text that is safe to show."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises BodyRefused for one that is too large or compressed."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise BodyRefused(415, "unsupported-encoding", "send the body as it is, without Content-Encoding")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> BodyRefused:
    return BodyRefused(413, "too-large", f"the body is larger than {limit} bytes")
