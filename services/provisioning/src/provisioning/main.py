"""Provisioning, put together: the only file that constructs."""

from messaging import Service, ServiceApp
from provisioning.activities import activities
from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.model import State, decide, evolve
from provisioning.reactions import REACTIONS
from provisioning.settings import Settings


def build_app(settings: Settings) -> ServiceApp:
    environments = PostgresEnvironments(settings.build)
    service = Service(
        name="provisioning",
        state=State,
        decide=decide,
        evolve=evolve,
        reactions=REACTIONS,
        activities=activities(environments),
        prepare=environments.resume,
    )
    return ServiceApp(service, settings)
