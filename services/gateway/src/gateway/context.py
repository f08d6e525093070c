"""What a resolver is given: who asks, and the doors to store, commands and dead letters."""

from dataclasses import dataclass, field
from typing import Any

from strawberry.types import Info

from gateway.auth import Caller
from gateway.commands import CommandDesk
from gateway.dead_letters import Operators
from gateway.hub import Hub
from gateway.ports import Store


@dataclass
class Context:
    """One per request, or per WebSocket: then the caller is known once the connection is initialised."""

    store: Store
    hub: Hub
    desk: CommandDesk
    operators: Operators
    caller: Caller | None = None
    spanned: bool = False
    connection_params: dict[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> Caller:
        """The caller; everything that runs has been authorised before, so there is one."""
        if self.caller is None:
            raise PermissionError("an operation ran without a caller")
        return self.caller


GatewayInfo = Info[Context, None]
