"""A target environment as provisioning builds it: a real PostgreSQL server, gone when the test is over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.engine import plan
from provisioning.ports import Target
from provisioning.settings import BuildSettings
from schemas.design import EnvironmentSpec
from schemas.provisioning import Endpoint


@asynccontextmanager
async def environment(
    spec: EnvironmentSpec, directory: Path, *, bare: bool = False
) -> AsyncIterator[tuple[Endpoint, Path]]:
    """Where it answers, and the directory of its passwords. `bare`: the server and nothing in it."""
    settings = BuildSettings(data_dir=directory / "data", secrets_dir=directory / "secrets")
    environments, target = PostgresEnvironments(settings), Target("ENG-TEST1", 1, spec)
    steps = plan.steps(spec)
    try:
        outcomes = [await environments.carry_out(target, step) for step in (steps[:1] if bare else steps)]
        endpoint = outcomes[-1].endpoint
        assert endpoint is not None, "the last step says where the environment answers"
        yield endpoint, settings.secrets_dir
    finally:
        await environments.undo(target, steps[0])
