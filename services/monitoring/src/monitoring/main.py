"""Monitoring as a whole: rules, reactions and the probes' adapters."""

from messaging import Service, ServiceApp
from monitoring.activities import activities
from monitoring.adapters.httpx_checks import HttpxChecks
from monitoring.adapters.probe_network import ProbeNetwork
from monitoring.adapters.psycopg_checks import PsycopgChecks
from monitoring.adapters.tcp_checks import TcpChecks
from monitoring.model import State, decider, evolve
from monitoring.ports import Checks
from monitoring.reactions import REACTIONS
from monitoring.settings import Settings
from schemas.monitoring import ProbeKind


def build_app(settings: Settings) -> ServiceApp:
    network = ProbeNetwork(settings.probe_networks)
    checks: dict[ProbeKind, Checks] = {
        ProbeKind.POSTGRES: PsycopgChecks(network, settings.secrets_dir),
        ProbeKind.TCP: TcpChecks(network),
        ProbeKind.HTTP: HttpxChecks(network),
    }
    service = Service(
        name="monitoring",
        state=State,
        decide=decider(settings.probe_networks),
        evolve=evolve,
        reactions=REACTIONS,
        activities=activities(checks),
    )
    return ServiceApp(service, settings)
