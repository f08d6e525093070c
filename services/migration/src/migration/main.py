"""Migration, put together: the only file that constructs."""

from messaging import Service, ServiceApp
from migration.activities import activities
from migration.adapters.postgres_targets import PostgresTargets
from migration.adapters.sqlite_sources import SqliteSources
from migration.model import State, decide, evolve
from migration.reactions import REACTIONS
from migration.settings import Settings


def build_app(settings: Settings) -> ServiceApp:
    sources = SqliteSources(settings.migration.data_dir)
    targets = PostgresTargets(settings.migration.secrets_dir)
    service = Service(
        name="migration",
        state=State,
        decide=decide,
        evolve=evolve,
        reactions=REACTIONS,
        activities=activities(sources, targets),
    )
    return ServiceApp(service, settings)
