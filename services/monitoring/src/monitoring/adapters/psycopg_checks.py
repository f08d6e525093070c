"""PostgreSQL checks: log in to the built environment and run a statement."""

from pathlib import Path

import psycopg

from monitoring.adapters.probe_network import ProbeNetwork
from monitoring.adapters.timed import timed
from monitoring.engine.probing import Check
from schemas.monitoring import Probe
from schemas.provisioning import Endpoint


class NoEndpoint(Exception):
    """The probe was defined before there was anything to check."""


class PsycopgChecks:
    """`secrets` is the directory with one file per secret name, holding the password."""

    def __init__(self, network: ProbeNetwork, secrets: Path) -> None:
        self._network = network
        self._secrets = secrets

    async def check(self, probe: Probe) -> Check:
        troubles = (psycopg.Error, NoEndpoint)
        return await timed(lambda: self._query(probe.endpoint), probe.timeout_seconds, troubles)

    async def _query(self, endpoint: Endpoint | None) -> str:
        if endpoint is None:
            raise NoEndpoint("no environment has been built for this probe")
        address = await self._network.address_of(endpoint.host, endpoint.port)
        connection = await psycopg.AsyncConnection.connect(
            host=endpoint.host,
            hostaddr=address,
            port=endpoint.port,
            dbname=endpoint.database,
            user=endpoint.user,
            password=self._password(endpoint.secret),
            application_name="throughline-probe",
            autocommit=True,
        )
        async with connection:
            await connection.execute("SELECT 1")
            version = connection.info.server_version
        return f"{endpoint.database} answers, PostgreSQL {version // 10_000}.{version % 10_000}"

    def _password(self, secret: str) -> str:
        path = self._secrets / secret
        try:
            return path.read_text().strip()
        except FileNotFoundError as error:
            raise NoEndpoint(f"the secret {secret!r} is not there") from error
