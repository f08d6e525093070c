"""What migration publishes and takes: profile, move and prove the legacy data."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Command,
    CommandNoEffect,
    CommandRefusal,
    Event,
    Prose,
    Ref,
    Sha256,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)
from schemas.provisioning import Endpoint


class SourceKind(StrEnum):
    SQLITE = "sqlite"


class Source(Value):
    """The legacy database; `location` is a path below the directory that migration may read."""

    kind: SourceKind
    location: Text


class AnomalyKind(StrEnum):
    DUPLICATE_KEY = "duplicate_key"
    ORPHANED_KEY = "orphaned_key"
    BAD_ENCODING = "bad_encoding"
    BAD_DATE = "bad_date"
    BAD_NUMBER = "bad_number"
    MISSING_VALUE = "missing_value"
    BAD_BOOLEAN = "bad_boolean"
    NUL_CHARACTER = "nul_character"


class Anomaly(Value):
    table: Ref
    column: Ref
    kind: AnomalyKind
    rows: int = Field(ge=1)
    sample_keys: tuple[Text, ...] = Field(default=(), max_length=5)


class ColumnProfile(Value):
    name: Ref
    declared_type: str
    nulls: int = Field(ge=0)
    distinct: int = Field(ge=0)
    minimum: str | None = None
    maximum: str | None = None


class TableProfile(Value):
    name: Ref
    rows: int = Field(ge=0)
    columns: tuple[ColumnProfile, ...]


class TargetType(StrEnum):
    TEXT = "text"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    DOUBLE = "double precision"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp with time zone"
    BYTEA = "bytea"


class ColumnMapping(Value):
    source: Ref
    target: Ref
    type: TargetType
    required: bool = False
    precision: int | None = None
    scale: int | None = None


class Reference(Value):
    columns: tuple[Ref, ...]
    table: Ref
    target_columns: tuple[Ref, ...]


class TableMapping(Value):
    source: Ref
    target: Ref
    key: tuple[Ref, ...] = ()
    columns: tuple[ColumnMapping, ...]
    references: tuple[Reference, ...] = ()


class Mapping(Value):
    """Tables in the order they are loaded: referenced ones first."""

    version: int = Field(ge=1)
    schema_name: Ref
    tables: tuple[TableMapping, ...] = Field(min_length=1)


class RejectCount(Value):
    table: Ref
    column: Ref
    reason: AnomalyKind
    rows: int = Field(ge=1)


# Commands


class RegisterSource(Command):
    """Name the legacy database; may come before the environment is built."""

    type: ClassVar[str] = "migration.register_source"
    source: Source
    reject_limit: int = Field(default=10_000, ge=0, description="more rejected rows than this abort the run")
    chunk_rows: int = Field(default=20_000, ge=100, le=200_000)


class AdoptTarget(Command):
    """Asked by migration itself when the environment is ready."""

    type: ClassVar[str] = "migration.adopt_target"
    internal: ClassVar[bool] = True
    build: int
    endpoint: Endpoint
    schema_name: Ref


class RecordProfile(Command):
    """Asked by migration's own profiling work."""

    type: ClassVar[str] = "migration.record_profile"
    internal: ClassVar[bool] = True
    tables: tuple[TableProfile, ...]
    anomalies: tuple[Anomaly, ...]
    mapping: Mapping


class RecordProfilingFailure(Command):
    """Asked by migration's own profiling work when the source cannot be read or expressed."""

    type: ClassVar[str] = "migration.record_profiling_failure"
    internal: ClassVar[bool] = True
    mapping_version: int
    reason: Prose


class ApproveMapping(Command):
    """Approve how the data will be moved; the run starts."""

    type: ClassVar[str] = "migration.approve_mapping"
    mapping_version: int = Field(ge=1)
    approved_by: Ref


