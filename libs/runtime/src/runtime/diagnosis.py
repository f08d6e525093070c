"""What is wrong with a running stack, by the same numbers and limits as the alerts; each with its way out."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from runtime import health
from runtime.finding import Finding
from runtime.layout import Layout
from runtime.ports import HOST, owner_of
from runtime.servers import SERVERS
from runtime.state import RunState

RUNBOOKS: Final = "docs/runbooks"
SCRAPE_SECONDS: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """Something is wrong with a service when its `metric` is above `limit`; `alert` fires for the same."""

    name: str
    alert: str
    metric: str
    limit: float
    says: str
    first: str
    runbook: str
    well: str
    kind: str = ""


SYMPTOMS: Final = (
    Symptom(
        name="lag", alert="ThroughlineConsumerLag", metric="throughline_consumer_lag_messages", limit=1000,
        says="{value:.0f} messages behind", first="throughline lag", runbook="lag",
        well="at most {value:.0f} messages behind",
    ),
    Symptom(
        name="batches", alert="ThroughlineBatchStuck", metric="throughline_batch_in_hand_seconds", limit=60,
        says="one batch in hand for {value:.0f} s", first="throughline logs {service}", runbook="lag",
        well="none is stuck",
    ),
    Symptom(
        name="outbox", alert="ThroughlineOutboxOld", metric="throughline_outbox_oldest_seconds", limit=30,
        says="an event unpublished for {value:.0f} s", first="throughline ps", runbook="outbox-age",
        well="nothing waits to be published",
    ),
    Symptom(
        name="blocked", alert="ThroughlineEngagementBlocked", metric="throughline_blocked_engagements",
        limit=0, says="{value:.0f} blocked", first="throughline blocked list", runbook="blocked-engagement",
        well="no engagement is",
    ),
    Symptom(
        name="gaps", alert="ThroughlineGapOpen", metric="throughline_waiting_messages", kind="gap", limit=0,
        says="{value:.0f} messages wait for an earlier one", first="throughline blocked list",
        runbook="blocked-engagement",
        well="no message waits for an earlier one",
    ),
    Symptom(
        name="letters", alert="ThroughlineDeadLettersOpen", metric="throughline_dead_letters_open", limit=0,
        says="{value:.0f} open", first="throughline dlq list --status OPEN", runbook="dead-letters",
        well="none is open",
    ),
    Symptom(
        name="work", alert="ThroughlineWorkOverdue", metric="throughline_work_overdue_seconds", limit=60,
        says="work due for {value:.0f} s", first="throughline work list --wrong", runbook="failed-activity",
        well="none is overdue",
    ),
    Symptom(
        name="views", alert="ThroughlineViewsOutdated", metric="throughline_gateway_views", kind="outdated",
        limit=0, says="{value:.0f} outdated", first="throughline views check", runbook="rebuild",
        well="all are current",
    ),
)  # fmt: skip

Numbers = Mapping[tuple[str, str, str], float]
"""(metric, kind, service) to its value, summed over what else tells its series apart."""


async def diagnose(state: RunState, layout: Layout) -> list[Finding]:
    """Everything there is to say about a running stack."""
    faults, numbers = await health.check(state), await _numbers(state)
    owners = await asyncio.to_thread(lambda: list(_strangers(state)))
    return [_supervisor(state, layout), *_processes(faults), *owners, *judge(numbers)]


def _supervisor(state: RunState, layout: Layout) -> Finding:
    if layout.is_supervised():
        return Finding(
            "stack", "passed", f"running on {state.base_port}, supervised by pid {state.supervisor}"
        )
    detail = f"its supervisor (pid {state.supervisor}) is gone, so nothing is started again"
    return Finding("stack", "failed", detail, "throughline up", f"{RUNBOOKS}/service-not-ready.md")


def _processes(faults: Mapping[str, str]) -> Iterator[Finding]:
    ill = {name: fault for name, fault in faults.items() if fault}
    if not ill:
        yield Finding("processes", "passed", f"all {len(faults)} are ready")
    servers = {name: fault for name, fault in ill.items() if name in SERVERS}
    if servers and len(servers) < len(ill):
        waiting = " ".join(name for name in ill if name not in servers)
        yield Finding("processes", "failed", f"not ready either: {waiting}", "mend the server first")
    for name, fault in (servers or ill).items():
        runbook = {"kafka": "broker-down", "mongo": "database-down"}.get(name, "service-not-ready")
        first = f"throughline logs {name}"
        yield Finding("processes", "failed", f"{name}: {fault}", first, f"{RUNBOOKS}/{runbook}.md")


def _strangers(state: RunState) -> Iterator[Finding]:
    """A port of ours that somebody else answers on: readiness may look good and be somebody else's."""
    for name, port in state.ports.items():
        owner = owner_of(port)
        if owner is not None and name in state.pids and owner.pid != state.pids[name]:
            detail = f"{port} ({name}) belongs to {owner}, not to pid {state.pids[name]}"
            yield Finding("ports", "failed", detail, "throughline ps", f"{RUNBOOKS}/service-not-ready.md")


def judge(numbers: Numbers) -> Iterator[Finding]:
    """One finding per symptom and service that has it; one for a symptom that nobody has."""
    for symptom in SYMPTOMS:
        ours = {
            service: value
            for (metric, kind, service), value in numbers.items()
            if metric == symptom.metric and kind == symptom.kind
        }
        over = {service: value for service, value in ours.items() if value > symptom.limit}
        for service, value in sorted(over.items()):
            yield _finding(symptom, service, value)
        if not over:
            yield _well(symptom, ours)


def _finding(symptom: Symptom, service: str, value: float) -> Finding:
    detail = f"{service}: {symptom.says.format(value=value)}"
    first = symptom.first.format(service=service)
    return Finding(symptom.name, "failed", detail, first, f"{RUNBOOKS}/{symptom.runbook}.md")


def _well(symptom: Symptom, ours: Mapping[str, float]) -> Finding:
    # The gateway names a letter's service only where there are letters.
    if not ours and symptom.metric != "throughline_dead_letters_open":
        return Finding(
            symptom.name, "warning", "nobody tells: no service answers its /metrics", "throughline ps"
        )
    return Finding(symptom.name, "passed", symptom.well.format(value=max(ours.values(), default=0)))


async def _numbers(state: RunState) -> Numbers:
    ports = [port for name, port in state.ports.items() if name not in SERVERS]
    async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_SECONDS) as client:
        pages = await asyncio.gather(*(_scrape(client, port) for port in ports))
    return numbers_in("".join(pages))


async def _scrape(client: httpx.AsyncClient, port: int) -> str:
    try:
        answer = await client.get(f"http://{HOST}:{port}/metrics")
    except httpx.HTTPError:
        return ""
    return answer.text if answer.status_code == httpx.codes.OK else ""


def numbers_in(text: str) -> Numbers:
    found: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    wanted = {symptom.metric for symptom in SYMPTOMS}
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name in wanted else ():
            kind = sample.labels.get("kind") or sample.labels.get("state") or ""
            found[sample.name, kind, sample.labels.get("service", "gateway")] += sample.value
    return found
