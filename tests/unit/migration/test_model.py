"""Which commands migration accepts, and what follows from them."""

from typing import Any

import pytest

from migration import model
from migration.model.decide import certificate
from migration.model.state import Phase
from schemas.base import Event
from schemas.design import DatabaseRole, EnvironmentSpec, OfferCatalogue
from schemas.migration import (
    AdoptTarget,
    AnomalyKind,
    ApproveMapping,
    ChunkMigrated,
    ColumnMapping,
    Mapping,
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
    RejectCount,
    RestartMigration,
    Source,
    SourceKind,
    SourceProfiled,
    SourceRegistered,
    TableMapping,
    TableProfile,
    TableReconciled,
    TargetAdopted,
    TargetType,
)
from schemas.provisioning import Endpoint, EnvironmentReady
from testkit.scenario import Scenario, scenario

ENDPOINT = Endpoint(host="127.0.0.1", port=5433, database="d", user="u", secret="s-1")
SOURCE = Source(kind=SourceKind.SQLITE, location="legacy.sqlite")
COLUMN = ColumnMapping(source="id", target="id", type=TargetType.BIGINT, required=True)
TABLES = tuple(TableMapping(source=n, target=n, key=("id",), columns=(COLUMN,)) for n in ("parent", "child"))


def mapping(version: int = 1) -> Mapping:
    return Mapping(version=version, schema_name="legacy", tables=TABLES)


def profiled(version: int = 1) -> RecordProfile:
    tables = (TableProfile(name="parent", rows=3, columns=()), TableProfile(name="child", rows=5, columns=()))
    return RecordProfile(tables=tables, anomalies=(), mapping=mapping(version))


def register(location: str = "legacy.sqlite", **changes: Any) -> RegisterSource:
    return RegisterSource(source=SOURCE.model_copy(update={"location": location}), **changes)


def adopt(build: int = 1) -> AdoptTarget:
    return AdoptTarget(build=build, endpoint=ENDPOINT, schema_name="legacy")


def adopt_elsewhere() -> AdoptTarget:
    elsewhere = ENDPOINT.model_copy(update={"port": 5555})
    return AdoptTarget(build=2, endpoint=elsewhere, schema_name="legacy")


def approve(version: int = 1) -> ApproveMapping:
    return ApproveMapping(mapping_version=version, approved_by="anna")


def chunk(table: str = "parent", number: int = 1, rows: int = 3, **changes: Any) -> RecordChunk:
    fields: dict[str, Any] = {"run": 1, "rows_read": rows, "rows_written": rows, "rows_per_second": 10.0}
    return RecordChunk(table=table, chunk=number, **{**fields, **changes})


def reconcile(table: str, **changes: Any) -> RecordReconciliation:
    fields: dict[str, Any] = {
        "run": 1, "source_rows": 3, "target_rows": 2, "rejected_rows": 1,
        "source_digest": "a" * 64, "target_digest": "a" * 64,
    }  # fmt: skip
    return RecordReconciliation(table=table, **{**fields, **changes})


def given(*events: Event) -> Scenario:
    return scenario(model).given(*events)


def profiling() -> Scenario:
    return given().when(register()).when(adopt())


def running() -> Scenario:
    return profiling().when(profiled()).when(approve())


def aborted() -> Scenario:
    return running().when(RecordAbort(run=1, reason="too many rejects"))


def completed() -> Scenario:
    return running().when(reconcile("parent")).when(reconcile("child"))


class TestRegisterSource:
    def test_source_is_registered(self) -> None:
        given().when(register()).then(SourceRegistered(source=SOURCE, reject_limit=10_000, chunk_rows=20_000))

    def test_with_a_target_known_profiling_is_requested(self) -> None:
        given().when(adopt()).when(register()).then_types(SourceRegistered, ProfilingRequested)

    def test_same_source_again_changes_nothing(self) -> None:
        profiling().when(register()).then_nothing()

    def test_another_source_is_profiled_anew(self) -> None:
        state = profiling().when(profiled()).when(register("other.sqlite"))

        state.then_types(SourceRegistered, ProfilingRequested)
        assert state.last(ProfilingRequested).mapping_version == 2

    def test_another_limit_alone_is_not_profiled_again(self) -> None:
        profiling().when(profiled()).when(register(reject_limit=5)).then_types(SourceRegistered)

    def test_same_source_after_a_failed_profiling_is_tried_again(self) -> None:
        failure = RecordProfilingFailure(mapping_version=1, reason="not there")

        profiling().when(failure).when(register()).then_types(SourceRegistered, ProfilingRequested)

    @pytest.mark.parametrize("location", ["/etc/passwd", "../x.sqlite", "a/../../x", "a\\b", "a\0b", "."])
    def test_location_outside_the_data_directory_is_refused(self, location: str) -> None:
        given().when(register(location)).then_refused("source.location", "below-the-data-directory")

    @pytest.mark.parametrize("scenario_", [running, completed])
    def test_source_in_use_is_not_replaced(self, scenario_: Any) -> None:
        scenario_().when(register("other.sqlite")).then_refused("source", "source-is-not-in-use")


