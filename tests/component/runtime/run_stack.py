"""Runs a supervisor as a process: embedded servers, fake services. `name=mode` arguments set modes."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from runtime.console import Console
from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout
from runtime.processes import ProcessSpec
from runtime.servers import StackPlan, server_specs, service_specs
from runtime.state import RunState
from runtime.supervisor import AlreadyRunning, Options, Run

MODES = dict(argument.split("=") for argument in sys.argv[3:])


def servers(plan: StackPlan) -> list[ProcessSpec]:
    return [
        spec for spec in server_specs(plan) if spec.name in MODES.get("servers", "kafka,mongo").split(",")
    ]


def fakes(plan: StackPlan) -> list[ProcessSpec]:
    program = (sys.executable, str(Path(__file__).parent / "fake_service.py"))
    return [
        replace(
            spec,
            argv=program,
            env={**spec.env, "FAKE_MODE": MODES.get(spec.name, "")},
            ready_seconds=float(MODES.get("ready_seconds", "20")),
        )
        for spec in service_specs(plan)
    ]


async def no_topics(plan: StackPlan) -> int:
    return 0


async def until_stopped(state: RunState) -> Exit:
    print("UP", flush=True)  # noqa: T201
    await asyncio.Event().wait()
    return Exit.OK


async def main() -> int:
    run_dir, base = Path(sys.argv[1]), int(sys.argv[2])
    console = Console(sys.stderr)
    options = Options(base_port=base, services=("intake", "design", "gateway"))
    try:
        run = Run(options, Layout(run_dir), console, servers=servers, services=fakes, topics=no_topics)
        return await run.around(until_stopped)
    except AlreadyRunning:
        console.line("already running")
        return 3
    except CommandFailed as error:
        console.lines(error.lines)
        return error.exit_code


sys.exit(asyncio.run(main()))
