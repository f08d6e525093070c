"""One run from its first check to its last process gone, around whatever is done while it is up."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runtime import preflight, state
from runtime.apache_kafka import stored_cluster
from runtime.brokers import BrokerKind
from runtime.console import Console
from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout
from runtime.ports import HOST, plan
from runtime.processes import ProcessSpec
from runtime.servers import (
    SECOND_PORTS,
    SERVICES,
    StackPlan,
    names_of,
    new_run_id,
    server_specs,
    service_specs,
)
from runtime.stack import Stack
from runtime.state import Phase, RunState
from runtime.sweep import leftovers, sweep
from runtime.tokens import ensure_key

Body = Callable[[RunState], Awaitable[Exit]]
SpecsOf = Callable[[StackPlan], Sequence[ProcessSpec]]
ApplyTopics = Callable[[StackPlan], Awaitable[int]]


class AlreadyRunning(Exception):
    """Another supervisor holds this stack."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the person asked for."""

    base_port: int
    services: tuple[str, ...] = SERVICES
    external: bool = False
    keep: bool = False
    broker: BrokerKind = BrokerKind.EMBEDDED
    jaeger: bool = False

    @property
    def durable(self) -> bool:
        """What there is at the end is there at the next start."""
        return self.keep or self.broker is BrokerKind.APACHE


async def apply_topics(stack: StackPlan) -> int:
    """Create every declared topic that is missing; returns how many are declared."""
    from messaging.settings import KafkaProfile, KafkaSettings
    from messaging.topics import TOPICS, apply

    profile = KafkaSettings().profile if stack.external else KafkaProfile(stack.broker)
    await apply(KafkaSettings(bootstrap_servers=stack.kafka, profile=profile))
    return len(TOPICS)


class Run:
    """The parts are injectable so that tests can supervise processes of their own.

    Raises CommandFailed (2) where external servers are wanted and not named.
    """

    def __init__(
        self,
        options: Options,
        layout: Layout,
        console: Console,
        *,
        servers: SpecsOf = server_specs,
        services: SpecsOf = service_specs,
        topics: ApplyTopics = apply_topics,
    ) -> None:
        self._options, self._layout, self._console = options, layout, console
        self._servers, self._services, self._topics = servers, services, topics
        if options.external:
            preflight.check_external()
        self._stop_asked = asyncio.Event()
        self._stack: Stack | None = None
        self._plan = self._planned()
        self._state = self._fresh_state()

    async def around(self, body: Body) -> Exit:
        """Start, await `body`, stop. Raises AlreadyRunning, or CommandFailed with the reason.

        Ctrl-C or SIGTERM ends `body` and stops in order; a second one kills at once.
        """
        lock = self._layout.lock()
        if lock is None:
            raise AlreadyRunning
        try:
            return await self._locked(body)
        finally:
            lock.close()

    async def _locked(self, body: Body) -> Exit:
        self._clean_stale()
        if not self._options.external:
            preflight.check_installed(self._options.broker, with_jaeger=self._options.jaeger)
        preflight.check_ports(self._plan.ports, self._options.base_port)
        preflight.check_kept(self._layout, self._options.broker)
        self._layout.prepare(keep=self._plan.keep)
        ensure_key(self._layout.jwt_key)
        self._listen_for_signals()
        self._stack = Stack(self._plan.run_id, self._layout.data, self._console, self._save)
        try:
            return await self._or_stopped(self._start_and(body))
        finally:
            await self._shut_down()

    async def _start_and(self, body: Body) -> Exit:
        await self._start()
        self._state = self._state.at(Phase.READY)
        self._save()
        return await body(self._state)

    async def _or_stopped(self, work: Awaitable[Exit]) -> Exit:
        assert self._stack is not None
        doing = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop_asked.wait())
        ends: set[asyncio.Future[Any]] = {doing, stopping, self._stack.failure}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if doing.done():
            return doing.result()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        if self._stack.failure.done():
            raise self._stack.failure.result()
        return Exit.OK

    async def _start(self) -> None:
        assert self._stack is not None
        await self._stack.guard()
        for spec in self._servers(self._plan):
            began = time.monotonic()
            await self._stack.launch([spec])
            self._console.stage(
                spec.name, spec.what or spec.name, f"{HOST}:{spec.port}", time.monotonic() - began
            )
        began = time.monotonic()
        count = await self._topics(self._plan)
        self._console.stage("topics", f"{count} declared, {count} there", "", time.monotonic() - began)
        if self._options.broker is BrokerKind.EMBEDDED:
            self._stack.recreate_on_broker_restart(lambda: self._topics(self._plan))
        began = time.monotonic()
        specs = list(self._services(self._plan))
        await self._stack.launch(specs)
        names = " ".join(spec.name for spec in specs)
        ready = f"{len(specs)} ready: {names}"
        self._console.stage("services", ready, "", time.monotonic() - began)

    async def _shut_down(self) -> None:
        assert self._stack is not None
        self._state = self._state.at(Phase.STOPPING)
        self._save()
        began = time.monotonic()
        order = await self._stack.stop()
        self._console.stage("stopping", " ".join(order), "", time.monotonic() - began)
        if not self._plan.keep:
            self._layout.wipe()
        left = leftovers(self._plan.run_id, self._layout.data)
        fate = "data kept" if self._plan.keep else "data discarded (--keep would keep it)"
        self._console.stage("stopped", f"{len(left) or 'nothing'} left running; {fate}")
        self._layout.state_file.unlink(missing_ok=True)

    def _clean_stale(self) -> None:
        stale = state.load(self._layout.state_file)
        if stale is None:
            return
        count = sweep(stale.run_id, self._layout.data, grace_seconds=3.0)
        ended = f", ended {count} leftover processes" if count else ""
        cleaned = self._layout.run_dir.name
        self._console.line(
            f"  found state of a dead run (pid {stale.supervisor} gone); cleaned {cleaned}/{ended}"
        )
        self._layout.state_file.unlink()

    def _planned(self) -> StackPlan:
        options = self._options
        names = names_of(
            options.services, external=options.external, broker=options.broker, jaeger=options.jaeger
        )
        is_apache = options.broker is BrokerKind.APACHE
        return StackPlan(
            layout=self._layout,
            run_id=new_run_id(),
            ports=plan(options.base_port, names),
            services=options.services,
            external=options.external,
            keep=options.durable,
            broker=options.broker,
            stored_cluster=stored_cluster(self._layout.kafka) if is_apache else "",
            with_jaeger=options.jaeger,
        )

    def _fresh_state(self) -> RunState:
        return RunState(
            run_id=self._plan.run_id,
            supervisor=os.getpid(),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            base_port=self._options.base_port,
            ports={name: port for name, port in self._plan.ports.items() if name not in SECOND_PORTS},
            kafka=self._plan.kafka,
            cluster=self._plan.cluster,
            mongo=self._plan.mongo,
            kept=self._plan.keep,
            otlp=self._plan.otlp,
        )

    def _save(self) -> None:
        processes = self._stack.processes if self._stack else {}
        self._state.pids.update({name: m.child.process.pid for name, m in processes.items()})
        self._state.restarts.update({name: m.restarts for name, m in processes.items()})
        state.save(self._layout.state_file, self._state)

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stop_asked.is_set() and self._stack is not None:
            self._stack.kill()
        self._stop_asked.set()


def failed(error: CommandFailed, console: Console) -> Exit:
    console.lines(error.lines)
    return error.exit_code
