"""The rules of monitoring: what it knows, what may be asked of it, and what follows."""

from monitoring.model.deciding import LOOPBACK, decide, decider
from monitoring.model.folding import evolve
from monitoring.model.state import State

__all__ = ["LOOPBACK", "State", "decide", "decider", "evolve"]