class RecordChunk(Command):
    """Asked by migration's own loading work, after the chunk is durable in the target."""

    type: ClassVar[str] = "migration.record_chunk"
    internal: ClassVar[bool] = True
    run: int
    table: Ref
    chunk: int
    rows_read: int
    rows_written: int
    rejects: tuple[RejectCount, ...] = ()
    rows_per_second: float


class RecordReconciliation(Command):
    """Asked by migration's own proving work."""

    type: ClassVar[str] = "migration.record_reconciliation"
    internal: ClassVar[bool] = True
    run: int
    table: Ref
    source_rows: int
    target_rows: int
    rejected_rows: int
    source_digest: Sha256
    target_digest: Sha256


class RecordAbort(Command):
    """Asked by migration's own work when a run cannot go on; the target is as before the run."""

    type: ClassVar[str] = "migration.record_abort"
    internal: ClassVar[bool] = True
    run: int
    reason: Prose


class RestartMigration(Command):
    """Run again after an abort, with another limit if given."""

    type: ClassVar[str] = "migration.restart_migration"
    requested_by: Ref
    reject_limit: int | None = Field(default=None, ge=0)


# Events


class SourceRegistered(Event):
    """Published when the legacy database is named."""

    type: ClassVar[str] = "migration.source_registered"
    source: Source
    reject_limit: int
    chunk_rows: int


class TargetAdopted(Event):
    """Published when the built environment is known to migration."""

    type: ClassVar[str] = "migration.target_adopted"
    build: int
    endpoint: Endpoint
    schema_name: Ref


class ProfilingRequested(Event):
    """Published once source and target are both known; a profile follows."""

    type: ClassVar[str] = "migration.profiling_requested"
    source: Source
    schema_name: Ref
    mapping_version: int = Field(default=1, ge=1, description="number of the mapping that will follow")


class SourceProfiled(Event):
    """Published once per profiling: what is there, what is wrong, and how it would be moved."""

    type: ClassVar[str] = "migration.source_profiled"
    tables: tuple[TableProfile, ...]
    anomalies: tuple[Anomaly, ...]
    mapping: Mapping


class ProfilingFailed(Event):
    """Published when the source could not be profiled; registering a source again asks for another try."""

    type: ClassVar[str] = "migration.profiling_failed"
    mapping_version: int
    reason: Prose


class MigrationStarted(Event):
    """Published when the mapping is approved; chunks follow."""

    type: ClassVar[str] = "migration.migration_started"
    run: int
    source: Source
    endpoint: Endpoint
    mapping: Mapping
    approved_by: Ref
    reject_limit: int
    chunk_rows: int
    rows_expected: int


class ChunkMigrated(Event):
    """Published per chunk, in order; its rows are durable in the target or kept as rejects with a reason."""

    type: ClassVar[str] = "migration.chunk_migrated"
    run: int
    table: Ref
    chunk: int
    rows_read: int
    rows_written: int
    rejects: tuple[RejectCount, ...] = ()
    rows_done: int = Field(description="rows read in this run so far")
    rows_expected: int
    rows_per_second: float


class TableReconciled(Event):
    """Published per table when all is loaded: counts and content digests computed on both sides."""

    type: ClassVar[str] = "migration.table_reconciled"
    run: int
    table: Ref
    source_rows: int
    target_rows: int
    rejected_rows: int
    source_digest: Sha256
    target_digest: Sha256
    equal: bool


class MigrationCompleted(Event):
    """Published once per run that is proved equal: every source row is in the target or kept as a reject."""

    type: ClassVar[str] = "migration.migration_completed"
    run: int
    tables: int
    rows_written: int
    rows_rejected: int
    certificate: Sha256 = Field(description="digest over the tables' digests, in load order")
    endpoint: Endpoint


class MigrationAborted(Event):
    """Published when a run was given up; the target is as it was before the run."""

    type: ClassVar[str] = "migration.migration_aborted"
    run: int
    reason: Prose


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "migration.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "migration.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "migration.command_had_no_effect"
