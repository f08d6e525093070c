"""Design's rules: when a proposal is drafted, and how the client confirms it."""

from design.model.deciding import decide
from design.model.digest import content_digest
from design.model.state import State, evolve

__all__ = ["State", "content_digest", "decide", "evolve"]