class TestAdoptTarget:
    def test_profiling_is_requested_once_source_and_target_are_known(self) -> None:
        profiling().then(
            TargetAdopted(build=1, endpoint=ENDPOINT, schema_name="legacy"),
            ProfilingRequested(source=SOURCE, schema_name="legacy", mapping_version=1),
        )

    def test_without_a_source_the_target_is_only_remembered(self) -> None:
        given().when(adopt()).then_types(TargetAdopted)

    def test_same_build_again_changes_nothing(self) -> None:
        profiling().when(adopt()).then_nothing()

    def test_new_build_after_completion_begins_again(self) -> None:
        state = completed().when(adopt(2)).then_types(TargetAdopted, ProfilingRequested)

        assert state.state.phase is Phase.PROFILING

    def test_new_build_during_a_run_waits_for_its_end(self) -> None:
        running().when(adopt(2)).then_types(TargetAdopted).when(chunk()).then_types(ChunkMigrated)

    def test_new_build_is_profiled_for_when_the_run_completes(self) -> None:
        state = running().when(adopt_elsewhere()).when(reconcile("parent")).when(reconcile("child"))

        state.then_types(TableReconciled, MigrationCompleted, ProfilingRequested)
        assert state.last(MigrationCompleted).endpoint == ENDPOINT
        assert state.state.phase is Phase.PROFILING

    def test_new_build_is_profiled_for_when_the_run_is_aborted(self) -> None:
        state = running().when(adopt_elsewhere()).when(RecordAbort(run=1, reason="too many rejects"))

        state.then_types(MigrationAborted, ProfilingRequested)
        state = state.when(profiled(2)).when(approve(2))
        assert state.last(MigrationStarted).endpoint.port == 5555


class TestRecordProfile:
    def test_profile_is_published(self) -> None:
        profiling().when(profiled()).then(SourceProfiled(**dict(profiled())))

    def test_profile_reported_twice_changes_nothing(self) -> None:
        profiling().when(profiled()).when(profiled()).then_nothing()

    def test_profile_of_a_replaced_source_changes_nothing(self) -> None:
        profiling().when(register("other.sqlite")).when(profiled(1)).then_nothing()

    def test_profile_nobody_asked_for_is_refused(self) -> None:
        given().when(profiled()).then_refused("mapping_version", "profiling-was-requested")

    def test_failure_is_published(self) -> None:
        command = RecordProfilingFailure(mapping_version=1, reason="legacy.sqlite is not there")

        profiling().when(command).then(ProfilingFailed(**dict(command)))


class TestApproveMapping:
    def test_approval_starts_the_run(self) -> None:
        running().then(
            MigrationStarted(
                run=1, source=SOURCE, endpoint=ENDPOINT, mapping=mapping(), approved_by="anna",
                reject_limit=10_000, chunk_rows=20_000, rows_expected=8,
            )
        )  # fmt: skip

    def test_same_approval_again_changes_nothing(self) -> None:
        running().when(approve()).then_nothing()

    def test_before_a_profile_is_refused(self) -> None:
        given().when(approve()).then_refused("mapping_version", "mapping-exists")

    def test_other_version_is_refused(self) -> None:
        state = profiling().when(profiled()).when(approve(2))

        state.then_refused("mapping_version", "mapping-is-current")

    def test_after_an_abort_is_refused(self) -> None:
        aborted().when(approve()).then_refused("mapping_version", "not-yet-approved")


