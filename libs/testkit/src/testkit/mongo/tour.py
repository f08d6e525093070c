"""Asks every question and makes every write that the project has for its databases, once each at least."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, TypeVar
from uuid import uuid4

from gateway.entry import Entry
from gateway.ports import DeadLetter, Filter, Mark, Place, Stored, Submitted
from gateway.store import MongoStore
from gateway.view import VIEW_VERSION, new_view
from messaging import Activity, Message, command_message, inspecting
from messaging.commits import CommitStore, commit_document
from messaging.envelope import inbound_message, to_headers
from messaging.stream import Outcome, Received, Record, Recorded, Stream
from messaging.waiting import FAILED, GAP, WaitingRoom
from messaging.work import WorkItems
from persistence import Handle, MongoSettings, connect, watching
from schemas import intake
from testkit.mongo.recording import Recorder, Sent
from testkit.register import Register, register_service, stakeholder

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEY, TENANT, MANY = "ENG-TEST1", "acme", 150
T = TypeVar("T")


class Guide:
    """Writes down whose method is at work, and which methods were called at all."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.called: set[str] = set()

    def lead(self, thing: T) -> T:
        """A stand-in that behaves as the thing does, and says when one of its functions is called."""
        return _Led(thing, self)  # type: ignore[return-value]


class _Led:
    def __init__(self, thing: Any, guide: Guide) -> None:
        self._thing, self._guide = thing, guide

    def __getattr__(self, name: str) -> Any:
        found, thing = getattr(self._thing, name), self._thing
        if not inspect.iscoroutinefunction(found):
            return found
        module = thing if isinstance(thing, ModuleType) else inspect.getmodule(type(thing))
        assert module is not None
        short = (
            module.__name__.removeprefix("messaging.") if module.__name__ != "gateway.store" else "gateway"
        )
        label = f"{short}.{name}"
        self._guide.called.add(f"{_name(thing)}.{name}")

        async def call(*arguments: Any, **named: Any) -> Any:
            self._guide.recorder.asked = label
            return await found(*arguments, **named)

        return call


def _name(thing: Any) -> str:
    return str(thing.__name__ if isinstance(thing, ModuleType) else type(thing).__name__)


TOURED: tuple[type | ModuleType, ...] = (
    Handle,
    CommitStore,
    WaitingRoom,
    WorkItems,
    MongoStore,
    inspecting,
)


def asked() -> set[str]:
    """Every public function that asks a database, as `Class.method`."""
    return {
        f"{thing.__name__}.{name}"
        for thing in TOURED
        for name, found in vars(thing).items()
        if inspect.iscoroutinefunction(found) and not name.startswith("_")
    }


async def tour(url: str) -> tuple[list[Sent], set[str]]:
    """Everything that was sent on the way, and every function called; what it made is removed again."""
    settings = MongoSettings(url=url, database_prefix=f"t{uuid4().hex[:10]}_")
    guide = Guide()
    with watching(guide.recorder):
        service, gateway = connect(settings, "intake"), connect(settings, "gateway")
    try:
        await guide.lead(service).ping()
        await _service(service, guide.lead)
        await _gateway(gateway, guide.lead)
        return guide.recorder.take(), guide.called
    finally:
        for handle in (service, gateway):
            await handle.db.client.drop_database(handle.db.name)
            handle.close()


async def _service(handle: Handle, lead: Callable[[Any], Any]) -> None:
    service = register_service(activities=[Activity(on=intake.StakeholderRegistered, run=_nothing)])
    commits = lead(CommitStore(service, handle.db))
    waiting, items = lead(WaitingRoom(handle.db)), lead(WorkItems(service, handle.db))
    for part in (commits, waiting, items):
        await part.prepare()
    await _commits(commits)
    await _waiting(waiting)
    await _work(items)
    asking = lead(inspecting)
    await waiting.hold([(received("berta"), FAILED, "")])
    assert len(await asking.blocked("intake", handle.db)) == 1
    assert len(await asking.work_items("intake", handle.db)) == 1


async def _nothing(*_: Any) -> None: ...


