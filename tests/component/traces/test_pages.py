"""The pages: what stands in them, and that nothing is loaded and nothing foreign runs."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson

from telemetry import HttpSettings

Build = Callable[..., dict[str, Any]]
TRACE = "5b8efff798038103d269b633813fc60c"
EVIL = "</script><script>alert(1)</script>"


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = orjson.loads(found[1])
    return data


async def test_the_waterfall_holds_every_span_with_its_attributes(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    await sink.post("/v1/traces", json=request_of(span(1, name="send", kind=4), service="gateway"))
    await sink.post(
        "/v1/traces", json=request_of(span(2, parent=1, at=25, status={"code": 2, "message": "no"}))
    )

    data = data_of((await sink.get(f"/traces/{TRACE}")).text)

    assert (data["title"], data["duration"]) == ("gateway: send", 35_000)
    first, second = data["spans"]
    assert (first["service"], first["kind"], first["start"], first["failed"]) == (
        "gateway",
        "producer",
        0,
        False,
    )
    assert (second["parent"], second["start"], second["duration"]) == (first["id"], 25_000, 10_000)
    assert (second["failed"], second["message"]) == (True, "no")
    assert second["attributes"] == {"engagement.id": "ENG-AAAA"}
    (engagement,) = data["engagements"]
    assert engagement["query"].startswith("http://127.0.0.1:8400/graphql?query=")
    assert "ENG-AAAA" in engagement["query"]


async def test_attributes_cannot_run_as_script(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    hostile = span(1, name=EVIL, attributes={EVIL: EVIL, "engagement.id": EVIL})
    await sink.post("/v1/traces", json=request_of(hostile, service="@@DATA@@" + EVIL))

    waterfall, listing = await sink.get(f"/traces/{TRACE}"), await sink.get("/traces?lone=1")

    assert waterfall.text.count("<script") == 2
    assert data_of(waterfall.text)["spans"][0]["attributes"] == {EVIL: EVIL, "engagement.id": EVIL}
    assert "<script" not in listing.text
    for page in (waterfall, listing):
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_pages_load_nothing(sink: httpx.AsyncClient, span: Build, request_of: Build) -> None:
    await sink.post("/v1/traces", json=request_of(span(1)))

    for path in ("/traces", f"/traces/{TRACE}", "/traces/ffff"):
        page = (await sink.get(path)).text
        assert not re.search(r"<link|<img|<iframe|\bsrc=|@import|url\(", page)


async def test_the_list_shows_newest_first_and_filters_by_engagement(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    other = span(2, trace="b" * 32, at=500, attributes={"engagement.id": "ENG-BBBB"})
    await sink.post("/v1/traces", json=request_of(span(1), other))

    everything = (await sink.get("/traces", params={"lone": "1"})).text
    filtered = (await sink.get("/traces", params={"engagement": "ENG-AAAA", "lone": "1"})).text

    assert 0 < everything.index("b" * 32) < everything.index(TRACE)
    assert TRACE in filtered
    assert "b" * 32 not in filtered


async def test_single_spans_that_went_well_are_not_in_the_way(
    sink: httpx.AsyncClient, span: Build, request_of: Build
) -> None:
    failed = span(2, trace="b" * 32, status={"code": 2})
    await sink.post("/v1/traces", json=request_of(span(1), failed))

    page = (await sink.get("/traces")).text

    assert TRACE not in page
    assert "1 of a single span not shown" in page
    assert "b" * 32 in page


async def test_an_unknown_trace_says_what_may_have_happened(sink: httpx.AsyncClient) -> None:
    page = await sink.get("/traces/<b>")

    assert page.status_code == 404
    assert "No trace &lt;b&gt; here" in page.text


def test_the_process_serves_and_stops_on_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.traces", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        port = orjson.loads(process.stdout.readline())["port"]
        ready = httpx.get(f"http://{HttpSettings().host}:{port}/health/ready", timeout=5)
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)
    finally:
        process.kill()
        process.wait()

    assert (ready.status_code, code) == (200, 0)
    assert time.monotonic() - before < 5
