"""Environments that are PostgreSQL servers on this machine, one per build."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from provisioning.adapters.postgres_roles import drop_role, ensure_role
from provisioning.adapters.postgres_server import ADMIN, HOST, PostgresServer
from provisioning.adapters.secret_files import SecretFiles
from provisioning.ports import Outcome, StepError, Target
from provisioning.settings import BuildSettings
from schemas.provisioning import Endpoint, Step, StepKind

logger = logging.getLogger(__name__)


class PostgresEnvironments:
    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self._secrets = SecretFiles(settings.secrets_dir.resolve())

    async def carry_out(self, target: Target, step: Step) -> Outcome:
        with _named(step):
            return await asyncio.to_thread(self._build(target).do, step)

    async def undo(self, target: Target, step: Step) -> str:
        with _named(step):
            return await asyncio.to_thread(self._build(target).undo, step)

    async def resume(self) -> None:
        """Start again what was built and is down, as after a restart of the machine, on the ports it had."""
        await asyncio.to_thread(self._resume)

    def _resume(self) -> None:
        for home in sorted(self._settings.data_dir.resolve().glob("*/build-*")):
            server = PostgresServer(home, self._secrets.path(_server_secret(_prefix(home))), self._settings)
            try:
                if server.resume():
                    logger.info("%s runs again on port %d", _prefix(home), server.port)
            except (StepError, OSError) as error:
                logger.warning("%s stays down: %s", _prefix(home), error)

    def _build(self, target: Target) -> "_Build":
        return _Build(target, self._settings, self._secrets)


@contextmanager
def _named(step: Step) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise StepError(f"{step.title}: {str(error).strip() or type(error).__name__}") from error


class _Build:
    """The steps of one build, done and undone; each looks first at what is there."""

    def __init__(self, target: Target, settings: BuildSettings, secrets: SecretFiles) -> None:
        self._spec, self._secrets = target.environment, secrets
        home = settings.data_dir.resolve() / target.engagement / f"build-{target.build}"
        self._prefix = _prefix(home)
        self._secret = _server_secret(self._prefix)
        self._server = PostgresServer(home, secrets.path(self._secret), settings)

    def do(self, step: Step) -> Outcome:
        actions: Mapping[StepKind, Callable[[Step], Outcome]] = {
            StepKind.SERVER: self._start_server,
            StepKind.DATABASE: self._create_database,
            StepKind.SCHEMA: self._create_schema,
            StepKind.ROLE: self._create_role,
            StepKind.HEALTH_CHECK: self._check_health,
        }
        return actions[step.kind](step)

    def undo(self, step: Step) -> str:
        if step.kind is StepKind.HEALTH_CHECK:
            return "a health check leaves nothing behind"
        if step.kind is StepKind.SERVER:
            return self._remove_server()
        if self._server.running_pid() is None:
            return "the server is not running; what was in it goes with its data"
        actions: Mapping[StepKind, Callable[[Step], str]] = {
            StepKind.DATABASE: self._drop_database,
            StepKind.SCHEMA: self._drop_schema,
            StepKind.ROLE: self._drop_role,
        }
        return actions[step.kind](step)

    def _endpoint(self, database: str) -> Endpoint:
        return Endpoint(host=HOST, port=self._server.port, database=database, user=ADMIN, secret=self._secret)

    def _role_secret(self, role: str) -> str:
        # Apart from the server's own, whatever a role is called.
        return f"{self._prefix}-role-{role}"

    def _start_server(self, _: Step) -> Outcome:
        self._secrets.ensure(self._secret)
        initialised = self._server.initialise()
        started = self._server.start()
        detail = f"PostgreSQL listens on {HOST}:{self._server.port}"
        return Outcome(initialised or started, detail, self._endpoint("postgres"))

    def _remove_server(self) -> str:
        stopped = self._server.stop()
        self._server.remove()
        self._secrets.remove(self._secret)
        return "server stopped, data and password removed" if stopped else "data and password removed"

    def _create_database(self, step: Step) -> Outcome:
        endpoint = self._endpoint(step.name)
        with self._server.connect("postgres") as connection:
            if self._has_database(connection, step.name):
                return Outcome(False, f"the database {step.name} is there", endpoint)
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(step.name)))
        return Outcome(True, f"created the database {step.name}", endpoint)

    @staticmethod
    def _has_database(connection: psycopg.Connection, name: str) -> bool:
        found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        return found is not None

    def _drop_database(self, step: Step) -> str:
        with self._server.connect("postgres") as connection:
            name = sql.Identifier(step.name)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        return f"dropped the database {step.name}"

    def _create_schema(self, step: Step) -> Outcome:
        with self._server.connect(self._spec.database) as connection:
            query = "select 1 from pg_namespace where nspname = %s"
            if connection.execute(query, [step.name]).fetchone():
                return Outcome(False, f"the schema {step.name} is there")
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(step.name)))
        return Outcome(True, f"created the schema {step.name}")

    def _drop_schema(self, step: Step) -> str:
        if not self._reachable():
            return "the database is not there, nor is the schema"
        with self._server.connect(self._spec.database) as connection:
            name = sql.Identifier(step.name)
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(name))
        return f"dropped the schema {step.name}"

    def _reachable(self) -> bool:
        with self._server.connect("postgres") as connection:
            return self._has_database(connection, self._spec.database)

    def _create_role(self, step: Step) -> Outcome:
        password = self._secrets.ensure(self._role_secret(step.name)) if step.login else ""
        with self._server.connect(self._spec.database) as connection:
            changed = ensure_role(connection, step, self._spec.schemas, password)
        rights = ", ".join(step.privileges) or "no privileges"
        return Outcome(changed, f"role {step.name}: {rights} on {', '.join(self._spec.schemas)}")

    def _drop_role(self, step: Step) -> str:
        database = self._spec.database if self._reachable() else "postgres"
        with self._server.connect(database) as connection:
            dropped = drop_role(connection, step.name)
        self._secrets.remove(self._role_secret(step.name))
        return f"dropped the role {step.name}" if dropped else f"the role {step.name} was not there"

    def _check_health(self, _: Step) -> Outcome:
        with self._server.connect(self._spec.database) as connection:
            self._check_names(connection)
            milliseconds = _round_trip(connection)
            version = connection.info.parameter_status("server_version")
        for role in self._spec.roles:
            if role.login:
                password = self._secrets.ensure(self._role_secret(role.name))
                self._server.connect(self._spec.database, role.name, password).close()
        inside = f"{len(self._spec.schemas)} schemas, {len(self._spec.roles)} roles"
        detail = f"PostgreSQL {version} on {HOST}:{self._server.port} answers; {inside}; round trip"
        return Outcome(False, f"{detail} {milliseconds:.1f} ms", self._endpoint(self._spec.database))

    def _check_names(self, connection: psycopg.Connection) -> None:
        query = "select nspname from pg_namespace union select rolname from pg_roles"
        there = {name for (name,) in connection.execute(query)}
        wanted = {*self._spec.schemas, *(role.name for role in self._spec.roles)}
        if absent := sorted(wanted - there):
            raise StepError(f"not there: {', '.join(absent)}")


def _prefix(home: Path) -> str:
    """Names a build among all: `ENG-7F3K-build-1`."""
    return f"{home.parent.name}-{home.name}"


def _server_secret(prefix: str) -> str:
    return f"{prefix}-server"


def _round_trip(connection: psycopg.Connection) -> float:
    """Milliseconds to store a value and read it back. Raises StepError when another value comes back."""
    started = time.perf_counter()
    with connection.transaction():
        connection.execute("create temporary table health_check (value text) on commit drop")
        connection.execute("insert into health_check values ('Prüfung ✓')")
        row = connection.execute("select value from health_check").fetchone()
    if row != ("Prüfung ✓",):
        raise StepError("what was stored came back changed")
    return (time.perf_counter() - started) * 1000
