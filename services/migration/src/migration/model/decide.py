"""What may happen next: one function per command, in the order of the lifecycle."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from migration.model.state import Phase, Proof, State, evolve
from schemas.base import Command, Event
from schemas.migration import (
    AdoptTarget,
    ApproveMapping,
    ChunkMigrated,
    MigrationAborted,
    MigrationCompleted,
    MigrationStarted,
    ProfilingFailed,
    ProfilingRequested,
    RecordAbort,
    RecordChunk,
    RecordProfile,
    RecordProfilingFailure,
    RecordReconciliation,
    RegisterSource,
    RestartMigration,
    SourceProfiled,
    SourceRegistered,
    TableReconciled,
    TargetAdopted,
)
from schemas.rules import Context, Refused


def decide(state: State, command: Command, context: Context) -> Sequence[Event]:
    rule = _RULES.get(type(command))
    if rule is None:
        raise Refused("type", "command-is-known", f"migration does not take {command.type}", "UNKNOWN")
    return rule(state, command, context)


def _register(state: State, command: RegisterSource, _: Context) -> Sequence[Event]:
    _below_the_data_directory(command.source.location)
    registered = SourceRegistered(**dict(command))
    unchanged = evolve(state, registered) == state
    if unchanged and state.source is not None and not _profile_is_wanting(state):
        return []
    if state.phase in (Phase.RUNNING, Phase.COMPLETED):
        reason = f"run {state.run} of this source is {state.phase}"
        raise Refused("source", "source-is-not-in-use", reason, "CONFLICT")
    if state.source == command.source and not _profile_is_wanting(state):
        return [registered]
    return [registered, *_profiling(evolve(state, registered))]


def _below_the_data_directory(location: str) -> None:
    path = PurePosixPath(location)
    if path.is_absolute() or ".." in path.parts or "\\" in location or "\0" in location or path.name == "":
        raise Refused(
            "source.location",
            "below-the-data-directory",
            "must be a relative path below the data directory, without '..'",
        )


def _profile_is_wanting(state: State) -> bool:
    """Everything is known and yet no profile is there or on its way: the last try failed."""
    return state.phase is Phase.WAITING and state.endpoint is not None and state.source is not None


def _profiling(state: State) -> list[Event]:
    if state.source is None or state.endpoint is None:
        return []
    return [
        ProfilingRequested(
            source=state.source, schema_name=state.schema_name, mapping_version=state.profilings + 1
        )
    ]


def _adopt(state: State, command: AdoptTarget, _: Context) -> Sequence[Event]:
    if command.build <= state.build:
        return []
    adopted = TargetAdopted(**dict(command))
    if state.phase is Phase.RUNNING:
        return [adopted]
    return [adopted, *_profiling(evolve(state, adopted))]


def _run_over(state: State, last: Event) -> list[Event]:
    """The end of a run, and the profile for a target that was built while it went on."""
    return [last, *(_profiling(state) if state.endpoint != state.run_endpoint else [])]


def _profile(state: State, command: RecordProfile, _: Context) -> Sequence[Event]:
    if _outdated(state, command.mapping.version):
        return []
    return [SourceProfiled(**dict(command))]


def _profiling_failure(state: State, command: RecordProfilingFailure, _: Context) -> Sequence[Event]:
    if _outdated(state, command.mapping_version):
        return []
    return [ProfilingFailed(**dict(command))]


def _outdated(state: State, version: int) -> bool:
    """Another profiling was asked for since, or this one has been reported already."""
    if version > state.profilings:
        raise Refused("mapping_version", "profiling-was-requested", f"no profiling {version} was asked for")
    return version < state.profilings or state.phase is not Phase.PROFILING


def _approve(state: State, command: ApproveMapping, _: Context) -> Sequence[Event]:
    if state.mapping is None:
        raise Refused(
            "mapping_version",
            "mapping-exists",
            "the source is not profiled yet; wait for its profile",
            "ORDER",
        )
    if command.mapping_version != state.mapping.version:
        reason = f"the mapping to approve is version {state.mapping.version}"
        raise Refused("mapping_version", "mapping-is-current", reason, "CONFLICT")
    if state.phase in (Phase.RUNNING, Phase.COMPLETED):
        return []
    if state.phase is Phase.ABORTED:
        reason = f"run {state.run} was aborted: restart the migration, or register another source"
        raise Refused("mapping_version", "not-yet-approved", reason, "CONFLICT")
    return [_start(state, command.approved_by, state.reject_limit)]


def _start(state: State, approved_by: str, reject_limit: int) -> MigrationStarted:
    assert state.source is not None
    assert state.endpoint is not None
    assert state.mapping is not None
    return MigrationStarted(
        run=state.run + 1,
        source=state.source,
        endpoint=state.endpoint,
        mapping=state.mapping,
        approved_by=approved_by,
        reject_limit=reject_limit,
        chunk_rows=state.chunk_rows,
        rows_expected=state.rows_expected,
    )


def _record_chunk(state: State, command: RecordChunk, _: Context) -> Sequence[Event]:
    if _ended(state, command.run):
        return []
    _table_is_mapped(state, command.table)
    last = state.chunks.get(command.table, 0)
    if command.chunk <= last:
        return []
    if command.chunk != last + 1:
        raise Refused("chunk", "chunks-in-order", f"the next chunk of {command.table} is {last + 1}", "ORDER")
    done = state.rows_done + command.rows_read
    return [ChunkMigrated(**dict(command), rows_done=done, rows_expected=state.rows_expected)]


def _ended(state: State, run: int) -> bool:
    """Late reports of a run that is over have nothing to say any more."""
    if run > state.run:
        raise Refused("run", "run-is-known", f"run {run} was never started", "ORDER")
    return run < state.run or state.phase is not Phase.RUNNING


def _table_is_mapped(state: State, table: str) -> None:
    if table not in _tables(state):
        raise Refused("table", "table-is-mapped", f"{table} is not in the mapping of this run")


def _tables(state: State) -> list[str]:
    return [table.source for table in state.mapping.tables] if state.mapping else []


def _reconcile(state: State, command: RecordReconciliation, _: Context) -> Sequence[Event]:
    if _ended(state, command.run) or command.table in {proof.table for proof in state.proofs}:
        return []
    _table_is_mapped(state, command.table)
    equal = (
        command.source_rows == command.target_rows + command.rejected_rows
        and command.source_digest == command.target_digest
    )
    reconciled = TableReconciled(**dict(command), equal=equal)
    proofs = evolve(state, reconciled).proofs
    if len(proofs) < len(_tables(state)) or not all(proof.equal for proof in proofs):
        return [reconciled]
    return [reconciled, *_run_over(state, _complete(state, proofs))]


def _complete(state: State, proofs: Sequence[Proof]) -> MigrationCompleted:
    assert state.run_endpoint is not None
    return MigrationCompleted(
        run=state.run,
        tables=len(proofs),
        rows_written=sum(proof.rows for proof in proofs),
        rows_rejected=sum(proof.rejected for proof in proofs),
        certificate=certificate(proofs, _tables(state)),
        endpoint=state.run_endpoint,
    )


def certificate(proofs: Sequence[Proof], load_order: Sequence[str]) -> str:
    """SHA-256 over one line per table, in load order: name, rows and content digest."""
    by_table = {proof.table: proof for proof in proofs}
    lines = (f"{name} {by_table[name].rows} {by_table[name].digest}\n" for name in load_order)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _abort(state: State, command: RecordAbort, _: Context) -> Sequence[Event]:
    return [] if _ended(state, command.run) else _run_over(state, MigrationAborted(**dict(command)))


def _restart(state: State, command: RestartMigration, _: Context) -> Sequence[Event]:
    if state.phase is Phase.RUNNING:
        return []
    if state.phase is not Phase.ABORTED:
        raise Refused(
            "requested_by",
            "run-was-aborted",
            f"only an aborted run is repeated; migration is {state.phase}",
            "ORDER",
        )
    limit = state.reject_limit if command.reject_limit is None else command.reject_limit
    return [_start(state, state.approved_by, limit)]


_RULES: Mapping[type[Command], Callable[[State, Any, Context], Sequence[Event]]] = {
    RegisterSource: _register,
    AdoptTarget: _adopt,
    RecordProfile: _profile,
    RecordProfilingFailure: _profiling_failure,
    ApproveMapping: _approve,
    RecordChunk: _record_chunk,
    RecordReconciliation: _reconcile,
    RecordAbort: _abort,
    RestartMigration: _restart,
}
