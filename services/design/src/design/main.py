"""Constructs the design service."""

from design.activities import activities
from design.engine.drafting import draft
from design.model import State, decide, evolve
from design.reactions import REACTIONS
from design.settings import Settings
from messaging import Service, ServiceApp


def build_app(settings: Settings) -> ServiceApp:
    return ServiceApp(
        Service(
            name="design",
            state=State,
            decide=decide,
            evolve=evolve,
            reactions=REACTIONS,
            activities=activities(draft),
        ),
        settings,
    )
