"""The simulation has teeth: each seeded bug is caught, and by a promise that it breaks."""

import pytest

from simulation.mutants import MUTANTS, Mutant
from simulation.world import play

MOST = 120


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_seeded_bug_is_caught(mutant: Mutant) -> None:
    for seed in range(MOST):
        broken = play(mutant.history(seed), mutant.classes()).broken
        if broken is not None:
            assert broken.promise in mutant.caught_by, str(broken)
            return
    pytest.fail(f"{mutant.name} was not caught by {MOST} histories")
