"""Given these events, when this command, then these events: tests of rules in the words of the domain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from schemas.base import Command, Event
from schemas.rules import Context, Refused

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ASKED = Context("ENG-TEST1", "acme", NOON, "msg-1", "tester")


@dataclass(frozen=True)
class Scenario:
    """`model` is a service's module with State, decide and evolve."""

    model: ModuleType
    state: Any
    context: Context = ASKED
    outcome: Sequence[Event] | Refused | None = None

    def given(self, *events: Event) -> "Scenario":
        state = self.state
        for event in events:
            state = self.model.evolve(state, event)
        return replace(self, state=state)

    def when(self, command: Command, *, at: datetime = NOON, actor: str = "tester") -> "Scenario":
        context = replace(self.context, at=at, actor=actor)
        try:
            events = tuple(self.model.decide(self.state, command, context))
        except Refused as refusal:
            return replace(self, outcome=refusal)
        return replace(self.given(*events), outcome=events)

    def then(self, *expected: Event) -> "Scenario":
        assert not isinstance(self.outcome, Refused), f"refused: {self.outcome}"
        assert tuple(self.outcome or ()) == expected
        return self

    def then_types(self, *expected: type[Event]) -> "Scenario":
        assert not isinstance(self.outcome, Refused), f"refused: {self.outcome}"
        assert [type(e).__name__ for e in self.outcome or ()] == [t.__name__ for t in expected]
        return self

    def then_nothing(self) -> "Scenario":
        return self.then()

    def then_refused(self, field: str, rule: str) -> "Scenario":
        assert isinstance(self.outcome, Refused), f"not refused: {self.outcome}"
        assert (self.outcome.field, self.outcome.rule) == (field, rule)
        return self

    def last(self, kind: type[Event]) -> Any:
        assert isinstance(self.outcome, tuple), f"refused: {self.outcome}"
        return next(e for e in reversed(self.outcome) if isinstance(e, kind))


def scenario(model: ModuleType) -> Scenario:
    return Scenario(model, model.State())
