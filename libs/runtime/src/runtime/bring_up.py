"""`up` and `demo`: a supervised run in the foreground, in the background, or around a play."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from runtime import health, state
from runtime.brokers import BrokerKind
from runtime.console import Console, moment, table
from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout, base_port
from runtime.ports import DEFAULT_BASE
from runtime.servers import SERVICES
from runtime.state import Phase, RunState
from runtime.supervisor import AlreadyRunning, Options, Run

DETACH_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The options of the command line, as they came."""

    only: str = ""
    external: bool = False
    keep: bool = False
    detach: bool = False
    port: int | None = None
    kafka: str = BrokerKind.EMBEDDED
    jaeger: bool = False

    def options(self) -> Options:
        """Raises CommandFailed (2) for a service that does not exist, or servers of two minds."""
        if self.external and self.jaeger:
            where = "set OTEL_EXPORTER_OTLP_ENDPOINT to where spans go"
            raise CommandFailed(Exit.USAGE, f"--jaeger is a server of ours, --external starts none; {where}")
        names = tuple(name.strip() for name in self.only.split(",") if name.strip())
        unknown = [name for name in names if name not in SERVICES]
        if unknown:
            raise CommandFailed(
                Exit.USAGE, f"no service {', '.join(unknown)}; there are: {', '.join(SERVICES)}"
            )
        services = tuple(name for name in SERVICES if not names or name in names)
        base = base_port() if self.port is None else self.port
        return Options(
            base_port=base,
            services=services,
            external=self.external,
            keep=self.keep,
            broker=BrokerKind(self.kafka),
            jaeger=self.jaeger,
        )


def bring_up(wish: Wish, *, announce: bool = True) -> int:
    """Start the stack; 0 when it is (or already was) healthy. `announce` says where to look."""
    options = wish.options()
    layout = Layout.for_port(options.base_port)
    console = Console(sys.stderr)
    if wish.detach:
        return _detached(wish, layout, console)
    return asyncio.run(_in_foreground(options, layout, console, announce=announce))


async def _in_foreground(options: Options, layout: Layout, console: Console, *, announce: bool) -> int:
    async def stay(running: RunState) -> Exit:
        if announce:
            _print_places(running)
            console.line("  Running. Ctrl-C stops everything.")
        await asyncio.Event().wait()
        return Exit.OK

    try:
        return await Run(options, layout, console).around(stay)
    except AlreadyRunning:
        return await _already_running(layout, console)
    except CommandFailed as error:
        console.lines(error.lines)
        return error.exit_code


async def _already_running(layout: Layout, console: Console) -> int:
    """Never taken from a file: every process is asked."""
    running = await _known_soon(layout)
    if running is None:
        console.line("  another `throughline up` is just starting or stopping here; try again in a moment")
        return Exit.FAILED
    found = await health.check(running)
    ill = {name: fault for name, fault in found.items() if fault}
    healthy = f"{len(found) - len(ill)}/{len(found)} healthy"
    console.line(
        f"  already running since {moment(running.started_at)} (pid {running.supervisor}), {healthy}"
    )
    console.lines(f"  {name}: {fault}" for name, fault in ill.items())
    if ill:
        console.line("  start anew: throughline down && throughline up")
        return Exit.FAILED
    console.line(
        f"  play the sample again: throughline demo   stop: make down   second copy: {_second(running)}"
    )
    _print_places(running)
    return Exit.OK


async def _known_soon(layout: Layout) -> RunState | None:
    for _ in range(20):
        running = state.load(layout.state_file)
        if running is not None and running.phase is Phase.READY:
            return running
        await asyncio.sleep(0.1)
    return state.load(layout.state_file)


def _second(running: RunState) -> str:
    return f"make demo PORT={(running.base_port or DEFAULT_BASE) + 100}"


def _print_places(running: RunState) -> None:
    rows: list[Sequence[str]] = []
    if "gateway" in running.ports:
        rows += [
            ("GraphQL", f"{running.gateway_url}/graphql"),
            ("Events in", f"{running.gateway_url}/events"),
        ]
    rows += [("Kafka", running.kafka), ("MongoDB", running.mongo)]
    if running.traces_url:
        rows += [
            ("Traces", f"{running.traces_url}/traces"),
            ("Traces API", f"{running.query_url}/api/v3/services"),
            ("Spans in", f"{running.otlp}/v1/traces"),
        ]
    for line in table(rows, ("place", "address")):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _detached(wish: Wish, layout: Layout, console: Console) -> int:
    """Start the same command in a session of its own and pass on what it says until it is ready."""
    if layout.is_supervised():
        return asyncio.run(_already_running(layout, console))
    layout.run_dir.mkdir(parents=True, exist_ok=True)
    said = layout.run_dir / "supervisor.log"
    with said.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "runtime.detached", json.dumps(asdict(replace(wish, detach=False)))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    shown = 0
    deadline = time.monotonic() + DETACH_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        running = state.load(layout.state_file)
        is_ready = running is not None and running.phase is Phase.READY and running.supervisor == child.pid
        shown = _pass_on(said, shown, console)
        if is_ready and running is not None:
            _print_places(running)
            return Exit.OK
        time.sleep(0.1)
    _pass_on(said, shown, console)
    return child.returncode if child.returncode is not None else Exit.TIMED_OUT


def _pass_on(said: Path, shown: int, console: Console) -> int:
    lines = said.read_text(errors="replace").splitlines()
    console.lines(lines[shown:])
    return len(lines)


def show_demo(example: str, wish: Wish) -> int:
    """Everything on stdout; the verdict is the last line where nobody watches."""
    from runtime import playbook_paths

    playbook_paths.find(example)
    options = wish.options()
    layout, console = Layout.for_port(options.base_port), Console(sys.stdout)
    is_watched = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    verdict: list[tuple[bool, str]] = []

    async def play(running: RunState) -> Exit:
        from runtime.demo.show import Show

        verdict.append(await Show(example, running, layout, console).run())
        if is_watched:
            console.line(f"\n  {verdict[-1][1]}\n\n  Running. Ctrl-C stops everything.")
            await asyncio.Event().wait()
        return Exit.OK

    async def whole() -> int:
        try:
            return await Run(options, layout, console).around(play)
        except AlreadyRunning:
            return await _play_again(layout, console, play)

    try:
        code = asyncio.run(whole())
    except CommandFailed as error:
        console.lines(error.lines)
        code = error.exit_code
        verdict.append((False, f"demo failed: {error.lines[0].strip()}"))
    if not verdict and not code:
        verdict.append((False, "demo stopped before its end"))
    if verdict and not (is_watched and verdict[-1][0]):
        console.line(verdict[-1][1])
    return code or int(not verdict or not verdict[-1][0])


async def _play_again(layout: Layout, console: Console, play: "object") -> int:
    code = await _already_running(layout, console)
    running = state.load(layout.state_file)
    if code != Exit.OK or running is None:
        return code
    assert callable(play)
    os.environ.setdefault("THROUGHLINE_PORT", str(running.base_port))
    result: int = await play(running)
    return result
