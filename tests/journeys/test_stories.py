"""Two engagements from the first interview to the next cycle, through seven processes."""

from typing import Any

import httpx
import pytest

from testkit.stack import Played, RunningStack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

EDGES = {
    ("intake", "design"),
    ("design", "provisioning"),
    ("provisioning", "migration"),
    ("provisioning", "monitoring"),
    ("monitoring", "feedback"),
    ("migration", "feedback"),
    ("intake", "feedback"),
    ("feedback", "intake"),
    ("gateway", "intake"),
    ("gateway", "design"),
    ("gateway", "provisioning"),
    ("gateway", "migration"),
    ("gateway", "monitoring"),
    ("gateway", "feedback"),
    ("intake", "gateway"),
    ("design", "gateway"),
    ("provisioning", "gateway"),
    ("migration", "gateway"),
    ("monitoring", "gateway"),
    ("feedback", "gateway"),
}
"""Every producer -> consumer pair of the system; a new reaction between two services adds its line."""


async def _spans(stack: RunningStack, trace_id: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        answer = (await client.get(f"{stack.state.query_url}/api/v3/traces/{trace_id}")).json()
    found = []
    for resource in answer["result"]["resourceSpans"]:
        attributes = {a["key"]: a["value"] for a in resource["resource"]["attributes"]}
        service = attributes["service.name"]["stringValue"]
        for scope in resource["scopeSpans"]:
            found += [{**span, "service": service} for span in scope["spans"]]
    return found


def _attributes(span: dict[str, Any]) -> dict[str, Any]:
    found = {a["key"]: next(iter(a["value"].values())) for a in span.get("attributes", [])}
    status = found.get("http.response.status_code")
    return {**found, "http.response.status_code": int(status)} if status else found


async def test_the_valve_makers_story_is_one_view_and_one_trace(stack: RunningStack, calm: Played) -> None:
    assert calm.passed, calm.said
    assert "6/6 phases" in calm.verdict
    spans = await _spans(stack, calm.trace_id)
    by_id = {span["spanId"]: span for span in spans}
    parents = [(by_id[s["parentSpanId"]], s) for s in spans if s.get("parentSpanId")]
    crossing = {(p["service"], s["service"]) for p, s in parents if p["service"] != s["service"]}
    assert crossing - {("throughline-cli", "gateway")} >= EDGES
    assert [s["service"] for s in spans if not s.get("parentSpanId")] == ["throughline-cli"]
    without = [s for s in spans if "engagement.id" not in _attributes(s)]
    # A request that was refused at the door belongs to no engagement.
    assert [s["name"] for s in without if _attributes(s).get("http.response.status_code", 200) < 400] == []


async def test_a_quite_different_engagement_runs_on_the_same_stack(stack: RunningStack) -> None:
    played = await stack.play("harbour-clinic-identity")

    assert played.passed, played.said
