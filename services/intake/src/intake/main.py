"""Constructs the intake service."""

from intake.model import State, decide, evolve
from intake.reactions import REACTIONS
from intake.settings import Settings
from messaging import Service, ServiceApp


def build_app(settings: Settings) -> ServiceApp:
    return ServiceApp(
        Service(name="intake", state=State, decide=decide, evolve=evolve, reactions=REACTIONS), settings
    )
