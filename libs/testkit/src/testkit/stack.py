"""The whole local stack for journeys: started and stopped by the command a user has, on free ports."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from graphql import GraphQLField, GraphQLObjectType, build_schema, get_named_type

from runtime import state
from runtime.client import GatewayClient
from runtime.demo.show import TENANT
from runtime.layout import Layout
from runtime.state import RunState
from runtime.tokens import ROLES, mint

COMMAND = [str(Path(sys.executable).parent / "throughline")]
START_SECONDS = 120


@dataclass(frozen=True)
class RunningStack:
    layout: Layout

    @property
    def state(self) -> RunState:
        """As it is now: pids change when a service is restarted."""
        found = state.load(self.layout.state_file)
        assert found is not None, "the stack is gone"
        return found

    def token(self, tenant: str = TENANT) -> str:
        """For somebody with every role in a tenant."""
        return mint(self.layout.jwt_key, tenant=tenant, actor="tester", roles=ROLES)

    def client(self, tenant: str = TENANT) -> GatewayClient:
        return GatewayClient(self.state.gateway_url, self.token(tenant), retry_seconds=20)

    async def command(self, *words: str) -> "Done":
        """Run `throughline` as a user of this stack does."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *words,
            env=_environment(self.layout.run_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def play(self, example: str, playing: asyncio.Event | None = None) -> "Played":
        """Play an example as a user does, on this stack; `playing` is set when the first step begins."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            "demo",
            example,
            env=_environment(self.layout.run_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        text = ""
        async for line in process.stdout:
            text += line.decode()
            if playing is not None and "Playing" in text:
                playing.set()
        await process.wait()
        return Played(process.returncode == 0, text.splitlines()[-1], text)


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Played:
    passed: bool
    verdict: str
    said: str

    @property
    def engagement(self) -> str:
        words = self.said.replace(",", " ").split()
        return next(word for word in words if word.startswith("ENG-"))

    @property
    def trace_id(self) -> str:
        return self.said.split("/traces/", 1)[1].split()[0]


@contextmanager
def running_stack(run_dir: Path, *flags: str) -> Iterator[RunningStack]:
    """`throughline up --detach` on free ports, and `down` afterwards. The run's files stay in `run_dir`."""
    up = command(run_dir, "up", "--detach", *flags)
    assert up.code == 0, up.out + up.err
    try:
        yield RunningStack(Layout(run_dir))
    finally:
        command(run_dir, "down")


def command(run_dir: Path, *words: str) -> Done:
    """Run `throughline` on the stack of that folder, whether it is up or not."""
    done = subprocess.run(
        [*COMMAND, *words],
        env=_environment(run_dir),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _environment(run_dir: Path) -> dict[str, str]:
    return {**os.environ, "THROUGHLINE_RUN_DIR": str(run_dir), "THROUGHLINE_PORT": "0"}


async def whole_view(client: GatewayClient, engagement: str) -> dict[str, Any]:
    """Every field of an engagement that the schema offers and that needs no argument."""
    async with httpx.AsyncClient(trust_env=False) as http:
        sdl = (await http.get(f"{client.url}/schema.graphql")).text
    root = build_schema(sdl).type_map["Engagement"]
    assert isinstance(root, GraphQLObjectType)
    view: dict[str, Any] = {}
    for name, field in root.fields.items():
        document = f"query($id: ID!) {{ engagement(id: $id) {{ {_selection(name, field, ())} }} }}"
        view |= (await client.ask(document, id=engagement))["engagement"]
    return view


def _selection(name: str, field: GraphQLField, above: tuple[str, ...]) -> str:
    if any(argument.default_value is None for argument in field.args.values()):
        return ""
    kind = get_named_type(field.type)
    if not isinstance(kind, GraphQLObjectType):
        return name
    if kind.name in above:
        return ""
    inner = [_selection(n, f, (*above, kind.name)) for n, f in kind.fields.items()]
    body = " ".join(part for part in inner if part)
    return f"{name} {{ {body} }}" if body else ""
