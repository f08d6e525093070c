"""What can be asked. Everything here has been authorised before it runs; the store takes the tenant."""

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any, cast

import strawberry
from opentelemetry import trace

from gateway.commands import timeline_entry
from gateway.context import Context, GatewayInfo
from gateway.entry import Entry
from gateway.graphql.errors import BadInput
from gateway.graphql.operators import DeadLetterConnection, dead_letter_page
from gateway.graphql.results import CommandResult, Timeline, TimelineEntry
from gateway.graphql.types.common import HealthState, Node
from gateway.graphql.types.engagement import Engagement, EngagementConnection, EngagementFilter
from gateway.ports import Filter, Place, Stored
from gateway.projector import catch_up
from gateway.thread import cause_of, value_thread
from gateway.view import VIEW_VERSION, View, fold_all, new_view
from schemas.feedback import Stage
from telemetry import ENGAGEMENT_ATTRIBUTE

LONGEST_PAGE = 100
LONGEST_KEY = 16
LONGEST_CHAIN = 200
WHOLE_LOG = 1_000_000


@strawberry.type(description="One step of a requirement's way from what was said to what came of it.")
class ThreadLink:
    stage: Stage
    kind: str
    ref: str
    title: str
    detail: str | None
    event_id: strawberry.ID | None
    at: datetime | None


@strawberry.type
class ValueThread:
    requirement: str
    links: list[ThreadLink]


@strawberry.type(
    description="A cause: an event of the log, a command somebody gave, or a message from outside."
)
class CausationLink:
    id: strawberry.ID
    kind: str = strawberry.field(description="event, command or message")
    type: str | None
    at: datetime | None
    actor: str | None
    summary: str | None
    entry: TimelineEntry | None


@strawberry.type(
    description="Causes, the nearest first; `complete` where the last one is a person's or outsider's."
)
class Causation:
    links: list[CausationLink]
    complete: bool


def key_of(given: str) -> str:
    """An engagement's key, from itself or from the global id; noted on the operation's span."""
    key = given if given.startswith("ENG-") else _decoded(given).partition(":")[2]
    trace.get_current_span().set_attribute(ENGAGEMENT_ATTRIBUTE, key[:LONGEST_KEY])
    return key


async def current_view(context: Context, key: str) -> View | None:
    """The view as it is kept: one read. One that an older fold made is folded anew for the answer."""
    stored = await context.store.view(key, context.known.tenant)
    if stored is None:
        return None
    view = stored.view
    if stored.view_version != VIEW_VERSION:
        view = await catch_up(context.store, new_view(stored.engagement, stored.tenant))
    return view if view["opened_at"] else None


async def past_view(context: Context, key: str, at: datetime | None, cursor: int | None) -> View | None:
    """Folded from the log up to a moment or a cursor."""
    tenant = context.known.tenant
    entries = await context.store.entries(key, tenant, limit=WHOLE_LOG)
    known = [e for e in entries if (at is None or e.at <= at) and (cursor is None or e.cursor <= cursor)]
    view = fold_all(new_view(key, tenant), known)
    return view if view["opened_at"] else None


def moment(given: Any) -> datetime | None:
    """Raises BadInput for what is no moment with a zone."""
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadInput("asOf must be an ISO 8601 moment such as 2026-03-01T09:00:00Z") from error
    if found.tzinfo is None:
        raise BadInput("asOf needs a time zone, for example 2026-03-01T09:00:00Z")
    return found


def page_size(first: int) -> int:
    if not 1 <= first <= LONGEST_PAGE:
        raise BadInput(f"first must be 1 to {LONGEST_PAGE}")
    return first


def _wanted(given: EngagementFilter | None) -> Filter:
    if given is None:
        return Filter()
    stage = Stage(given.stage).value if given.stage else None
    health = HealthState(given.health).value if given.health else None
    return Filter(stage=stage, health=health, text=given.text)


def _cursor(stored: Stored) -> str:
    return b64encode(f"{stored.created_at.isoformat()}|{stored.engagement}".encode()).decode()


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    created, _, engagement = _decoded(cursor).partition("|")
    try:
        return Place(datetime.fromisoformat(created), engagement)
    except ValueError as error:
        raise BadInput("after must be a cursor of this list") from error


def _decoded(given: str) -> str:
    try:
        return b64decode(given, validate=True).decode()
    except ValueError:
        return ""


async def _causes(context: Context, key: str, event: str) -> Causation | None:
    tenant, links, wanted = context.known.tenant, list[Any](), event
    for _ in range(LONGEST_CHAIN):
        found = await context.store.find(key, tenant, [wanted])
        if not found:
            break
        links.append(_event_link(found[0]))
        started = cause_of(found[0])
        cause = found[0].causation
        if cause is None:
            return Causation(links=links, complete=True)
        if started is None:
            links.append(await _root_link(context, cause))
            return Causation(links=links, complete=True)
        wanted = started
    return Causation(links=links, complete=False) if links else None


