"""Log lines as machines read them."""

import io
import json
import logging
from typing import Any

import pytest
from opentelemetry.trace import Tracer, format_span_id, format_trace_id

from telemetry import configure_logs, engagement_scope
from telemetry.logs import JsonFormatter


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def only(self) -> dict[str, Any]:
        (line,) = self.all()
        return line


@pytest.fixture
def lines(root_logging: None) -> Lines:
    found = Lines()
    configure_logs("intake", "INFO", found.stream)
    return found


def test_line_says_when_who_and_what(lines: Lines) -> None:
    logging.getLogger("intake.model").info(
        "scored %d requirements", 7, extra={"formula": "weighted", "ms": 1.5}
    )

    line = lines.only()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO", "service": "intake", "logger": "intake.model", "message": "scored 7 requirements",
        "formula": "weighted", "ms": 1.5,
    }  # fmt: skip


def test_line_leads_to_its_trace_and_engagement(lines: Lines, tracer: Tracer) -> None:
    with tracer.start_as_current_span("process") as span, engagement_scope("ENG-AAAA"):
        logging.getLogger("x").info("here")

    line, context = lines.only(), span.get_span_context()
    assert line["trace_id"] == format_trace_id(context.trace_id)
    assert line["span_id"] == format_span_id(context.span_id)
    assert line["engagement"] == "ENG-AAAA"


def test_line_inside_a_span_of_an_engagement_names_it(lines: Lines, tracer: Tracer) -> None:
    with tracer.start_as_current_span("process", attributes={"engagement.id": "ENG-BBBB"}):
        logging.getLogger("x").info("here")

    assert lines.only()["engagement"] == "ENG-BBBB"


def test_exception_stays_on_one_line(lines: Lines) -> None:
    try:
        raise ValueError("no\nnewline")
    except ValueError:
        logging.getLogger("x").exception("failed")

    assert "ValueError: no\nnewline" in lines.only()["exception"]


def test_long_messages_are_cut_and_say_so(lines: Lines) -> None:
    logging.getLogger("x").info("y" * 5_000, extra={"body": "z" * 600})

    line = lines.only()
    assert line["message"] == "y" * 4_000 + " [1000 characters cut]"
    assert line["body"] == "z" * 500 + " [100 characters cut]"


def test_hostile_text_does_not_break_logging(lines: Lines) -> None:
    logging.getLogger("x").info("bad \udcff byte", extra={"number": 2**70, "message_": object})

    line = lines.only()
    assert line["message"] == "bad \\udcff byte"
    assert line["number"] == str(2**70)


def test_arguments_that_do_not_fit_are_told_in_the_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "f.py", 1, "%d rows", ("many",), None)

    assert "%d rows (log arguments do not fit" in json.loads(JsonFormatter("x").format(record))["message"]


def test_libraries_are_quiet_and_our_own_code_is_not(lines: Lines) -> None:
    for name in ("uvicorn.error", "aiokafka.consumer", "faststream", "intake"):
        logging.getLogger(name).info("hello")

    assert [line["logger"] for line in lines.all()] == ["intake"]


def test_a_collector_that_is_away_is_told_once_a_minute(lines: Lines) -> None:
    for _ in range(50):
        logging.getLogger("opentelemetry.exporter").error("Failed to export: %s", "refused")
        logging.getLogger("opentelemetry.sdk").warning("Queue full, dropping Span.")

    assert [line["logger"] for line in lines.all()] == ["opentelemetry.exporter", "opentelemetry.sdk"]
