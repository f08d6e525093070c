"""What a play came to: phases, events, dead letters, the trace, and the verdict over all of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from runtime.client import Json
from runtime.console import counted
from runtime.trace_reader import TraceCheck

PHASE_ENDS = {
    "intake": "intake.plan_agreed",
    "design": "design.proposal_approved",
    "provisioning": "provisioning.environment_ready",
    "migration": "migration.migration_completed",
    "monitoring": "monitoring.samples_judged",
    "feedback": "feedback.outcome_evaluated",
}
"""A phase counts as reached when the timeline holds the event that is its purpose."""


@dataclass(frozen=True, kw_only=True)
class Result:
    engagement: str
    timeline: tuple[Json, ...]
    dead_letters: tuple[Json, ...]
    expected_dead: frozenset[str]
    trace: TraceCheck | None
    services: int
    restarts: int = 0

    @property
    def phases(self) -> list[str]:
        seen = {entry["type"] for entry in self.timeline}
        return [phase for phase, end in PHASE_ENDS.items() if end in seen]

    @property
    def faults(self) -> list[str]:
        """Why the play is not a success; empty when it is."""
        missing = [phase for phase in PHASE_ENDS if phase not in self.phases]
        surprises = [letter for letter in self.dead_letters if letter["id"] not in self.expected_dead]
        found = [f"{phase} was not completed" for phase in missing]
        found += [f"unexpected dead letter in {s['service']}: {s['field']}: {s['reason']}" for s in surprises]
        # What a killed process had not exported yet is gone with it: then a gap says nothing about the code.
        if self.trace is not None and self.trace.missing and not self.restarts:
            found.append(f"the trace is not complete: {self.trace.missing}")
        return found

    @property
    def verdict(self) -> str:
        """One line; the last one of a demo that nobody watches."""
        word = "failed" if self.faults else "ok"
        return (
            f"demo {word}: {len(self.phases)}/{len(PHASE_ENDS)} phases, {len(self.timeline)} events, "
            f"{counted(len(self.dead_letters), 'dead letter')} (expected {len(self.expected_dead)}), "
            f"{self._traced}"
        )

    @property
    def _traced(self) -> str:
        if self.trace is None:
            return "not traced"
        word = "incomplete" if self.trace.missing else "complete"
        lost = f", {self.restarts} restarts" if self.restarts else ""
        return f"trace {word} ({self.trace.spans} spans, {self.services} services{lost})"


def refusals(timeline: Iterable[Json]) -> int:
    return sum(1 for entry in timeline if entry["type"].endswith(".command_refused"))
