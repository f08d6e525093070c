"""What migration asks itself when something happens elsewhere."""

from collections.abc import Mapping

from messaging.service import Reaction
from schemas.base import Event
from schemas.migration import AdoptTarget
from schemas.provisioning import EnvironmentReady


def _ready(event: EnvironmentReady) -> AdoptTarget:
    return AdoptTarget(build=event.build, endpoint=event.endpoint, schema_name=event.environment.schemas[0])


REACTIONS: Mapping[type[Event], Reaction] = {EnvironmentReady: _ready}
