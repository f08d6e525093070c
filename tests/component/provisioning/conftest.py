"""A place to build in: directories of a test's own, and servers that are stopped after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.engine import plan
from provisioning.ports import Target
from provisioning.settings import BuildSettings
from schemas.design import DatabaseRole, EnvironmentSpec
from schemas.provisioning import StepKind

SPEC = EnvironmentSpec(
    component="orders-db",
    database="orders",
    schemas=("shop", "Odd.Name"),
    roles=(
        DatabaseRole(name="app", login=True, privileges=("usage", "select", "insert")),
        DatabaseRole(name="readers", login=False, privileges=("usage", "select")),
    ),
)


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return BuildSettings(data_dir=tmp_path / "data", secrets_dir=tmp_path / "secrets")


@pytest.fixture
def target() -> Target:
    return Target("ENG-TEST1", 1, SPEC)


@pytest.fixture
async def environments(settings: BuildSettings, target: Target) -> Iterator[PostgresEnvironments]:
    environments = PostgresEnvironments(settings)
    yield environments
    server = next(step for step in plan.steps(SPEC) if step.kind is StepKind.SERVER)
    await environments.undo(target, server)
