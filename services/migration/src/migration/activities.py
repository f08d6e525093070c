"""The work that migration's own events set off: profiling a source, running a migration and proving it."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial

from messaging import Activity, Work
from migration.engine.digest import content_digest
from migration.engine.planning import Unsupported
from migration.loading import Loader, TooManyRejects
from migration.ports import (
    ChunkEntry,
    LegacyDatabase,
    SourceError,
    Sources,
    TargetDatabase,
    TargetError,
    Targets,
)
from migration.profiling import profile
from migration.threads import in_thread
from schemas.migration import (
    MigrationStarted,
    ProfilingRequested,
    RecordAbort,
    RecordChunk,
    RecordProfile,
    RecordProfilingFailure,
    RecordReconciliation,
    TableMapping,
)

MAX_REASON_LENGTH = 4000


def activities(sources: Sources, targets: Targets) -> Sequence[Activity]:
    return [
        Activity(
            on=ProfilingRequested,
            run=partial(look_over, sources=sources),
            give_up=lambda event, error: RecordProfilingFailure(
                mapping_version=event.mapping_version, reason=error[:MAX_REASON_LENGTH]
            ),
        ),
        Activity(
            on=MigrationStarted,
            run=partial(migrate, sources=sources, targets=targets),
            max_attempts=8,
            give_up=lambda event, error: RecordAbort(run=event.run, reason=error[:MAX_REASON_LENGTH]),
        ),
    ]


async def look_over(event: ProfilingRequested, work: Work, *, sources: Sources) -> None:
    try:
        found = await in_thread(_profile, event, sources)
    except (SourceError, Unsupported) as error:
        reason = str(error)[:MAX_REASON_LENGTH]
        failure = RecordProfilingFailure(mapping_version=event.mapping_version, reason=reason)
        await work.send(failure, key="failed")
    else:
        await work.send(found, key="profile")


def _profile(event: ProfilingRequested, sources: Sources) -> RecordProfile:
    with sources.open(event.source) as source:
        return profile(source, schema_name=event.schema_name, version=event.mapping_version)


class Unequal(Exception):
    """A table that did not arrive as it was."""


async def migrate(event: MigrationStarted, work: Work, *, sources: Sources, targets: Targets) -> None:
    """Load, prove, or give up and leave the target as it was. Goes on from the target's ledger when run
    again; what is sent has the same keys every time."""
    with ExitStack() as stack:
        target = await in_thread(stack.enter_context, targets.open(event.endpoint))
        reason = work.checkpoint.get("aborting")
        if reason is None:
            try:
                source = await in_thread(stack.enter_context, sources.open(event.source))
                await _load(event, work, source, target)
                await _prove(event, work, source, target)
            except (TooManyRejects, Unequal, SourceError, TargetError) as error:
                reason = str(error)[:MAX_REASON_LENGTH]
                # Kept first: a run that takes over must not go on loading what is being rolled back.
                await work.save({"aborting": reason})
        if reason is not None:
            await in_thread(target.roll_back, event.run)
            await work.send(RecordAbort(run=event.run, reason=reason), key="abort")


async def _load(event: MigrationStarted, work: Work, source: LegacyDatabase, target: TargetDatabase) -> None:
    loader = Loader(event, source, target)
    entries = await in_thread(loader.resume)
    reported = int(work.checkpoint.get("reported", 0))
    for entry in entries[reported:]:
        await _report(event, work, entry)
    reported = len(entries)
    chunks = loader.load(entries)
    try:
        while True:
            written: ChunkEntry | None = await in_thread(next, chunks, None)
            if written is None:
                break
            await _report(event, work, written)
            reported += 1
            await work.save({"reported": reported})
    finally:
        await in_thread(chunks.close)
    await in_thread(target.finish, event.mapping)


async def _report(event: MigrationStarted, work: Work, entry: ChunkEntry) -> None:
    command = RecordChunk(
        run=event.run,
        table=entry.table,
        chunk=entry.number,
        rows_read=entry.rows_read,
        rows_written=entry.rows_written,
        rejects=tuple(entry.rejects),
        rows_per_second=round(entry.rows_read / max(entry.seconds, 1e-6), 1),
    )
    await work.send(command, key=f"chunk-{entry.table}-{entry.number}")


async def _prove(event: MigrationStarted, work: Work, source: LegacyDatabase, target: TargetDatabase) -> None:
    """Raises Unequal after everything was compared, naming each table that differs."""
    unequal: list[str] = []
    for table in event.mapping.tables:
        command = await _compare(event, table, source, target)
        await work.send(command, key=f"reconciled-{table.source}")
        if complaint := _complaint(command):
            unequal.append(complaint)
    if unequal:
        raise Unequal("; ".join(unequal))


async def _compare(
    event: MigrationStarted, table: TableMapping, source: LegacyDatabase, target: TargetDatabase
) -> RecordReconciliation:
    rejected = await in_thread(target.rejected, event.run, table.source)
    expected = source.hashes(table, rejected)
    arrived = target.hashes(event.mapping.schema_name, table)
    (_, source_digest), (target_rows, target_digest) = await asyncio.gather(
        in_thread(_digest, expected), in_thread(_digest, arrived)
    )
    return RecordReconciliation(
        run=event.run,
        table=table.source,
        source_rows=await in_thread(source.count, table.source),
        target_rows=target_rows,
        rejected_rows=len(rejected),
        source_digest=source_digest,
        target_digest=target_digest,
    )


def _digest(hashes: Iterable[bytes]) -> tuple[int, str]:
    return content_digest(hashes)


def _complaint(found: RecordReconciliation) -> str:
    if found.source_rows != found.target_rows + found.rejected_rows:
        return (
            f"{found.table}: {found.source_rows} rows in the source, {found.target_rows} in the target"
            f" and {found.rejected_rows} turned away"
        )
    if found.source_digest != found.target_digest:
        return f"{found.table}: the content of source and target differs in its digest"
    return ""