async def _commits(store: Any) -> None:
    stream = Stream(KEY, Register(), TENANT)
    documents = [commit(replace(stream, version=n, sequence=n), n) for n in range(1, MANY + 1)]
    assert await store.insert(documents) == set()
    repeated = [{k: v for k, v in documents[n].items() if k != "_id"} for n in (0, 1)]
    assert await store.insert([repeated[0], {**repeated[1], "version": MANY + 1}]) == {0, 1}
    assert await store.known_causes(["cause-3", "unknown"]) == {"cause-3"}
    await store.mark({KEY: MANY}, {KEY: {"design": 4}}, {KEY: TENANT})
    await store.snapshot([replace(stream, version=MANY - 1, sequence=MANY - 1)])
    found = await store.load([KEY, "ENG-OTHER"])
    assert found[KEY].stream.version == MANY
    assert found[KEY].stream.seen == {"design": 4}


def commit(stream: Stream, number: int) -> dict[str, Any]:
    message = received(f"name-{number}")
    event = intake.StakeholderRegistered(stakeholder=message.payload.stakeholder)
    recorded = Recorded(number, event, event.model_dump_json(), message.envelope, None, None)
    return commit_document(Outcome(stream, events=[recorded], causes=[f"cause-{number}"]), NOON)


def received(name: str) -> Received:
    message = command_message(stakeholder(name), engagement=KEY, tenant=TENANT, actor="tester", id=name)
    headers, body = tuple(to_headers(message.envelope)), message.payload.model_dump_json().encode()
    record = Record("intake.commands", 0, 0, KEY.encode(), body, headers)
    return Received(message.envelope, message.payload, record)


async def _waiting(room: Any) -> None:
    ids = [f"anna-{n}" for n in range(MANY)]
    held = [(received(name), GAP if n else FAILED, "") for n, name in enumerate(ids)]
    await room.hold(held)
    await room.hold(held[:1])
    assert await room.blocked([KEY, "ENG-OTHER"]) == {KEY}
    assert await room.blocked_engagements() == 1
    assert await room.count(GAP) == MANY - 1
    assert await room.gapped([KEY, "ENG-OTHER"]) == {KEY}
    await room.wake_gaps([KEY])
    assert await room.any_due(KEY, datetime.now(UTC) + timedelta(minutes=1))
    head = await room.failing_head(KEY)
    await room.not_yet(head, FAILED, "still")
    await room.wake(KEY)
    queue = await room.queue(KEY)
    assert [one["message_id"] for one in queue] == ids
    assert await room.due(datetime.now(UTC) + timedelta(minutes=1)) == [KEY]
    await room.release([one["_id"] for one in queue])


async def _work(items: Any) -> None:
    await items.create([started("anna"), started("berta")])
    await items.create([started("anna")])
    item = await items.claim(timedelta(minutes=1))
    await items.check(item)
    await items.change(item, {"checkpoint": {"at": 1}})
    await items.end(item, {"due": None, "error": "given up", "done_at": NOON})
    assert await items.next_due() is not None
    assert await items.census() == {"open": 1, "failed": 1}
    last = await items.claim(timedelta(minutes=1))
    await items.end(last, {"due": None, "done_at": NOON})
    assert await items.claim(timedelta(minutes=1)) is None
    assert await items.claim(timedelta(minutes=1), suspects=False) is None


def started(name: str) -> Message:
    event = intake.StakeholderRegistered(stakeholder=stakeholder(name).stakeholder)
    return inbound_message(
        event, id=f"{KEY}/intake/{name}", engagement=KEY, tenant=TENANT, actor="t", source="/t"
    )


async def _gateway(handle: Handle, lead: Callable[[Any], Any]) -> None:
    store = lead(MongoStore(handle.db))
    await store.prepare()
    await _log(store)
    await _views(store)
    await store.hold([received("anna")])
    assert len(await store.held(KEY)) == 1
    await store.release([received("anna")])
    command = Submitted(
        id="cmd-1", tenant=TENANT, engagement=KEY, type="t", actor="a", digest="d", at=NOON, data="{}"
    )
    assert await store.remember(command) is None
    assert await store.remember(command) == command
    assert await store.command("cmd-1", TENANT) == command
    await _letters(store)
    await _rebuild(store)
    assert (await store.census(VIEW_VERSION)).views == 3


