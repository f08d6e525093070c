"""The rules of migration: what is known of an engagement's data, what may happen next."""

from migration.model.decide import decide
from migration.model.state import Phase, State, evolve

__all__ = ["Phase", "State", "decide", "evolve"]
