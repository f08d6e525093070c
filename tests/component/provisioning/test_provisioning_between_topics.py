"""The whole service between its topics: an approved proposal in, a PostgreSQL server that answers out."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.engine import plan
from provisioning.main import build_app
from provisioning.ports import Target
from provisioning.settings import BuildSettings, Settings
from schemas.design import DatabaseRole, EnvironmentSpec, Proposal, ProposalApproved, Task
from schemas.provisioning import (
    BuildStarted,
    CommandRefused,
    Endpoint,
    EnvironmentReady,
    HoldKickoff,
    OfferPeople,
    Person,
    StepCompleted,
    StepFailed,
    TeamFormed,
    TeamIncomplete,
)
from telemetry import HttpSettings, TelemetrySettings
from testkit.backbone import ENGAGEMENT, Backbone, Tail
from testkit.servers import free_port

DAY = date(2026, 3, 2)
SPEC = EnvironmentSpec(
    component="db",
    database="orders",
    schemas=("shop",),
    roles=(DatabaseRole(name="app", login=True, privileges=("usage", "select")),),
)
TASK = Task(
    id="t", title="Install", role="dba", days=3, start_day=0, finish_day=3, start_on=DAY, finish_on=DAY,
    critical=True,
)  # fmt: skip
PROPOSAL = Proposal(
    version=1, cycle=1, currency="EUR", budget=Decimal(10), total_cost=Decimal(5), total_value=1.0,
    optimal=True, selections=(), components=(), connections=(), tasks=(TASK,), team={"dba": 1},
    makespan_days=3, finish_on=DAY, risks=(), coverage=(), environment=SPEC,
)  # fmt: skip
DORA = Person(id="dora", name="Dora", roles=("dba",), available_days=5)


@pytest.fixture
async def events(backbone: Backbone) -> AsyncIterator[Tail]:
    async with backbone.tail("provisioning.events") as tail:
        yield tail


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[BuildSettings]:
    settings = BuildSettings(data_dir=tmp_path / "data", secrets_dir=tmp_path / "secrets")
    yield settings
    target = Target(ENGAGEMENT, 1, SPEC)
    await PostgresEnvironments(settings).undo(target, plan.steps(SPEC)[0])


def settings_of(backbone: Backbone, build: BuildSettings) -> Settings:
    http, telemetry = HttpSettings(port=0), TelemetrySettings()
    return Settings(kafka=backbone.kafka, mongo=backbone.mongo, telemetry=telemetry, http=http, build=build)


async def approve(backbone: Backbone) -> None:
    approved = ProposalApproved(proposal=PROPOSAL, content_digest="a" * 64, approved_by="anna")
    await backbone.happened(approved)


def kickoff() -> HoldKickoff:
    held_at = datetime.now(UTC) - timedelta(minutes=5)
    return HoldKickoff(held_at=held_at, facilitator="dora", attendees=("dora",), minutes="We begin.")


def answers(endpoint: Endpoint, secrets: Path) -> bool:
    password = (secrets / endpoint.secret).read_text()
    with psycopg.connect(
        host=endpoint.host,
        port=endpoint.port,
        dbname=endpoint.database,
        user=endpoint.user,
        password=password,
    ) as connection:
        return connection.execute("select to_regnamespace('shop') is not null").fetchone() == (True,)


async def test_an_approved_proposal_becomes_a_server_that_answers(
    backbone: Backbone, events: Tail, build: BuildSettings
) -> None:
    async with build_app(settings_of(backbone, build)).running():
        await approve(backbone)
        await backbone.send(OfferPeople(people=(DORA.model_copy(update={"available_days": 1}),)))
        await events.until(lambda tail: bool(tail.of(TeamIncomplete)))
        await backbone.send(kickoff())
        await events.until(lambda tail: bool(tail.of(CommandRefused)))
        await backbone.send(OfferPeople(people=(DORA,)))
        await events.until(lambda tail: bool(tail.of(TeamFormed)))
        await backbone.send(kickoff())
        await events.until(lambda tail: bool(tail.of(EnvironmentReady)))

    (refused,) = events.of(CommandRefused)
    assert (refused.payload.field, refused.payload.rule) == ("attendees", "team-is-complete")
    completed = [(m.payload.step, m.payload.attempt, m.payload.changed) for m in events.of(StepCompleted)]
    assert completed == [
        ("server", 1, True), ("database", 1, True), ("schema-1", 1, True), ("role-1", 1, True),
        ("health", 1, False),
    ]  # fmt: skip
    (ready,) = events.of(EnvironmentReady)
    assert answers(ready.payload.endpoint, build.secrets_dir)
    password = (build.secrets_dir / ready.payload.endpoint.secret).read_bytes()
    assert all(password not in (record.value or b"") for record in events.records)


@contextmanager
def process(backbone: Backbone, build: BuildSettings) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        "PATH": os.environ["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": backbone.kafka.bootstrap_servers,
        "KAFKA_PARTITIONS": str(backbone.kafka.partitions),
        "KAFKA_SESSION_TIMEOUT_MS": str(backbone.kafka.session_timeout_ms),
        "MONGO_URL": backbone.mongo.url,
        "MONGO_DATABASE_PREFIX": backbone.mongo.database_prefix,
        "HTTP_PORT": str(free_port()),
        "PROVISIONING_DATA_DIR": str(build.data_dir),
        "PROVISIONING_SECRETS_DIR": str(build.secrets_dir),
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "provisioning"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield service
    finally:
        service.kill()
        service.wait()


async def test_a_service_killed_while_it_builds_goes_on_where_it_was(
    backbone: Backbone, events: Tail, build: BuildSettings
) -> None:
    await approve(backbone)
    await backbone.send(OfferPeople(people=(DORA,)))
    await backbone.send(kickoff())
    with process(backbone, build) as service:
        await events.until(lambda tail: bool(tail.of(BuildStarted)))
        service.send_signal(signal.SIGKILL)
    with process(backbone, build):
        await events.until(lambda tail: bool(tail.of(EnvironmentReady)), 60)

    assert [message.payload.step for message in events.of(StepCompleted)] == [
        step.id for step in plan.steps(SPEC)
    ]
    assert events.of(StepFailed) == []
    (ready,) = events.of(EnvironmentReady)
    assert answers(ready.payload.endpoint, build.secrets_dir)
