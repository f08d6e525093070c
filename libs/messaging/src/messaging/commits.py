"""The commit documents: one insert is the state change, the outbox and the inbox at once (ADR 0001)."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from messaging.envelope import Envelope, Message
from messaging.service import Service
from messaging.stream import Outcome, Stream
from persistence import BulkRefused, Database, ReplaceOne, UpdateOne, duplicates, majority, slices
from schemas import registry
from schemas.base import Payload

SNAPSHOT_EVERY = 50
"""Commits between two snapshots: loading a busy stream reads at most this many documents."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stream as the store has it, and what its last commit may still owe its readers."""

    stream: Stream
    owed: list[Message]


class CommitStore:
    """The service's commits, stream heads and snapshots."""

    def __init__(self, service: Service, database: Database) -> None:
        self._service = service
        # What is read from these is published.
        self._commits, self._heads, self._snapshots = (
            majority(database[name]) for name in ("commits", "heads", "snapshots")
        )
        self._shape = _shape(service)

    async def prepare(self) -> None:
        """Create the indexes that the promises rest on; creating them again changes nothing."""
        await self._commits.create_index([("stream", 1), ("version", 1)], unique=True)
        await self._commits.create_index([("causes", 1)], unique=True)

    async def load(self, engagements: Iterable[str]) -> dict[str, Loaded]:
        """Every stream asked for, folded from its snapshot and the commits since; unknown ones are empty."""
        found: dict[str, Loaded] = {}
        for part in slices(sorted(set(engagements))):
            heads = {d["_id"]: d async for d in self._heads.find({"_id": {"$in": part}})}
            snapshots = {d["_id"]: d async for d in self._snapshots.find({"_id": {"$in": part}})}
            commits = await self._read_commits(part, snapshots)
            for engagement in part:
                found[engagement] = self._fold(
                    engagement, snapshots.get(engagement), heads.get(engagement, {}), commits[engagement]
                )
        return found

    async def _read_commits(
        self, part: Sequence[str], snapshots: Mapping[str, Any]
    ) -> dict[str, list[dict[str, Any]]]:
        commits: dict[str, list[dict[str, Any]]] = defaultdict(list)
        whole = [e for e in part if not self._usable(snapshots.get(e))]
        filters: list[dict[str, Any]] = [{"stream": {"$in": whole}}] if whole else []
        for engagement in set(part) - set(whole):
            since = snapshots[engagement]["version"]
            filters.append({"stream": engagement, "version": {"$gt": since}})
        for query in filters:
            async for document in self._commits.find(query).sort([("stream", 1), ("version", 1)]):
                commits[document["stream"]].append(document)
        return commits

    def _usable(self, snapshot: Mapping[str, Any] | None) -> bool:
        # A snapshot of another State class is left alone: the stream itself is always enough.
        return snapshot is not None and snapshot["shape"] == self._shape

    def _fold(
        self,
        engagement: str,
        snapshot: Mapping[str, Any] | None,
        head: Mapping[str, Any],
        commits: Sequence[Mapping[str, Any]],
    ) -> Loaded:
        stream = Stream(engagement, self._service.state())
        if snapshot is not None and self._usable(snapshot):
            stream = Stream(
                engagement,
                self._service.state.model_validate_json(snapshot["state"]),
                snapshot["tenant"],
                snapshot["version"],
                snapshot["sequence"],
                snapshot["seen"],
                frozenset(snapshot.get("skipped", ())),
                snapshot["version"],
            )
        owed: list[Message] = []
        for document in commits:
            messages = self.messages(document)
            # Nobody writes to a stream before its last commit is published, so no older one owes anything.
            owed = messages if document["version"] > head.get("published", 0) else []
            stream = self._advance(stream, document, messages)
        seen = _latest(stream.seen, head.get("seen", {}))
        return Loaded(replace(stream, seen=seen, tenant=stream.tenant or head.get("tenant")), owed)

    def _advance(self, stream: Stream, document: Mapping[str, Any], messages: Sequence[Message]) -> Stream:
        state = stream.state
        for message in messages:
            state = self._service.evolve(state, message.payload)
        return replace(
            stream,
            state=state,
            tenant=document["tenant"] or stream.tenant,
            version=document["version"],
            sequence=stream.sequence + len(messages),
            seen=_latest(stream.seen, document["seen"]),
            skipped=(stream.skipped | {*document.get("skipped", ())}) - {*document["causes"]},
        )

    async def insert(self, documents: Sequence[dict[str, Any]]) -> set[int]:
        """Insert them all in one call; returns the positions of those refused as duplicates.

        Raises DatabaseError for anything else: then which of them are in is not known.
        """
        try:
            await self._commits.insert_many(list(documents), ordered=False)
        except BulkRefused as error:
            return duplicates(error)
        return set()

    def messages(self, document: Mapping[str, Any], known: Sequence[Payload] = ()) -> list[Message]:
        """A commit's events as they are published; read back where the payloads are not `known`."""
        events = document["events"]
        payloads = known or [registry.parse(event["type"], event["data"]) for event in events]
        return [
            Message(stored_envelope(self._service.name, document, event), payload, event["data"])
            for event, payload in zip(events, payloads, strict=True)
        ]

    async def known_causes(self, causes: Sequence[str]) -> set[str]:
        """Those of the causes that already have their commit."""
        known: set[str] = set()
        for part in slices(list(causes)):
            async for document in self._commits.find({"causes": {"$in": part}}, {"causes": 1}):
                known.update(document["causes"])
        return known & set(causes)

    async def mark(
        self,
        published: Mapping[str, int],
        seen: Mapping[str, Mapping[str, int]],
        tenants: Mapping[str, str] | None = None,
    ) -> None:
        """Move heads forward, never back: what is published, seen without a commit, and whose it is."""
        moves = []
        for engagement in {*published, *seen}:
            fields = {f"seen.{name}": last for name, last in seen.get(engagement, {}).items()}
            if engagement in published:
                fields["published"] = published[engagement]
            move: dict[str, Any] = {"$max": fields}
            if tenants and engagement in tenants:
                move["$set"] = {"tenant": tenants[engagement]}
            moves.append(UpdateOne({"_id": engagement}, move, upsert=True))
        for part in slices(moves, 200):
            await self._heads.bulk_write(part, ordered=False)

    async def snapshot(self, streams: Sequence[Stream]) -> None:
        writes = [
            ReplaceOne(
                {"_id": s.engagement},
                {
                    "version": s.version,
                    "sequence": s.sequence,
                    "tenant": s.tenant,
                    "seen": dict(s.seen),
                    "skipped": sorted(s.skipped),
                    "shape": self._shape,
                    "state": s.state.model_dump_json(),
                },
                upsert=True,
            )
            for s in streams
        ]
        if writes:
            await self._snapshots.bulk_write(writes, ordered=False)


