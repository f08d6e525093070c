"""Building on a real PostgreSQL server that each test starts for itself."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.engine import plan
from provisioning.ports import Outcome, StepError, Target
from provisioning.settings import BuildSettings
from schemas.provisioning import Endpoint, Step

SERVER = 0


def steps(target: Target) -> tuple[Step, ...]:
    return plan.steps(target.environment)


async def build_all(environments: PostgresEnvironments, target: Target) -> list[Outcome]:
    return [await environments.carry_out(target, step) for step in steps(target)]


def connect(endpoint: Endpoint, secrets: Path, user: str | None = None) -> psycopg.Connection:
    name = endpoint.secret if user is None else endpoint.secret.replace("server", f"role-{user}")
    return psycopg.connect(
        host=endpoint.host, port=endpoint.port, dbname=endpoint.database, user=user or endpoint.user,
        password=(secrets / name).read_text(), autocommit=True,
    )  # fmt: skip


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def postmaster(settings: BuildSettings) -> int:
    return int((settings.data_dir / "ENG-TEST1/build-1/data/postmaster.pid").read_text().split()[0])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


async def test_second_build_finds_everything_done(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    first = await build_all(environments, target)
    second = await build_all(environments, target)

    assert [outcome.changed for outcome in first] == [True] * 6 + [False]
    assert [outcome.changed for outcome in second] == [False] * 7
    assert first[-1].endpoint == second[-1].endpoint
    secret_files = list(settings.secrets_dir.iterdir())
    names = ["ENG-TEST1-build-1-role-app", "ENG-TEST1-build-1-server"]
    assert sorted(file.name for file in secret_files) == names
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret_files} == {0o600}


async def test_roles_may_do_what_was_asked_and_no_more(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    endpoint = (await build_all(environments, target))[-1].endpoint
    assert endpoint is not None
    with connect(endpoint, settings.secrets_dir) as admin:
        admin.execute("create table shop.things (id int)")

    with connect(endpoint, settings.secrets_dir, "app") as app:
        app.execute("insert into shop.things values (1)")
        assert app.execute("select id from shop.things").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("delete from shop.things")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("create table shop.more (id int)")


async def test_wrong_password_is_turned_away(environments: PostgresEnvironments, target: Target) -> None:
    endpoint = (await environments.carry_out(target, steps(target)[SERVER])).endpoint
    assert endpoint is not None

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=endpoint.host, port=endpoint.port, user=endpoint.user, dbname="postgres", password="x"
        )


async def test_server_killed_between_steps_is_started_again_with_its_data(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    first = [await environments.carry_out(target, step) for step in steps(target)[:3]]
    os.kill(postmaster(settings), signal.SIGKILL)
    eventually(lambda: not alive(postmaster(settings)))

    second = await build_all(environments, target)

    assert [outcome.changed for outcome in second] == [True, False, False, True, True, True, False]
    assert second[1].endpoint == first[1].endpoint


async def test_what_was_built_runs_again_after_a_restart_of_the_machine(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    built = (await build_all(environments, target))[-1]
    killed = postmaster(settings)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not alive(killed))

    later = PostgresEnvironments(settings)
    await later.resume()
    await later.resume()

    assert alive(postmaster(settings))
    found = await later.carry_out(target, steps(target)[-1])
    assert found.endpoint == built.endpoint


async def test_a_server_stays_down_whose_port_another_program_has_taken(
    environments: PostgresEnvironments,
    target: Target,
    settings: BuildSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = (await build_all(environments, target))[-1].endpoint.port
    os.kill(postmaster(settings), signal.SIGINT)
    eventually(lambda: not (settings.data_dir / "ENG-TEST1/build-1/data/postmaster.pid").exists())

    with socket.create_server(("127.0.0.1", port)):
        await PostgresEnvironments(settings).resume()

    assert f"stays down: its port {port}" in caplog.text


async def test_lock_of_a_dead_server_whose_number_was_given_away_is_removed(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    await environments.carry_out(target, steps(target)[SERVER])
    lock = settings.data_dir / "ENG-TEST1/build-1/data/postmaster.pid"
    lines = lock.read_text().splitlines()
    os.kill(postmaster(settings), signal.SIGINT)
    eventually(lambda: not lock.exists())
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    outcome = await environments.carry_out(target, steps(target)[SERVER])

    assert outcome.changed
    assert postmaster(settings) != os.getpid()


async def test_taken_port_fails_the_step_and_the_next_attempt_takes_another(
    tmp_path: Path, target: Target
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        settings = BuildSettings(data_dir=tmp_path / "d", secrets_dir=tmp_path / "s", preferred_port=taken)
        environments = PostgresEnvironments(settings)

        with pytest.raises(StepError, match=f"port {taken} on 127.0.0.1 is taken"):
            await environments.carry_out(target, steps(target)[SERVER])
        outcome = await environments.carry_out(target, steps(target)[SERVER])
        await environments.undo(target, steps(target)[SERVER])

    assert outcome.endpoint is not None
    assert outcome.endpoint.port != taken


async def test_undone_in_reverse_nothing_is_left(
    environments: PostgresEnvironments, target: Target, settings: BuildSettings
) -> None:
    await build_all(environments, target)
    pid = postmaster(settings)

    said = [await environments.undo(target, step) for step in reversed(steps(target))]

    assert said == [
        "a health check leaves nothing behind",
        "dropped the role readers",
        "dropped the role app",
        "dropped the schema Odd.Name",
        "dropped the schema shop",
        "dropped the database orders",
        "server stopped, data and password removed",
    ]
    assert not alive(pid)
    assert list((settings.data_dir / "ENG-TEST1").iterdir()) == []
    assert list(settings.secrets_dir.iterdir()) == []


async def test_undoing_twice_changes_nothing(environments: PostgresEnvironments, target: Target) -> None:
    await environments.carry_out(target, steps(target)[SERVER])
    for step in reversed(steps(target)):
        await environments.undo(target, step)

    assert await environments.undo(target, steps(target)[SERVER]) == "data and password removed"


async def test_health_check_names_what_is_not_there(
    environments: PostgresEnvironments, target: Target
) -> None:
    for step in steps(target)[:3]:
        await environments.carry_out(target, step)

    with pytest.raises(StepError, match=r"not there: Odd.Name, app, readers"):
        await environments.carry_out(target, steps(target)[-1])


def test_server_outlives_the_service_and_ends_with_its_owner(tmp_path: Path, target: Target) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    settings = BuildSettings(data_dir=tmp_path / "d", secrets_dir=tmp_path / "s", owner_pid=owner.pid)
    service = subprocess.Popen(
        [sys.executable, "-c", _SERVICE, settings.model_dump_json(), target.environment.model_dump_json()]
    )
    assert service.wait(30) == 9
    pid = postmaster(settings)
    assert alive(pid)

    owner.kill()
    owner.wait()

    eventually(lambda: not alive(pid))


async def test_server_ends_with_its_keeper(tmp_path: Path, target: Target) -> None:
    settings = BuildSettings(data_dir=tmp_path / "d", secrets_dir=tmp_path / "s", owner_pid=os.getpid())
    await PostgresEnvironments(settings).carry_out(target, steps(target)[SERVER])
    pid = postmaster(settings)
    keeper = parent(pid)

    os.kill(keeper, signal.SIGKILL)

    eventually(lambda: not alive(pid))


_SERVICE = """
import asyncio, os, sys
from provisioning.adapters.postgres_environments import PostgresEnvironments
from provisioning.engine import plan
from provisioning.ports import Target
from provisioning.settings import BuildSettings
from schemas.design import EnvironmentSpec

spec = EnvironmentSpec.model_validate_json(sys.argv[2])
environments = PostgresEnvironments(BuildSettings.model_validate_json(sys.argv[1]))
asyncio.run(environments.carry_out(Target("ENG-TEST1", 1, spec), plan.steps(spec)[0]))
os._exit(9)
"""
