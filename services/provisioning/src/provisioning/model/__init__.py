"""The rules of provisioning: what is known of an engagement, what may happen next."""

from provisioning.model.decide import decide
from provisioning.model.state import Phase, State, evolve

__all__ = ["Phase", "State", "decide", "evolve"]
