"""A real PostgreSQL for the file's tests, a database of its own for each, and a legacy file to move."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from migration import model
from migration.activities import look_over, migrate
from migration.adapters.postgres_targets import PostgresTargets
from migration.adapters.sqlite_sources import SqliteSources
from migration.ports import Targets
from schemas.base import Command, Event
from schemas.design import DatabaseRole, EnvironmentSpec
from schemas.migration import (
    AdoptTarget,
    ApproveMapping,
    MigrationStarted,
    ProfilingRequested,
    RegisterSource,
    Source,
    SourceKind,
)
from schemas.provisioning import Endpoint
from schemas.rules import Context
from testkit.environments import environment
from testkit.scenario import NOON

E = TypeVar("E", bound=Event)
SPEC = EnvironmentSpec(
    component="db",
    database="postgres",
    schemas=("legacy",),
    roles=(DatabaseRole(name="app", login=False, privileges=()),),
)


@dataclass(frozen=True)
class Server:
    endpoint: Endpoint
    secrets: Path

    def connect(self, database: str) -> psycopg.Connection:
        password = (self.secrets / self.endpoint.secret).read_text()
        return psycopg.connect(
            host=self.endpoint.host, port=self.endpoint.port, user=self.endpoint.user, password=password,
            dbname=database, autocommit=True,
        )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    async with environment(SPEC, directory, bare=True) as (endpoint, secrets):
        yield Server(endpoint, secrets)


@dataclass
class Journey:
    """One engagement's migration as the backbone would run it: commands are decided as they are sent, and
    checkpoint, keys and events survive a killed run."""

    directory: Path
    server: Server
    endpoint: Endpoint
    state: Any = field(default_factory=model.State)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    killed_at: str | None = None
    engagement: str = "ENG-TEST1"
    tenant: str = "acme"
    attempt: int = 1

    def sqlite(self, script: str = "") -> sqlite3.Connection:
        connection = sqlite3.connect(self.directory / "legacy.sqlite")
        connection.executescript(script)
        return connection

    def postgres(self) -> psycopg.Connection:
        return self.server.connect(self.endpoint.database)

    def read(self, query: str) -> Sequence[tuple[Any, ...]]:
        with self.postgres() as connection:
            return connection.execute(query.encode()).fetchall()

    def decide(self, command: Command) -> list[Event]:
        context = Context(self.engagement, self.tenant, NOON, "message")
        events = list(model.decide(self.state, command, context))
        for event in events:
            self.state = model.evolve(self.state, event)
        self.events += events
        return events

    async def save(self, checkpoint: Mapping[str, Any]) -> None:
        self.checkpoint = checkpoint

    async def send(self, command: Command, *, key: str) -> None:
        if key not in self.keys:
            self.keys.add(key)
            self.decide(command)
        if key == self.killed_at:
            self.killed_at = None
            raise KeyboardInterrupt

    def last(self, kind: type[E]) -> E:
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def profile(self, *, reject_limit: int = 1000, chunk_rows: int = 100) -> None:
        source = Source(kind=SourceKind.SQLITE, location="legacy.sqlite")
        self.decide(RegisterSource(source=source, reject_limit=reject_limit, chunk_rows=chunk_rows))
        self.decide(AdoptTarget(build=1, endpoint=self.endpoint, schema_name="legacy"))
        await look_over(self.last(ProfilingRequested), self, sources=SqliteSources(self.directory))

    async def run(self, targets: Targets | None = None) -> None:
        """The run in hand, begun or gone on with."""
        event = self.last(MigrationStarted)
        targets = targets or PostgresTargets(self.server.secrets)
        await migrate(event, self, sources=SqliteSources(self.directory), targets=targets)

    def approve(self) -> None:
        self.decide(ApproveMapping(mapping_version=self.state.profilings, approved_by="anna"))

    def next_run(self, command: Command) -> None:
        self.decide(command)
        self.checkpoint, self.keys = {}, set()


@pytest.fixture
def journey(server: Server, tmp_path: Path) -> Journey:
    name = f"d{uuid4().hex}"
    with server.connect("postgres") as connection:
        connection.execute(f'create database "{name}"'.encode())
    with server.connect(name) as connection:
        connection.execute("create schema legacy")
    return Journey(tmp_path, server, server.endpoint.model_copy(update={"database": name}))
