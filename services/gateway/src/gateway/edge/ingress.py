"""The way in for outsiders: CloudEvents and webhooks, checked, authorised, and on the broker before a 202."""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence

import orjson
from opentelemetry import trace
from starlette.requests import Request
from starlette.responses import Response

from gateway.auth import Authenticator, Caller, Unauthenticated
from gateway.authorization import Forbidden, authorise
from gateway.edge.alertmanager import event_id, read_notification
from gateway.edge.body import BodyRefused, read_body
from gateway.edge.cloudevents import Posted, read_events
from gateway.edge.problems import Fault, Problem
from gateway.edge.tracing import answered, server_span
from gateway.ports import Log, Publisher
from messaging import Message, NotPublished, TooLarge, inbound_message
from persistence import DatabaseError
from telemetry import ENGAGEMENT_ATTRIBUTE

UNKNOWN = "there is no such engagement"
_KEY = re.compile(r"^ENG-[0-9A-Z]{4,12}$")
logger = logging.getLogger("gateway.ingress")

Take = Callable[[Request, Caller], Awaitable[list[Message]]]


class Ingress:
    """Answers 202 with the ids once every event is acknowledged, or a problem and nothing was taken."""

    def __init__(self, log: Log, publisher: Publisher, authenticator: Authenticator, *, limit: int) -> None:
        self._log, self._publisher, self._authenticator = log, publisher, authenticator
        self._limit = limit

    async def events(self, request: Request) -> Response:
        """POST /events: binary, structured or batch mode."""
        return await self._take(request, "/events", "ingress.events", self._posted)

    async def alertmanager(self, request: Request) -> Response:
        """POST /webhooks/alertmanager."""
        return await self._take(request, "/webhooks/alertmanager", "ingress.alertmanager", self._notified)

    async def _take(self, request: Request, route: str, action: str, take: Take) -> Response:
        with server_span(request, route) as span:
            try:
                messages = await take(request, self._caller(request, action))
                await self._publish(messages)
                ids = [message.envelope.id for message in messages]
                response = Response(orjson.dumps({"ids": ids}), 202, media_type="application/json")
            except Problem as problem:
                response = problem.response(route)
            answered(span, response.status_code)
        return response

    def _caller(self, request: Request, action: str) -> Caller:
        try:
            caller = self._authenticator.caller(request.headers.get("authorization"))
            authorise(caller, action)
        except Unauthenticated as error:
            challenge = {"www-authenticate": "Bearer"}
            raise Problem(401, "unauthenticated", str(error), headers=challenge) from error
        except Forbidden as error:
            logger.warning("denied: %s", error.action)
            raise Problem(403, "forbidden", str(error)) from error
        return caller

    async def _posted(self, request: Request, caller: Caller) -> list[Message]:
        posted = read_events(request.headers, await self._body(request))
        self._own_tenant(posted, caller)
        await self._known(((f"{one.at}/engagement", one.engagement) for one in posted), caller)
        return [
            inbound_message(
                one.event,
                id=one.attributes.id,
                source=one.attributes.source,
                engagement=one.engagement or "",
                tenant=caller.tenant,
                actor=caller.actor,
                time=one.time,
            )
            for one in posted
        ]

    async def _notified(self, request: Request, caller: Caller) -> list[Message]:
        chosen = request.query_params.get("engagement")
        body = await self._body(request)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Problem(400, "malformed", "the body is not JSON") from error
        events = read_notification(found, chosen)
        await self._known((("/alerts", engagement) for engagement in events), caller)
        return [
            inbound_message(
                event,
                id=event_id(caller.tenant, engagement, event),
                source="/throughline/gateway/alertmanager",
                engagement=engagement,
                tenant=caller.tenant,
                actor=caller.actor,
            )
            for engagement, event in events.items()
        ]

    async def _body(self, request: Request) -> bytes:
        try:
            return await read_body(request, self._limit)
        except BodyRefused as error:
            raise Problem(error.status, error.code, error.detail) from error

    def _own_tenant(self, posted: Sequence[Posted], caller: Caller) -> None:
        """A tenant attribute is taken only where it says what the token says."""
        wrong = [one for one in posted if one.attributes.tenant not in (None, caller.tenant)]
        if wrong:
            faults = [
                Fault(f"{one.at}/tenant", "not-yours", "is not the tenant of your token") for one in wrong
            ]
            raise Problem(403, "forbidden", "events of another tenant", faults)

    async def _known(self, engagements: Iterable[tuple[str, str | None]], caller: Caller) -> None:
        """Every engagement must be the tenant's own; one that is not looks like one that is not there."""
        known: dict[str, bool] = {}
        malformed, unknown = [], []
        for at, engagement in engagements:
            if engagement is None or not _KEY.match(engagement):
                malformed.append(Fault(at, "invalid", "must be an engagement such as ENG-7F3K"))
                continue
            if engagement not in known:
                known[engagement] = await self._opened(engagement, caller)
            if not known[engagement]:
                unknown.append(Fault(at, "unknown", UNKNOWN))
        if malformed:
            raise Problem(400, "malformed", "attributes are wrong", malformed)
        if unknown:
            raise Problem(404, "not-found", UNKNOWN, unknown)

    async def _opened(self, engagement: str, caller: Caller) -> bool:
        try:
            return await self._log.opened(engagement, caller.tenant)
        except DatabaseError as error:
            raise _away() from error

    async def _publish(self, messages: Sequence[Message]) -> None:
        engagements = sorted({message.envelope.engagement for message in messages})
        if len(engagements) == 1:
            trace.get_current_span().set_attribute(ENGAGEMENT_ATTRIBUTE, engagements[0])
        try:
            await self._publisher.publish(messages)
        except TooLarge as error:
            raise Problem(413, "too-large", "an event is larger than the broker takes") from error
        except NotPublished as error:
            raise _away() from error


def _away() -> Problem:
    detail = "a server behind the gateway is away; nothing is promised to be taken: send it again"
    return Problem(503, "unavailable", detail, headers={"retry-after": "2"})
