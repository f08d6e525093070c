"""A service as a process: everything constructed, started in order, and stopped in reverse."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Protocol

from messaging.commits import CommitStore
from messaging.consumer import Consumer
from messaging.dead_letters import DeadLetters
from messaging.handler import Handler
from messaging.metrics import DEPENDENCY_UP, READY, begin_at_zero
from messaging.observing import Measure, Observer, database_measure
from messaging.producer import NotPublished, Producer
from messaging.retrying import Retrier
from messaging.service import Service
from messaging.settings import ServiceSettings
from messaging.waiting import WaitingRoom
from messaging.work import Worker, WorkItems
from persistence import DatabaseError, Handle, connect
from telemetry import health_app, serve, start_telemetry

logger = logging.getLogger("messaging.app")
FLUSH_SECONDS = 1.0


class App(Protocol):
    """What `run` can run: a context in which it is up."""

    def running(self) -> AbstractAsyncContextManager[Any]: ...


class ServiceApp:
    """One service, ready to run: `async with app.running()` or `messaging.run(app)`."""

    def __init__(self, service: Service, settings: ServiceSettings) -> None:
        self.service, self.settings = service, settings
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ServiceApp"]:
        """Up while the context is open; waits for database and broker, and says so on /health/ready."""
        settings, name = self.settings, self.service.name
        async with AsyncExitStack() as stack:
            telemetry = start_telemetry(name, settings.telemetry)
            stack.callback(telemetry.close)
            database = connect(settings.mongo, name)
            stack.callback(database.close)
            parts = _Parts(self.service, settings, database)
            checks = {"database": database_check(database), "consumer": parts.consumer.check}
            app = health_app(name, checks)
            server = await stack.enter_async_context(serve(app, settings.http))
            self.port = server
            await until_prepared(name, parts.prepare)
            observer = Observer(name, parts.measures(), checks)
            await stack.enter_async_context(background(observer.run_for_ever))
            stack.push_async_callback(parts.producer.stop)
            stack.push_async_callback(parts.flush_quietly)
            if self.service.activities:
                await stack.enter_async_context(background(parts.worker.run_for_ever))
            await stack.enter_async_context(background(parts.keep_house))
            stack.push_async_callback(parts.consumer.stop)
            await parts.consumer.start()
            yield self


class _Parts:
    """The objects of one running service."""

    def __init__(self, service: Service, settings: ServiceSettings, database: Handle) -> None:
        self.producer = Producer(settings.kafka, service.name)
        self.store = CommitStore(service, database.db)
        self.waiting = WaitingRoom(database.db)
        self.items = WorkItems(service, database.db)
        self._name, self._prepare = service.name, service.prepare
        begin_at_zero(service.name, [activity.name for activity in service.activities])
        dead_letters = DeadLetters(service.name, self.producer)
        self.handler = Handler(
            service,
            self.store,
            self.waiting,
            self.items,
            self.producer,
            dead_letters,
            settings.kafka.max_message_bytes,
        )
        self.retrier = Retrier(self.waiting, self.handler, dead_letters)
        self.worker = Worker(service, self.items, self.producer, self.read_state)
        self.consumer = Consumer(
            settings.kafka,
            service.name,
            service.topics(),
            self.handler.handle,
            dead_letters,
            self.handler.forget,
        )

    async def read_state(self, engagement: str) -> object:
        return (await self.store.load([engagement]))[engagement].stream.state

    def measures(self) -> dict[str, Measure]:
        database = database_measure(self._name, self.waiting, self.items)
        return {"database": database, "broker": self.consumer.measure}

    async def prepare(self) -> None:
        await self.store.prepare()
        await self.waiting.prepare()
        await self.items.prepare()
        await self.producer.start()
        if self._prepare:
            await self._prepare()

    async def keep_house(self) -> None:
        """Every second: how far is published is written down, what waits is tried again."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.handler.flush()
                await self.retrier.run_due()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # the database or broker is away: the next round does it
                logger.warning("housekeeping waits: %s", error)

    async def flush_quietly(self) -> None:
        with suppress(Exception):
            await self.handler.flush(everything=True)


@asynccontextmanager
async def background(forever: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run a coroutine that never returns, for as long as the context is open."""
    task = asyncio.ensure_future(forever())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


def database_check(database: Handle) -> Callable[[], Awaitable[str | None]]:
    """A readiness check: does the database answer?"""

    async def check() -> str | None:
        try:
            await database.ping()
        except DatabaseError as error:
            return f"the database does not answer: {type(error).__name__}"
        return None

    return check


async def until_prepared(service: str, prepare: Callable[[], Awaitable[None]]) -> None:
    """Wait for the database and the broker, and say which of them is away."""
    pause = 0.1
    while True:
        try:
            await prepare()
            return
        except (DatabaseError, NotPublished) as error:
            away = "broker" if isinstance(error, NotPublished) else "database"
            DEPENDENCY_UP.labels(service, away).set(0)
            READY.labels(service).set(0)
            logger.warning("waiting: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 3.0)


def run(app: App) -> None:
    """Run until SIGTERM or SIGINT, then stop in order: the batch in hand is finished."""
    import uvloop

    uvloop.run(_until_signalled(app))


async def _until_signalled(app: App) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.ensure_future(_hold(app, stop))
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        # Told to stop while still waiting for a server: there is nothing in hand to finish.
        await asyncio.wait({starting}, timeout=25)
        starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting


async def _hold(app: App, stop: asyncio.Event) -> None:
    async with app.running():
        _calm_collector()
        await stop.wait()


def _calm_collector() -> None:
    """Looks for cycles seldom, and never through what the start has left, which stays for good.

    Else every few hundred messages everything stops, for 60 ms in the gateway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
