"""Who takes and who publishes what: given by whoever may import the services, which schemas may not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas import registry
from schemas.base import Event, Payload

OUTSIDE = "outside systems"
GATEWAY = "gateway"
RETENTION_FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Reader:
    """A service that reacts to an event, and the command it asks itself then (empty: not told)."""

    service: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """`readers`: event name (without version) to its readers; `retention_ms` by topic, -1 for ever."""

    readers: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict)
    retention_ms: Mapping[str, int] = field(default_factory=dict)

    def receivers(self, cls: type[Payload]) -> list[str]:
        """Services that read a message, in the order of the lifecycle; the gateway folds every event."""
        if not issubclass(cls, Event):
            return list(registry.SERVICES) if cls.service() == "operations" else [cls.service()]
        services = {reader.service for reader in self.readers.get(cls.type, ())}
        own = [service for service in registry.SERVICES if service in services]
        return own if cls.service() == "inbound" else [*own, GATEWAY]

    def senders(self, cls: type[Payload]) -> list[str]:
        """Who puts a message on its topic."""
        if cls.service() == "inbound":
            return [OUTSIDE, GATEWAY]
        if issubclass(cls, Event):
            return [cls.service()]
        return [cls.service()] if getattr(cls, "internal", False) else [GATEWAY]
