"""Long work of monitoring: each probe that is defined is checked on its schedule until it is replaced."""

from collections.abc import Mapping
from datetime import UTC, datetime

from messaging import Activity, Again, Work
from monitoring.engine.probing import Check, Tally, count
from monitoring.model.state import State
from monitoring.model.watching import is_current
from monitoring.ports import Checks
from schemas.monitoring import Probe, ProbeDefined, ProbeKind, RecordProbe


def activities(checks: Mapping[ProbeKind, Checks]) -> list[Activity]:
    async def watch(event: ProbeDefined, work: Work) -> Again | None:
        return await run_check(checks[event.probe.kind], event, work)

    # A check never fails the run, only the broker or the database can; no outage of theirs may end a watch.
    return [Activity(on=ProbeDefined, run=watch, max_attempts=1_000_000)]


async def run_check(checks: Checks, event: ProbeDefined, work: Work) -> Again | None:
    """One check, to be run again after the probe's interval; ends when the probe was replaced."""
    state: State = await work.state()
    if not state.watching or not is_current(state.probes.get(event.probe.id), event.generation):
        return None
    tally = Tally.model_validate(work.checkpoint)
    check = await checks.check(event.probe)
    tally, is_due = count(tally, check)
    if is_due:
        # Sent before it is saved: after a crash in between, the same key makes the repetition harmless.
        await work.send(_report(event.probe, tally, check), key=f"report-{tally.reports}")
        tally = tally.next_round()
    await work.save(tally.model_dump())
    return Again(event.probe.interval_seconds)


def _report(probe: Probe, tally: Tally, check: Check) -> RecordProbe:
    return RecordProbe(
        probe=probe.id,
        up=bool(tally.up),
        checked_at=datetime.now(UTC),
        checks=tally.checks,
        failures=tally.failures,
        mean_ms=round(tally.mean_ms, 3),
        detail=check.detail[:8000],
    )
