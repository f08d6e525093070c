"""What can be followed: everything missed since a cursor, once and in order, then live."""

import time
from collections.abc import AsyncIterator
from typing import cast

import strawberry

from gateway.auth import Unauthenticated
from gateway.commands import NotFound, timeline_entry
from gateway.context import GatewayInfo
from gateway.graphql.queries import current_view, key_of
from gateway.graphql.results import TimelineEntry
from gateway.graphql.types.engagement import Engagement

POLL_SECONDS = 1.0
BATCH = 100


async def _engagement(root: "Change", info: GatewayInfo) -> Engagement | None:
    return cast(Engagement, await current_view(info.context, root.key))


@strawberry.type(description="One event, and the engagement as it stands since.")
class Change:
    cursor: int
    entry: TimelineEntry
    key: strawberry.Private[str]
    engagement: Engagement | None = strawberry.field(
        resolver=_engagement, description="The view now; it may be ahead of `cursor`."
    )


async def _engagement_changed(
    info: GatewayInfo, id: strawberry.ID, after: int | None = None
) -> AsyncIterator[Change]:
    context, key = info.context, key_of(id)
    tenant, expires_at = context.known.tenant, context.known.expires_at
    stored = await context.store.view(key, tenant)
    if stored is None:
        raise NotFound("there is no such engagement")
    # Without a cursor the follower starts at now: the view just read is what it has.
    cursor = stored.cursor if after is None else after
    with context.hub.listening(key) as listener:
        while (left := expires_at - time.time()) > 0:
            entries = await context.store.entries(key, tenant, after=cursor, limit=BATCH)
            for entry in entries:
                cursor = entry.cursor
                yield Change(cursor=cursor, entry=timeline_entry(entry), key=key)
            if not entries:
                await listener.woken(min(left, POLL_SECONDS))
    raise Unauthenticated("the token has expired")


@strawberry.type
class Subscription:
    engagement_changed: AsyncIterator[Change] = strawberry.subscription(
        resolver=_engagement_changed,
        description="Each event behind the cursor `after` (0 for all), then each new one.",
    )
