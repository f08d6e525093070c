"""What can happen to a call that leaves a process, and the plans that say when it does."""

import random
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol


class Fate(Enum):
    """A call's end. The caller of a call that failed never learns which of the three it was."""

    ANSWERED = auto()
    LOST = auto()
    ANSWER_LOST = auto()
    LATE = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()


TROUBLE = (Fate.LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.DIES_BEFORE, Fate.DIES_AFTER)


class Plan(Protocol):
    """Decides the fate of the call with this number, counted from 1 over all processes."""

    def fate(self, number: int, now: float) -> Fate: ...


@dataclass(frozen=True)
class Once:
    """One fault at one call."""

    number: int
    trouble: Fate

    def fate(self, number: int, now: float) -> Fate:
        return self.trouble if number == self.number else Fate.ANSWERED


@dataclass
class Random:
    """Faults at random until `until`; deaths are rarer than lost answers."""

    rng: random.Random
    rate: float
    until: float
    deaths: int = 4
    _weights: tuple[int, ...] = field(default=(3, 3, 2, 1, 1))

    def fate(self, number: int, now: float) -> Fate:
        if now > self.until or self.rng.random() >= self.rate:
            return Fate.ANSWERED
        fate = self.rng.choices(TROUBLE, self._weights)[0]
        if fate in (Fate.DIES_BEFORE, Fate.DIES_AFTER):
            self.deaths -= 1
            return fate if self.deaths >= 0 else Fate.LOST
        return fate