def _shape(service: Service) -> str:
    """Changes with the State class and with the code that folds it: older snapshots are not used then."""
    room = ".".join(service.evolve.__module__.split(".")[:2])
    # A copy: another thread may import something meanwhile.
    modules = sys.modules.copy()
    code = [
        inspect.getsource(module)
        for name, module in sorted(modules.items())
        if (name == room or name.startswith(f"{room}.")) and getattr(module, "__file__", None)
    ]
    return sha256(to_json([service.state.model_json_schema(), code])).hexdigest()


def _latest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {*one, *other}}


def commit_document(outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The document that makes an outcome true."""
    stream = outcome.stream
    return {
        "stream": stream.engagement,
        "version": stream.version,
        "tenant": stream.tenant,
        "at": now,
        "causes": outcome.causes,
        "seen": dict(stream.seen),
        "skipped": outcome.skipped,
        "events": [
            {
                "sequence": e.sequence,
                "type": e.payload.wire_type(),
                "data": e.data,
                "correlation": e.cause.correlation,
                "causation": e.cause.id,
                "causation_type": e.cause.type,
                "actor": e.cause.actor,
                "tenant": e.cause.tenant,
                "traceparent": e.traceparent,
                "tracestate": e.tracestate,
            }
            for e in outcome.events
        ],
    }


def stored_envelope(service: str, document: Mapping[str, Any], event: Mapping[str, Any]) -> Envelope:
    """An event's envelope: the same, id and time included, however often it is read back."""
    at: datetime = document["at"]
    return Envelope(
        id=f"{document['stream']}/{service}/{event['sequence']}",
        source=f"/throughline/{service}",
        type=event["type"],
        time=at if at.tzinfo else at.replace(tzinfo=UTC),
        engagement=document["stream"],
        tenant=event["tenant"],
        correlation=event["correlation"],
        causation=event["causation"],
        causation_type=event["causation_type"],
        actor=event["actor"],
        sequence=event["sequence"],
        traceparent=event["traceparent"],
        tracestate=event["tracestate"],
    )
