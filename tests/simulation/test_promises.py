"""The backbone keeps its promises in every history: by chance, and with a fault at every single call."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from simulation.faults import TROUBLE, Fate, Once
from simulation.history import (
    contended_history,
    killer_history,
    lost_history,
    random_history,
    short_histories,
    upgrade_history,
)
from simulation.world import Result, play

HISTORIES = int(os.environ.get("HISTORIES", "240"))
SEED = int(os.environ.get("SEED", "0"))
SHORT = sorted(short_histories(Once(0, Fate.LOST)))
CALLS = 50
"""The first calls of a short history; what follows is the same second again and again."""


def _told(seed: object, result: Result) -> str:
    lines = "\n".join(result.trace[-40:])
    return f"{result.broken}\nSEED={seed}\nthe last calls:\n{lines}"


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(8))
def test_no_promise_is_broken_by_chance(part: int) -> None:
    for seed in range(SEED + part, SEED + HISTORIES, 8):
        result = play(random_history(seed))
        assert result.broken is None, _told(seed, result)


@pytest.mark.parametrize("part", range(4))
def test_no_promise_is_broken_when_replicas_try_one_queue(part: int) -> None:
    for seed in range(part * 10, part * 10 + 10):
        result = play(contended_history(seed))
        assert result.broken is None, _told(seed, result)


@pytest.mark.parametrize("part", range(4))
def test_no_promise_is_broken_when_two_releases_run_side_by_side(part: int) -> None:
    for seed in range(part * 15, part * 15 + 15):
        result = play(upgrade_history(seed))
        assert result.broken is None, _told(seed, result)


@pytest.mark.parametrize("part", range(4))
def test_no_promise_is_broken_when_events_are_lost_for_good(part: int) -> None:
    for seed in range(part * 10, part * 10 + 10):
        result = play(lost_history(seed))
        assert result.broken is None, _told(seed, result)


@pytest.mark.parametrize("part", range(2))
def test_no_promise_is_broken_when_work_kills_its_process(part: int) -> None:
    for seed in range(part * 15, part * 15 + 15):
        result = play(killer_history(seed))
        assert result.broken is None, _told(seed, result)


@given(seed=st.integers(min_value=10**6, max_value=10**12))
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
def test_no_promise_is_broken_by_a_history_far_away(seed: int) -> None:
    result = play(random_history(seed))

    assert result.broken is None, _told(seed, result)


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize("name", SHORT)
def test_no_promise_is_broken_by_one_fault_at_any_call(name: str, trouble: Fate) -> None:
    for number in range(1, CALLS + 1):
        result = play(short_histories(Once(number, trouble))[name])
        assert result.broken is None, _told(f"{name}, {trouble.name} at call {number}", result)


def test_a_seed_replays_its_run_call_by_call() -> None:
    once, again = play(random_history(7)), play(random_history(7))

    assert len(once.trace) > 100
    assert once.trace == again.trace