async def _rebuild(store: Any) -> None:
    found = await store.load(KEY)
    absent = replace(found, engagement="ENG-NEWER")
    standings = await store.standings([found, absent])
    assert [one.cursor for one in standings] == [found.cursor, 0]
    assert await store.replace([(found, standings[0]), (absent, standings[1])])
    mark = Mark(VIEW_VERSION, KEY, 1, 1, 1, NOON)
    await store.mark(mark)
    assert await store.marked() == mark
    await store.mark(None)


async def _log(store: Any) -> None:
    for first in range(1, MANY + 1):
        assert await store.append(TENANT, [entry(first)])
    assert not await store.append(TENANT, [entry(1, id="other")])
    assert len(await store.tail(KEY, 0)) == MANY
    assert len(await store.tail(KEY, 0, limit=1)) == 1
    assert len(await store.entries(KEY, TENANT, types=["intake.plan_proposed"], limit=10)) == 10
    assert len(await store.find(KEY, TENANT, [f"{KEY}/intake/1"])) == 1
    assert len(await store.answers("cmd-1")) == 1
    assert [one.tenant async for one in store.walk("", None)] == [TENANT] * MANY
    assert [one async for one in store.walk("", "ENG-AAAA")] == []
    assert await store.log_documents() == MANY


def entry(cursor: int, **changes: Any) -> Entry:
    about: dict[str, Any] = {
        "cursor": cursor,
        "id": f"{KEY}/intake/{cursor}",
        "wire_type": intake.PlanProposed.wire_type(),
        "at": NOON,
        "engagement": KEY,
        "tenant": TENANT,
        "sequence": cursor,
        "actor": "anna",
        "correlation": "flow",
        "causation": f"cmd-{cursor}",
        "traceparent": None,
        "data": "{}",
    }
    return Entry(**{**about, **changes})


async def _views(store: Any) -> None:
    assert not await store.opened(KEY, TENANT)
    for key in (KEY, "ENG-TEST2"):
        assert await store.save(view(key, 1), 0)
    assert not await store.save(view(KEY, 1), 0)
    assert await store.save(view(KEY, 2), 1)
    assert await store.load(KEY) == view(KEY, 2)
    assert await store.view(KEY, TENANT) == view(KEY, 2)
    assert await store.opened(KEY, TENANT)
    wanted = Filter(stage="INTAKE", health="ON_TRACK", text="order")
    await store.page(TENANT, wanted, 10, None)
    assert len(await store.page(TENANT, Filter(), 10, Place(NOON, KEY))) == 1


def view(key: str, cursor: int) -> Stored:
    made = {**new_view(key, TENANT), "opened_at": "2026-03-02T12:00:00+00:00", "cursor": cursor}
    about = {"engagement": key, "tenant": TENANT, "created_at": NOON}
    return Stored(cursor=cursor, view_version=VIEW_VERSION, view=made, **about)  # type: ignore[arg-type]


async def _letters(store: Any) -> None:
    for status in ("BLOCKED", "OPEN"):
        await store.bury(letter(status))
    found: Sequence[DeadLetter] = await store.letters(TENANT, orphans=True, status="OPEN", service="intake")
    assert [one.id for one in found] == ["letter"]
    assert await store.letters(TENANT, orphans=False, after="letter") == []
    assert await store.letter("letter", TENANT, orphans=False) is not None
    await store.census(VIEW_VERSION)
    assert await store.decide("letter", "OPEN", {"status": "SKIPPED"})


def letter(status: str) -> DeadLetter:
    return DeadLetter(
        id="letter",
        status=status,
        service="intake",
        topic="intake.commands",
        partition=0,
        offset=1,
        field="data",
        reason="",
        code="",
        at=NOON,
        key=None,
        value=b"{}",
        engagement=KEY,
        tenant=TENANT,
    )
