"""What migration remembers of one engagement, and how its own events change it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from schemas import migration
from schemas.base import Event, Value
from schemas.migration import (
    ChunkMigrated,
    MigrationAborted,
    MigrationCompleted,
    MigrationStarted,
    ProfilingFailed,
    ProfilingRequested,
    Source,
    SourceProfiled,
    SourceRegistered,
    TableReconciled,
    TargetAdopted,
)
from schemas.provisioning import Endpoint


class Phase(StrEnum):
    """In the order of the lifecycle; a new build of the target begins again at PROFILING."""

    WAITING = "waiting"
    PROFILING = "profiling"
    PROFILED = "profiled"
    RUNNING = "running"
    ABORTED = "aborted"
    COMPLETED = "completed"


class Proof(Value):
    table: str
    equal: bool
    digest: str
    rows: int
    rejected: int


class State(Value):
    phase: Phase = Phase.WAITING
    source: Source | None = None
    reject_limit: int = 0
    chunk_rows: int = 0
    build: int = 0
    endpoint: Endpoint | None = None
    schema_name: str = ""
    profilings: int = 0
    mapping: migration.Mapping | None = None
    rows_expected: int = 0
    approved_by: str = ""
    run: int = 0
    run_endpoint: Endpoint | None = None
    """Where this run writes; `endpoint` may already be that of a later build."""
    chunks: dict[str, int] = Field(default={})
    """Table to the number of its last chunk in this run."""
    rows_done: int = 0
    proofs: tuple[Proof, ...] = ()


def evolve(state: State, event: Event) -> State:
    change = _CHANGES.get(type(event))
    return state.model_copy(update=dict(change(state, event))) if change else state


def _registered(_: State, event: SourceRegistered) -> Mapping[str, Any]:
    return {"source": event.source, "reject_limit": event.reject_limit, "chunk_rows": event.chunk_rows}


def _adopted(_: State, event: TargetAdopted) -> Mapping[str, Any]:
    return {"build": event.build, "endpoint": event.endpoint, "schema_name": event.schema_name}


def _requested(_: State, event: ProfilingRequested) -> Mapping[str, Any]:
    return {"phase": Phase.PROFILING, "profilings": event.mapping_version, "mapping": None}


def _profiled(_: State, event: SourceProfiled) -> Mapping[str, Any]:
    return {
        "phase": Phase.PROFILED,
        "mapping": event.mapping,
        "rows_expected": sum(table.rows for table in event.tables),
    }


def _not_profiled(_: State, __: ProfilingFailed) -> Mapping[str, Any]:
    return {"phase": Phase.WAITING}


def _started(_: State, event: MigrationStarted) -> Mapping[str, Any]:
    return {
        "phase": Phase.RUNNING,
        "run": event.run,
        "run_endpoint": event.endpoint,
        "approved_by": event.approved_by,
        "reject_limit": event.reject_limit,
        "chunks": {},
        "rows_done": 0,
        "proofs": (),
    }


def _chunk(state: State, event: ChunkMigrated) -> Mapping[str, Any]:
    return {"chunks": {**state.chunks, event.table: event.chunk}, "rows_done": event.rows_done}


def _reconciled(state: State, event: TableReconciled) -> Mapping[str, Any]:
    proof = Proof(
        table=event.table,
        equal=event.equal,
        digest=event.target_digest,
        rows=event.target_rows,
        rejected=event.rejected_rows,
    )
    return {"proofs": (*state.proofs, proof)}


def _aborted(_: State, __: MigrationAborted) -> Mapping[str, Any]:
    return {"phase": Phase.ABORTED}


def _completed(_: State, __: MigrationCompleted) -> Mapping[str, Any]:
    return {"phase": Phase.COMPLETED}


_CHANGES: Mapping[type[Event], Callable[[State, Any], Mapping[str, Any]]] = {
    SourceRegistered: _registered,
    TargetAdopted: _adopted,
    ProfilingRequested: _requested,
    SourceProfiled: _profiled,
    ProfilingFailed: _not_profiled,
    MigrationStarted: _started,
    ChunkMigrated: _chunk,
    TableReconciled: _reconciled,
    MigrationAborted: _aborted,
    MigrationCompleted: _completed,
}