class TestRecordChunk:
    def test_progress_is_counted(self) -> None:
        rejects = (RejectCount(table="child", column="id", reason=AnomalyKind.ORPHANED_KEY, rows=1),)
        state = running().when(chunk()).when(chunk("child", rows=4, rows_written=3, rejects=rejects))

        state.then(
            ChunkMigrated(
                run=1, table="child", chunk=1, rows_read=4, rows_written=3, rejects=rejects, rows_done=7,
                rows_expected=8, rows_per_second=10.0,
            )
        )  # fmt: skip

    def test_chunk_reported_twice_is_counted_once(self) -> None:
        running().when(chunk()).when(chunk()).then_nothing()

    def test_gap_is_refused(self) -> None:
        running().when(chunk(number=2)).then_refused("chunk", "chunks-in-order")

    def test_unknown_table_is_refused(self) -> None:
        running().when(chunk("other")).then_refused("table", "table-is-mapped")

    def test_run_that_never_started_is_refused(self) -> None:
        given().when(chunk()).then_refused("run", "run-is-known")

    def test_late_chunk_of_an_aborted_run_changes_nothing(self) -> None:
        aborted().when(chunk()).then_nothing()


class TestRecordReconciliation:
    def test_equal_table_is_published(self) -> None:
        running().when(reconcile("parent")).then(TableReconciled(**dict(reconcile("parent")), equal=True))

    def test_last_equal_table_completes_the_migration(self) -> None:
        state = completed().then_types(TableReconciled, MigrationCompleted)

        done = state.last(MigrationCompleted)
        assert (done.run, done.tables, done.rows_written, done.rows_rejected) == (1, 2, 4, 2)
        assert done.certificate == certificate(state.state.proofs, ["parent", "child"])

    @pytest.mark.parametrize("changes", [{"target_rows": 3}, {"target_digest": "b" * 64}])
    def test_unequal_table_does_not_complete_the_migration(self, changes: dict[str, Any]) -> None:
        state = running().when(reconcile("parent", **changes)).when(reconcile("child"))

        state.then_types(TableReconciled)
        assert [proof.equal for proof in state.state.proofs] == [False, True]

    def test_table_reported_twice_changes_nothing(self) -> None:
        running().when(reconcile("parent")).when(reconcile("parent")).then_nothing()

    def test_certificate_depends_on_content(self) -> None:
        other = running().when(reconcile("parent", source_digest="c" * 64, target_digest="c" * 64))
        other = other.when(reconcile("child"))

        assert other.last(MigrationCompleted).certificate != completed().last(MigrationCompleted).certificate


class TestRecordAbort:
    def test_abort_is_published(self) -> None:
        aborted().then(MigrationAborted(run=1, reason="too many rejects"))

    def test_second_abort_changes_nothing(self) -> None:
        aborted().when(RecordAbort(run=1, reason="again")).then_nothing()


class TestRestartMigration:
    def test_next_run_takes_the_new_limit(self) -> None:
        state = aborted().when(RestartMigration(requested_by="anna", reject_limit=20_000))

        started = state.then_types(MigrationStarted).last(MigrationStarted)
        assert (started.run, started.reject_limit, started.approved_by) == (2, 20_000, "anna")

    def test_next_run_starts_clean(self) -> None:
        state = running().when(chunk()).when(RecordAbort(run=1, reason="x"))

        state = state.when(RestartMigration(requested_by="anna")).when(chunk(run=2))

        assert state.last(ChunkMigrated).rows_done == 3

    def test_running_migration_is_not_started_again(self) -> None:
        running().when(RestartMigration(requested_by="anna")).then_nothing()

    def test_without_an_abort_is_refused(self) -> None:
        completed().when(RestartMigration(requested_by="anna")).then_refused(
            "requested_by", "run-was-aborted"
        )


def test_ready_environment_is_adopted_with_its_first_schema() -> None:
    from migration.reactions import REACTIONS

    role = DatabaseRole(name="app", login=True, privileges=())
    spec = EnvironmentSpec(component="db", database="d", schemas=("one", "two"), roles=(role,))
    ready = EnvironmentReady(build=3, endpoint=ENDPOINT, environment=spec, components=())

    assert REACTIONS[EnvironmentReady](ready) == AdoptTarget(build=3, endpoint=ENDPOINT, schema_name="one")


def test_command_of_another_service_is_refused() -> None:
    given().when(OfferCatalogue.model_construct()).then_refused("type", "command-is-known")


def test_state_survives_a_snapshot() -> None:
    state = running().when(chunk()).when(reconcile("parent")).state

    assert model.State.model_validate_json(state.model_dump_json()) == state
