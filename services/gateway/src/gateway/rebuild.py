"""Folds every view anew from its log, compares, and with `--write` puts those that differ in place."""

import asyncio
import sys
from dataclasses import dataclass

from gateway.ports import Log, Stored
from gateway.projector import catch_up
from gateway.settings import Settings
from gateway.store import MongoStore
from gateway.view import VIEW_VERSION, encode, new_view
from persistence import connect

MISSING, DIFFERENT, EQUAL = "missing", "different", "equal"


@dataclass(frozen=True)
class Finding:
    engagement: str
    state: str
    replaced: bool = False


async def rebuild(log: Log, *, write: bool = False) -> list[Finding]:
    """One finding per engagement of the log. A view that moves meanwhile is left alone."""
    return [await _rebuild_one(log, key, write=write) for key in await log.engagements()]


async def _rebuild_one(log: Log, engagement: str, *, write: bool) -> Finding:
    first = (await log.tail(engagement, 0, limit=1))[0]
    stored = await log.load(engagement)
    tenant = stored.tenant if stored else first.tenant
    # Read before folding, so that what comes meanwhile makes the replacement fail instead of going back.
    expected = stored.cursor if stored else 0
    view = await catch_up(log, new_view(engagement, tenant))
    if stored and stored.view_version == VIEW_VERSION and encode(stored.view) == encode(view):
        return Finding(engagement, EQUAL)
    new = Stored(
        engagement=engagement,
        tenant=tenant,
        cursor=view["cursor"],
        created_at=first.at,
        view_version=VIEW_VERSION,
        view=view,
    )
    replaced = write and await log.save(new, expected)
    return Finding(engagement, DIFFERENT if stored else MISSING, replaced)


async def _run(settings: Settings, *, write: bool) -> int:
    database = connect(settings.mongo, "gateway")
    try:
        findings = await rebuild(MongoStore(database.db), write=write)
    finally:
        database.close()
    wrong = [finding for finding in findings if finding.state != EQUAL]
    for finding in wrong:
        sys.stdout.write(f"{finding.engagement} {finding.state}{' replaced' if finding.replaced else ''}\n")
    sys.stderr.write(f"{len(findings)} views, {len(wrong)} not as their log says\n")
    return 1 if [finding for finding in wrong if not finding.replaced] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(Settings(), write="--write" in sys.argv[1:])))
