"""The rules of feedback: what it knows, what may be asked of it, and what follows."""

from feedback.model.deciding import decide
from feedback.model.folding import evolve
from feedback.model.state import State

__all__ = ["State", "decide", "evolve"]