def _event_link(entry: Entry) -> CausationLink:
    shown = timeline_entry(entry)
    return CausationLink(
        id=shown.id,
        kind="event",
        type=entry.type,
        at=shown.at,
        actor=entry.actor,
        summary=shown.summary,
        entry=shown,
    )


async def _root_link(context: Context, cause: str) -> CausationLink:
    command = await context.store.command(cause, context.known.tenant)
    if command is None:
        nothing: dict[str, Any] = {"type": None, "at": None, "actor": None, "summary": None, "entry": None}
        return CausationLink(id=cast(strawberry.ID, cause), kind="message", **nothing)
    return CausationLink(
        id=cast(strawberry.ID, command.id),
        kind="command",
        type=command.type.rpartition(".")[0],
        at=cast(datetime, command.at.isoformat()),
        actor=command.actor,
        summary=f"{command.actor} asked for {command.type.rpartition('.')[0]}",
        entry=None,
    )


async def _engagement(
    info: GatewayInfo,
    id: strawberry.ID,
    as_of: datetime | None = None,
    as_of_cursor: int | None = None,
) -> Engagement | None:
    context, key = info.context, key_of(id)
    if as_of is None and as_of_cursor is None:
        view = await current_view(context, key)
    else:
        view = await past_view(context, key, moment(as_of), as_of_cursor)
    return cast(Engagement, view)


async def _engagements(
    info: GatewayInfo,
    first: int = 20,
    after: str | None = None,
    filter: EngagementFilter | None = None,
) -> EngagementConnection:
    size, place = page_size(first), _place(after)
    found = await info.context.store.page(info.context.known.tenant, _wanted(filter), size + 1, place)
    edges = [{"cursor": _cursor(one), "node": one.view} for one in found[:size]]
    page = {
        "has_next_page": len(found) > size,
        "has_previous_page": after is not None,
        "start_cursor": edges[0]["cursor"] if edges else None,
        "end_cursor": edges[-1]["cursor"] if edges else None,
    }
    return cast(EngagementConnection, {"edges": edges, "page_info": page})


async def _node(info: GatewayInfo, id: strawberry.ID) -> Node | None:
    kind, _, key = _decoded(id).partition(":")
    return cast(Node, await current_view(info.context, key)) if kind == "Engagement" else None


async def _timeline(
    info: GatewayInfo,
    engagement: strawberry.ID,
    first: int = 50,
    after: int = 0,
    types: list[str] | None = None,
) -> Timeline:
    size, tenant = page_size(first), info.context.known.tenant
    found = await info.context.store.entries(
        key_of(engagement), tenant, after=after, limit=size + 1, types=types or ()
    )
    entries = found[:size]
    end = entries[-1].cursor if entries else after
    return Timeline(entries=[timeline_entry(e) for e in entries], end_cursor=end, has_more=len(found) > size)


async def _value_thread(
    info: GatewayInfo, engagement: strawberry.ID, requirement: strawberry.ID
) -> ValueThread | None:
    key = key_of(engagement)
    entries = await info.context.store.entries(key, info.context.known.tenant, limit=WHOLE_LOG)
    view = await current_view(info.context, key)
    links = value_thread(view, entries, requirement) if view else None
    return None if links is None else cast(ValueThread, {"requirement": requirement, "links": links})


async def _why(info: GatewayInfo, engagement: strawberry.ID, event: strawberry.ID) -> Causation | None:
    return await _causes(info.context, key_of(engagement), event)


async def _command(info: GatewayInfo, id: strawberry.ID) -> CommandResult:
    return await info.context.desk.answer(info.context.known, id)


async def _dead_letters(
    info: GatewayInfo,
    first: int = 20,
    after: str | None = None,
    status: str | None = None,
    service: str | None = None,
) -> DeadLetterConnection:
    return await dead_letter_page(info.context, page_size(first), after, status, service)


@strawberry.type
class Query:
    engagement: Engagement | None = strawberry.field(
        resolver=_engagement,
        description="One engagement, by its key (ENG-7F3K) or its id; now, or as it was.",
    )
    engagements: EngagementConnection = strawberry.field(
        resolver=_engagements, description="The tenant's engagements, newest first."
    )
    node: Node | None = strawberry.field(resolver=_node, description="Anything by its id.")
    timeline: Timeline = strawberry.field(
        resolver=_timeline, description="What happened, in the order of arrival, behind the cursor `after`."
    )
    value_thread: ValueThread | None = strawberry.field(
        resolver=_value_thread,
        description="From the statements behind a requirement to the outcome it was judged by.",
    )
    why: Causation | None = strawberry.field(
        resolver=_why, description="Why an event came about: its chain of causes, back to who began it."
    )
    command: CommandResult = strawberry.field(resolver=_command, description="What became of a command.")
    dead_letters: DeadLetterConnection = strawberry.field(
        resolver=_dead_letters,
        description="Messages that were given up, and those an engagement waits behind.",
    )
