"""Intake's rules: what is known of an engagement, what may be asked, what follows."""

from intake.model.deciding import decide
from intake.model.state import State, evolve

__all__ = ["State", "decide", "evolve"]
