"""The gateway as the command line and the demo see it: GraphQL and CloudEvents over HTTP, nothing else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from runtime import documents
from runtime.errors import CommandFailed, Exit

Json = dict[str, Any]
RETRY_SECONDS = 20.0
ACCEPTED, REFUSED, PENDING = "Accepted", "Refused", "Pending"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: `kind` is Accepted, Refused or Pending; `data` is that type's fields."""

    kind: str
    data: Json

    @property
    def engagement(self) -> str:
        return str(self.data["engagementId"])

    @property
    def refusal(self) -> str:
        data = self.data
        return f"{data['field']}: {data['message']} [{data['rule']}]"


class GatewayClient:
    """One caller of one gateway. `retry_seconds` bridges a gateway that is just being started again.

    Raises CommandFailed: 69 where nothing answers, 1 where the gateway answers with an error.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        retry_seconds: float = 0.0,
        transport: httpx.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = url
        self.retry_seconds = retry_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}", **(headers or {})},
            timeout=httpx.Timeout(30, connect=3),
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> "GatewayClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, document: str, headers: Mapping[str, str] | None = None, **variables: Any) -> Json:
        """Run one GraphQL operation; returns its `data`."""
        body = {"query": document, "variables": variables}
        answer = await self._post("/graphql", json=body, headers={**_JSON, **(headers or {})})
        content = _content(answer)
        if content.get("errors"):
            raise CommandFailed(Exit.FAILED, *(f"gateway: {e.get('message')}" for e in content["errors"]))
        if answer.status_code >= httpx.codes.BAD_REQUEST or "data" not in content:
            raise CommandFailed(Exit.FAILED, f"gateway: {answer.status_code} {_problem(content, answer)}")
        data: Json = content["data"]
        return data

    async def submit(
        self,
        command: str,
        data: Mapping[str, Any],
        *,
        engagement: str | None = None,
        key: str | None = None,
        timeout_seconds: float = 30.0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a command and ask until it is answered; Pending only when the time is up."""
        deadline = time.monotonic() + timeout_seconds
        variables = {"type": command, "engagement": engagement, "data": data, "key": key, "waitMs": 5000}
        answer = _answer((await self.ask(documents.SUBMIT, headers, **variables))["submitCommand"])
        while answer.kind == PENDING and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            found = (await self.ask(documents.COMMAND, headers, id=answer.data["commandId"]))["command"]
            answer = _answer(found) if found else answer
        return answer

    async def timeline(
        self, engagement: str, *, after: int = 0, types: Sequence[str] | None = None, first: int = 100
    ) -> list[Json]:
        """One page of the engagement's entries after a cursor."""
        variables: Json = {"engagement": engagement, "after": after, "types": types, "first": first}
        page = (await self.ask(documents.TIMELINE, **variables))["timeline"]
        entries: list[Json] = page["entries"] if page else []
        return entries

    async def whole_timeline(self, engagement: str) -> list[Json]:
        entries: list[Json] = []
        while page := await self.timeline(engagement, after=entries[-1]["cursor"] if entries else 0):
            entries += page
        return entries

    async def post_events(
        self, events: Sequence[Json], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Hand in structured CloudEvents as one batch."""
        media = {"content-type": "application/cloudevents-batch+json"}
        content = json.dumps(list(events)).encode()
        return await self._post("/events", content=content, headers={**media, **(headers or {})})

    async def post_alerts(
        self, notification: Json, engagement: str, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Post to the webhook as Prometheus Alertmanager does (version 4)."""
        path = f"/webhooks/alertmanager?engagement={engagement}"
        return await self._post(path, json=notification, headers=dict(headers or {}))

    async def changes(self, engagement: str, after: int) -> AsyncIterator[Json]:
        """Follow an engagement over server-sent events, from a cursor and then live."""
        body = {"query": documents.CHANGES, "variables": {"id": engagement, "after": after}}
        headers = {"accept": "text/event-stream"}
        timeout = httpx.Timeout(None, connect=3)
        async with self._http.stream(
            "POST", "/graphql", json=body, headers=headers, timeout=timeout
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                await answer.aread()
                raise CommandFailed(Exit.FAILED, f"gateway: {answer.status_code} {answer.text[:300]}")
            async for change in _events(answer):
                yield change

    async def reachable(self, path: str) -> bool:
        try:
            return (await self._http.get(path)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def _post(self, path: str, **request: Any) -> httpx.Response:
        deadline = time.monotonic() + self.retry_seconds
        while True:
            try:
                answer = await self._http.post(path, **request)
                if answer.status_code < httpx.codes.BAD_GATEWAY or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise unreachable(self.url, error) from error
            await asyncio.sleep(0.3)


_JSON = {"accept": "application/graphql-response+json, application/json"}


def unreachable(url: str, error: Exception) -> CommandFailed:
    where = url.removeprefix("http://")
    reason = f" ({type(error).__name__})" if not isinstance(error, httpx.ConnectError) else ""
    return CommandFailed(Exit.UNREACHABLE, f"no stack on {where}{reason}; start one with: throughline up")


def refusal_of(answer: httpx.Response) -> list[str]:
    """What an RFC 9457 problem complains of: each fault with its place, or its detail."""
    problem = _content(answer)
    faults = [f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", ())]
    return faults or [_problem(problem, answer)]


def _answer(found: Json) -> Answer:
    return Answer(str(found["__typename"]), found)


def _content(answer: httpx.Response) -> Json:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _problem(content: Json, answer: httpx.Response) -> str:
    return str(content.get("detail") or content.get("title") or answer.text[:300])


async def _events(answer: httpx.Response) -> AsyncIterator[Json]:
    """The payloads of `next` events; ends at `complete`."""
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        elif name == "data" and kind == "next":
            content = json.loads(value)
            if content.get("errors"):
                raise CommandFailed(Exit.FAILED, *(f"gateway: {e['message']}" for e in content["errors"]))
            yield content["data"]["engagementChanged"]
        elif kind == "complete":
            return
