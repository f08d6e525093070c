"""Publishing: many sends at once, acknowledged by all replicas, each under its own span."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import time_ns
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from opentelemetry.trace import Span

from messaging import tracing
from messaging.envelope import Headers, Message, attribute_headers, with_trace
from messaging.security import client_arguments
from messaging.settings import KafkaProfile, KafkaSettings


class NotPublished(Exception):
    """The broker did not acknowledge; the message may or may not be in the log: send it again."""


class TooLarge(ValueError):
    """A message over the limit; nothing was sent."""


class Producer:
    """One aiokafka producer, made anew after a failure so that nothing overtakes what failed."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._inner: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises NotPublished when the broker is away; `publish` connects by itself too."""
        await self._producer()

    async def stop(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            with suppress(Exception):
                await asyncio.wait_for(inner.stop(), 5)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send in order and return when all are acknowledged. Raises NotPublished or TooLarge."""
        if not messages:
            return
        bodies = [message.json().encode() for message in messages]
        self._check(messages, bodies)
        spans: list[Span] = []
        try:
            producer = await self._producer()
            futures = [await self._send(producer, m, b, spans) for m, b in zip(messages, bodies, strict=True)]
            await asyncio.gather(*futures)
        except (KafkaError, TimeoutError) as error:
            await self._failed(spans, error)
            raise NotPublished(str(error) or type(error).__name__) from error
        finally:
            for span in spans:
                span.end()

    async def publish_raw(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send bytes as they are (dead letters, redriven messages). Raises NotPublished."""
        try:
            producer = await self._producer()
            await producer.send_and_wait(topic, value=value, key=key, headers=headers)
        except (KafkaError, TimeoutError) as error:
            await self._failed([], error)
            raise NotPublished(str(error) or type(error).__name__) from error

    def _check(self, messages: Sequence[Message], bodies: Sequence[bytes]) -> None:
        limit = self._settings.max_message_bytes
        for message, body in zip(messages, bodies, strict=True):
            if len(body) > limit:
                raise TooLarge(f"{message.envelope.type} has {len(body)} bytes; at most {limit} can be sent")

    async def _send(
        self, producer: AIOKafkaProducer, message: Message, body: bytes, spans: list[Span]
    ) -> asyncio.Future[Any]:
        topic = message.payload.topic()
        span = tracing.start_send(topic, message.envelope)
        spans.append(span)
        headers = with_trace(attribute_headers(message.envelope), *tracing.headers_of(span))
        future: asyncio.Future[Any] = await producer.send(
            topic,
            value=body,
            key=message.envelope.engagement.encode(),
            headers=headers,
            timestamp_ms=time_ns() // 1_000_000,
        )
        return future

    async def _producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._inner is None:
                inner = AIOKafkaProducer(
                    **client_arguments(self._settings),
                    client_id=self._client_id,
                    acks="all",
                    enable_idempotence=self._settings.profile is KafkaProfile.APACHE,
                    linger_ms=1,
                    max_batch_size=262_144,
                    # A foreign message over our own limit must still fit into the dead letters.
                    max_request_size=16 * self._settings.max_message_bytes,
                    request_timeout_ms=15_000,
                )
                try:
                    await inner.start()
                except (KafkaError, TimeoutError) as error:
                    with suppress(Exception):
                        await inner.stop()
                    raise NotPublished(f"no broker at {self._settings.bootstrap_servers}: {error}") from error
                self._inner = inner
            return self._inner

    async def _failed(self, spans: Sequence[Span], error: Exception) -> None:
        for span in spans:
            tracing.fail(span, error)
        await self.stop()
