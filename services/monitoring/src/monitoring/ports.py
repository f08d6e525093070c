"""What monitoring's work needs from outside."""

from typing import Protocol

from monitoring.engine.probing import Check
from schemas.monitoring import Probe


class Checks(Protocol):
    """One kind of check. Trouble with the target is an answer (down, with a reason), not an exception."""

    async def check(self, probe: Probe) -> Check: ...
