"""Feedback as a whole: rules and reactions; it has no long work."""

from feedback.model import State, decide, evolve
from feedback.reactions import REACTIONS
from feedback.settings import Settings
from messaging import Service, ServiceApp


def build_app(settings: Settings) -> ServiceApp:
    service = Service(name="feedback", state=State, decide=decide, evolve=evolve, reactions=REACTIONS)
    return ServiceApp(service, settings)
