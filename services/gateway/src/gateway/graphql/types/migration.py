"""What a client sees of migration."""

from datetime import datetime

import strawberry

from gateway.graphql.types.common import Section
from schemas.migration import AnomalyKind, SourceKind, TargetType


@strawberry.type
class Source:
    kind: SourceKind
    location: str
    reject_limit: int
    chunk_rows: int


@strawberry.type
class ColumnProfile:
    name: str
    declared_type: str
    nulls: int
    distinct: int
    minimum: str | None
    maximum: str | None


@strawberry.type
class TableProfile:
    name: str
    rows: int
    columns: list[ColumnProfile]


@strawberry.type
class Anomaly:
    table: str
    column: str
    kind: AnomalyKind
    rows: int
    sample_keys: list[str]


@strawberry.type
class ColumnMapping:
    source: str
    target: str
    type: TargetType
    required: bool
    precision: int | None
    scale: int | None


@strawberry.type
class Reference:
    columns: list[str]
    table: str
    target_columns: list[str]


@strawberry.type
class TableMapping:
    source: str
    target: str
    key: list[str]
    columns: list[ColumnMapping]
    references: list[Reference]


@strawberry.type
class Mapping:
    version: int
    schema_name: str
    tables: list[TableMapping]
    approved_by: str | None
    approved_at: datetime | None


@strawberry.type
class Run:
    number: int
    state: str = strawberry.field(description="running, completed or aborted")
    started_at: datetime
    finished_at: datetime | None
    rows_expected: int
    rows_done: int
    rows_written: int
    rows_rejected: int
    rows_per_second: float | None
    progress: float = strawberry.field(description="share of the expected rows that were read, 0..1")
    table: str | None
    chunks: int
    reason: str | None


@strawberry.type
class Rejects:
    table: str
    column: str
    reason: AnomalyKind
    rows: int


@strawberry.type
class Reconciliation:
    run: int
    table: str
    source_rows: int
    target_rows: int
    rejected_rows: int
    source_digest: str
    target_digest: str
    equal: bool


@strawberry.type
class Certificate:
    digest: str
    run: int
    tables: int
    rows_written: int
    rows_rejected: int
    issued_at: datetime


@strawberry.type
class Migration(Section):
    source: Source | None
    target_schema: str | None
    tables: list[TableProfile]
    anomalies: list[Anomaly]
    mapping: Mapping | None
    run: Run | None
    rejects: list[Rejects]
    reconciliation: list[Reconciliation]
    certificate: Certificate | None
    blocked_reason: str | None
