"""The demo from the running stack's state to the result table: plays, tells, checks."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx

from runtime import playbook_paths, state
from runtime.client import GatewayClient
from runtime.console import Console, counted
from runtime.dead_letters import DeadLetterList
from runtime.demo.outsider import KafkaOutsider
from runtime.demo.playbook import Acting, load
from runtime.demo.player import OPERATOR, Player, StepFailed
from runtime.demo.preparing import prepare
from runtime.demo.result import PHASE_ENDS, Result, refusals
from runtime.demo.tracing import NoTracing, OtlpTracing
from runtime.errors import CommandFailed
from runtime.layout import Layout
from runtime.processes import tail
from runtime.servers import SERVICES
from runtime.state import RunState
from runtime.tokens import LOCAL_TENANT, mint
from runtime.trace_reader import until_complete

TENANT = LOCAL_TENANT
RETRY_SECONDS = 30.0
TRACE_SECONDS = 15.0
LAST_EVENTS = 8
LAST_LINES = 4
TITLE = 50


class Show:
    """One play on one running stack."""

    def __init__(self, example: str, state: RunState, layout: Layout, console: Console) -> None:
        self._folder = playbook_paths.find(example)
        self._state, self._layout, self._console = state, layout, console
        self._clients: dict[Acting, GatewayClient] = {}
        self._began = time.monotonic()
        self._restarts_before = self._restarts()

    async def run(self) -> tuple[bool, str]:
        """Play and report; returns whether all was well, and the verdict line."""
        playbook = load(self._folder / "playbook.yaml")
        self._console.line()
        cache = playbook_paths.cache()
        for made in await prepare(self._folder, playbook.prepare, cache, self._layout.legacy):
            self._console.stage("data", made)
        self._console.line(f"\n  Playing {self._folder.name} ({len(playbook.steps)} steps)")
        tracing = OtlpTracing(self._state.otlp) if self._state.otlp else NoTracing()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            kafka = await stack.enter_async_context(KafkaOutsider(self._state.kafka, TENANT))
            self._began = time.monotonic()
            player = Player(
                self._folder, playbook, self._client, kafka, tracing, self._tell, datetime.now(UTC)
            )
            try:
                await player.run()
            except StepFailed as failure:
                await self._explain(failure, player)
                return False, f"demo failed at: {failure.step}"
            if isinstance(tracing, OtlpTracing):
                await asyncio.to_thread(tracing.finish, player.play.engagement)
            result = await self._result(player, tracing.trace_id)
            await self._report(result, tracing.trace_id)
            return not result.faults, result.verdict

    def _client(self, acting: Acting) -> GatewayClient:
        if acting not in self._clients:
            token = mint(self._layout.jwt_key, tenant=TENANT, actor=acting.actor, roles=[acting.role])
            self._clients[acting] = GatewayClient(self._state.gateway_url, token, retry_seconds=RETRY_SECONDS)
        return self._clients[acting]

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.__aexit__()

    def _tell(self, stage: str, title: str, what: str) -> None:
        elapsed = f"+{time.monotonic() - self._began:.1f} s"
        self._console.lines(told(f"  {elapsed:>8}  {stage:<12}", title, what, self._console.width))

    async def _result(self, player: Player, trace_id: str) -> Result:
        play = player.play
        trace = None
        if trace_id:
            trace = await until_complete(self._state.query_url, trace_id, SERVICES, TRACE_SECONDS)
        operator = self._client(OPERATOR)
        return Result(
            engagement=play.engagement,
            timeline=tuple(await operator.whole_timeline(play.engagement)),
            dead_letters=tuple(await DeadLetterList(operator, since=play.started).all()),
            expected_dead=frozenset(play.expected_dead),
            trace=trace,
            restarts=self._restarts() - self._restarts_before,
            services=sum(1 for name in SERVICES if trace is not None and name in trace.services),
        )

    def _restarts(self) -> int:
        now = state.load(self._layout.state_file)
        return sum(now.restarts.values()) if now else 0

    async def _report(self, result: Result, trace_id: str) -> None:
        self._console.line()
        reached = ", ".join(result.phases)
        refused = refusals(result.timeline)
        rows = [
            (
                "engagement",
                f"{result.engagement}, {'delivered' if not result.faults else 'not as the story says'}",
            ),
            ("phases", f"{len(result.phases)}/{len(PHASE_ENDS)}: {reached}"),
            ("events", f"{len(result.timeline)}, of them {counted(refused, 'command')} refused"),
            ("dead", f"{counted(len(result.dead_letters), 'letter')}, {len(result.expected_dead)} expected"),
        ]
        if result.trace is not None:
            rows.append(
                ("trace", f"{result.trace.spans} spans of {', '.join(sorted(result.trace.services))}")
            )
        for name, value in rows:
            self._console.stage(name, value)
        self._console.lines(f"  fault      {fault}" for fault in result.faults)
        self._console.line()
        for name, url in await self._places(trace_id):
            self._console.stage(name, url)

    async def _places(self, trace_id: str) -> list[tuple[str, str]]:
        """Only what answers with 200 is shown."""
        wanted = [("GraphQL", f"{self._state.gateway_url}/schema.graphql")]
        if trace_id:
            wanted.insert(0, ("Trace", f"{self._state.traces_url}/traces/{trace_id}"))
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            places = [(name, url) for name, url in wanted if await _answers(client, url)]
        return [
            (n, url.replace("/schema.graphql", "/graphql  (schema: /schema.graphql)")) for n, url in places
        ]

    async def _explain(self, failure: StepFailed, player: Player) -> None:
        console, engagement = self._console, player.play.engagement
        console.line(f"\n  failed at: {failure.step}")
        console.lines(f"    {line}" for line in failure.lines)
        if engagement:
            console.line(f"\n  the last events of {engagement}:")
            try:
                entries = await self._client(OPERATOR).whole_timeline(engagement)
                console.lines(
                    f"    {e['cursor']:>4}  {e['type']:<40} {e['summary']}" for e in entries[-LAST_EVENTS:]
                )
            except CommandFailed as error:
                console.lines(f"    {line}" for line in error.lines)
        for name in self._state.ports:
            lines = [line for line in tail(self._layout.log(name), 200) if _is_trouble(line)]
            if lines:
                console.line(f"\n  -- {name}.log: warnings and errors --")
                console.lines(f"    {_cut(line, 400)}" for line in lines[-LAST_LINES:])


def told(head: str, title: str, what: str, width: int) -> list[str]:
    """A step on one line, or on two where it would be wider than the reader's lines."""
    start = f"{head}  {title:<{TITLE}}"
    one = f"{start}  {what}".rstrip()
    if len(one) <= width:
        return [one]
    indent = " " * (len(head) + 2)
    return [start.rstrip(), indent + _cut(what, width - len(indent))]


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _is_trouble(line: str) -> bool:
    return any(word in line for word in ('"WARNING"', '"ERROR"', '"CRITICAL"', "Traceback", "Error:"))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
