"""JSON logs: one line per record on stdout, with the ids that lead to its trace and its engagement."""

import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
from opentelemetry import trace

from telemetry.context import current_engagement

MESSAGE_LIMIT = 4_000
EXCEPTION_LIMIT = 8_000
FIELD_LIMIT = 500
NOISY = ("uvicorn", "aiokafka", "faststream", "kafka", "pymongo", "urllib3", "httpx", "httpcore", "asyncio")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """`extra={...}` of a call becomes fields of the line; long texts are cut and say so."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": _cut(_message(record), MESSAGE_LIMIT),
        }
        line |= _ids()
        line |= {
            key: _field(value)
            for key, value in vars(record).items()
            if key not in _STANDARD and key not in line
        }
        if record.exc_info:
            line["exception"] = _cut(self.formatException(record.exc_info), EXCEPTION_LIMIT, keep_end=True)
        return orjson.dumps(line).decode()


class Sparingly(logging.Filter):
    """Lets OpenTelemetry's own complaints (exporter down, queue full) through once a minute each.

    They come per batch or per span, and would bury everything else while a collector is away.
    """

    def __init__(self, interval_seconds: float = 60) -> None:
        super().__init__()
        self._interval = interval_seconds
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("opentelemetry."):
            return True
        key = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._last.get(key, -self._interval) < self._interval:
            return False
        self._last[key] = now
        return True


def configure_logs(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send the standard library's logging to `stream` (stdout) as JSON; other handlers of the root go."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(Sparingly())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in NOISY:
        library = logging.getLogger(name)
        library.setLevel(logging.WARNING)
        # Some bring a handler of their own that writes coloured text between our lines.
        library.handlers.clear()
        library.propagate = True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        return f"{record.msg} (log arguments do not fit: {error})"


def _ids() -> dict[str, str]:
    ids: dict[str, str] = {}
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        ids = {
            "trace_id": trace.format_trace_id(span.trace_id),
            "span_id": trace.format_span_id(span.span_id),
        }
    if engagement := current_engagement():
        ids["engagement"] = engagement
    return ids


def _field(value: object) -> object:
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return _cut(str(value), FIELD_LIMIT)


def _cut(text: str, limit: int, *, keep_end: bool = False) -> str:
    # Lone surrogates (undecodable bytes read leniently) would make the JSON encoder fail.
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= limit:
        return text
    dropped = f"[{len(text) - limit} characters cut]"
    return f"{dropped} {text[-limit:]}" if keep_end else f"{text[:limit]} {dropped}"
