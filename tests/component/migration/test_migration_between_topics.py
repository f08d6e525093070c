"""The whole service between its topics: a built environment in, a proved migration out."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from migration.main import build_app
from migration.settings import MigrationSettings, Settings
from schemas.design import DatabaseRole, EnvironmentSpec
from schemas.migration import (
    ApproveMapping,
    ChunkMigrated,
    CommandRefused,
    MigrationAborted,
    MigrationCompleted,
    RegisterSource,
    RestartMigration,
    Source,
    SourceKind,
    SourceProfiled,
    TableReconciled,
)
from schemas.provisioning import EnvironmentReady
from telemetry import HttpSettings, TelemetrySettings
from testkit.backbone import Backbone, Tail

SPEC = EnvironmentSpec(
    component="db",
    database="orders",
    schemas=("legacy",),
    roles=(DatabaseRole(name="app", login=False, privileges=()),),
)


@pytest.fixture
async def events(backbone: Backbone) -> AsyncIterator[Tail]:
    async with backbone.tail("migration.events") as tail:
        yield tail


def make_source(directory: Path) -> None:
    with sqlite3.connect(directory / "legacy.sqlite") as connection:
        connection.execute("create table customer (id integer primary key, born date)")
        values = [(n, "never" if n % 100 == 0 else "1999-12-31") for n in range(1, 1001)]
        connection.executemany("insert into customer values (?, ?)", values)


async def environment_ready(backbone: Backbone, journey: Any) -> None:
    ready = EnvironmentReady(build=1, endpoint=journey.endpoint, environment=SPEC, components=())
    await backbone.happened(ready)


async def test_a_run_with_too_many_rejects_is_rolled_back_and_the_next_is_proved(
    backbone: Backbone, events: Tail, journey: Any, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_source, tmp_path)
    settings = Settings(
        kafka=backbone.kafka,
        mongo=backbone.mongo,
        telemetry=TelemetrySettings(),
        http=HttpSettings(port=0),
        migration=MigrationSettings(data_dir=tmp_path, secrets_dir=journey.server.secrets),
    )

    async with build_app(settings).running():
        source = Source(kind=SourceKind.SQLITE, location="legacy.sqlite")
        await backbone.send(RegisterSource(source=source, reject_limit=5, chunk_rows=300))
        await backbone.send(ApproveMapping(mapping_version=1, approved_by="anna"))
        await environment_ready(backbone, journey)
        await events.until(lambda tail: bool(tail.of(SourceProfiled)))
        await backbone.send(ApproveMapping(mapping_version=1, approved_by="anna"))
        await events.until(lambda tail: bool(tail.of(MigrationAborted)))
        await backbone.send(RestartMigration(requested_by="anna", reject_limit=10))
        await events.until(lambda tail: bool(tail.of(MigrationCompleted)))

    (refused,) = events.of(CommandRefused)
    assert (refused.payload.field, refused.payload.rule) == ("mapping_version", "mapping-exists")
    chunks = [(m.payload.run, m.payload.chunk, m.payload.rows_done) for m in events.of(ChunkMigrated)]
    assert chunks == [(1, 1, 300), (2, 1, 300), (2, 2, 600), (2, 3, 900), (2, 4, 1000)]
    (reconciled,) = events.of(TableReconciled)
    assert reconciled.payload.equal
    (completed,) = events.of(MigrationCompleted)
    assert (completed.payload.rows_written, completed.payload.rows_rejected) == (990, 10)
    assert journey.read("select count(*) from legacy.customer") == [(990,)]
