"""The gateway, put together: consumers, projector and HTTP in one process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway import metrics
from gateway.adapters.kafka_dead_letters import KafkaDeadLetters
from gateway.app import Parts, build_asgi
from gateway.auth import Authenticator
from gateway.dead_letters import DeadLetterProjector
from gateway.hub import Hub
from gateway.keys import Keys, RemoteKeys, from_jwks_file, shared
from gateway.projector import GROUP, Projector
from gateway.settings import GatewaySettings, Settings
from gateway.store import MongoStore
from gateway.view import VIEW_VERSION
from messaging import Consumer, DeadLetters, Producer, background, database_check, until_prepared
from messaging.metrics import WAITING
from messaging.metrics import begin_at_zero as begin_messaging_at_zero
from messaging.observing import Measure, Observer
from messaging.waiting import GAP
from persistence import connect
from schemas.registry import SERVICES
from telemetry import serve, start_telemetry

EVENT_TOPICS = [
    *(f"{service}.events" for service in SERVICES),
    # Nothing of these is shown, but what nobody can read on them is ours to dead-letter.
    "inbound.events",
    "operations.commands",
]
DEAD_TOPICS = [f"{service}.dead" for service in (*SERVICES, GROUP)]


class GatewayApp:
    """Ready to run: `messaging.run(app)`, or `async with app.running()`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["GatewayApp"]:
        """Up while the context is open; waits for database and broker, and says so on /health/ready."""
        settings, keys = self.settings, keys_of(self.settings.gateway)
        async with AsyncExitStack() as stack:
            telemetry = start_telemetry(GROUP, settings.telemetry)
            stack.callback(telemetry.close)
            database = connect(settings.mongo, GROUP)
            stack.callback(database.close)
            store, hub, producer = MongoStore(database.db), Hub(), Producer(settings.kafka, GROUP)
            begin_messaging_at_zero(GROUP)
            metrics.begin_at_zero()
            metrics.watch(hub)
            projector = Projector(store, hub)
            letters = KafkaDeadLetters(settings.kafka, DEAD_TOPICS, DeadLetterProjector(store).handle)
            consumer = Consumer(
                settings.kafka,
                GROUP,
                EVENT_TOPICS,
                projector.handle,
                DeadLetters(GROUP, producer),
                projector.forget,
            )
            checks = {
                "database": database_check(database),
                "consumer": consumer.check,
                "dead letters": letters.check,
            }
            parts = Parts(
                store=store,
                hub=hub,
                publisher=producer,
                authenticator=Authenticator(
                    keys, audience=settings.gateway.audience, issuer=settings.gateway.issuer
                ),
                settings=settings.gateway,
                checks=checks,
            )
            self.port = await stack.enter_async_context(serve(build_asgi(parts), settings.http))
            if isinstance(keys, RemoteKeys):
                await stack.enter_async_context(background(keys.follow))

            async def prepare() -> None:
                await store.prepare()
                await producer.start()

            await until_prepared(GROUP, prepare)
            stack.push_async_callback(producer.stop)
            measures = {"database": census_measure(store), "broker": consumer.measure}
            observer = Observer(GROUP, measures, checks)
            await stack.enter_async_context(background(observer.run_for_ever))
            await stack.enter_async_context(letters.running())
            stack.push_async_callback(consumer.stop)
            await consumer.start()
            yield self


def build_app(settings: Settings) -> GatewayApp:
    """The gateway as a process."""
    return GatewayApp(settings)


def keys_of(settings: GatewaySettings) -> Keys:
    """Raises ValueError unless exactly one key is configured: there is no way in without one."""
    given = [name for name in ("jwt_key_file", "jwks_file", "jwks_url") if getattr(settings, name)]
    if len(given) != 1:
        raise ValueError("set one of GATEWAY_JWT_KEY_FILE, GATEWAY_JWKS_FILE and GATEWAY_JWKS_URL")
    if settings.jwt_key_file:
        return shared(settings.jwt_key_file)
    if settings.jwks_file:
        return from_jwks_file(settings.jwks_file)
    return RemoteKeys(settings.jwks_url or "")


def census_measure(store: MongoStore) -> Measure:
    """Counts what the gateway holds: views, letters, and events an earlier one is missing for."""

    async def measure() -> None:
        found = await store.census(VIEW_VERSION)
        metrics.count(found)
        WAITING.labels(GROUP, GAP).set(found.held)

    return measure
