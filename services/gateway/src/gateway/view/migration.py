"""How migration's events change the view."""

from gateway.entry import Entry
from gateway.view.parts import Table, View, plain, put, stage
from schemas import migration


def empty() -> View:
    return {
        "source": None,
        "target_schema": None,
        "tables": [],
        "anomalies": [],
        "mapping": None,
        "run": None,
        "rejects": [],
        "reconciliation": [],
        "certificate": None,
        "blocked_reason": None,
    }


def source_registered(view: View, event: migration.SourceRegistered, _: Entry) -> None:
    limits = {"reject_limit": event.reject_limit, "chunk_rows": event.chunk_rows}
    view["migration"]["source"] = {**plain(event.source), **limits}


def target_adopted(view: View, event: migration.TargetAdopted, entry: Entry) -> None:
    view["migration"]["target_schema"] = event.schema_name
    stage(view, "migration", "active", entry)


def profiling_failed(view: View, event: migration.ProfilingFailed, entry: Entry) -> None:
    view["migration"]["blocked_reason"] = f"the source could not be profiled: {event.reason}"
    stage(view, "migration", "blocked", entry)


def profiling_requested(view: View, _: migration.ProfilingRequested, entry: Entry) -> None:
    view["migration"]["blocked_reason"] = None
    stage(view, "migration", "active", entry)


def source_profiled(view: View, event: migration.SourceProfiled, _: Entry) -> None:
    view["migration"]["tables"] = [plain(table) for table in event.tables]
    view["migration"]["anomalies"] = [plain(anomaly) for anomaly in event.anomalies]
    view["migration"]["mapping"] = {**plain(event.mapping), "approved_by": None, "approved_at": None}


def migration_started(view: View, event: migration.MigrationStarted, entry: Entry) -> None:
    at = entry.at.isoformat()
    approved = {"approved_by": event.approved_by, "approved_at": at}
    section = view["migration"]
    section["mapping"] = {**plain(event.mapping), **approved}
    section["run"] = {
        "number": event.run,
        "state": "running",
        "started_at": at,
        "finished_at": None,
        "rows_expected": event.rows_expected,
        "rows_done": 0,
        "rows_written": 0,
        "rows_rejected": 0,
        "rows_per_second": None,
        "progress": 0.0,
        "table": None,
        "chunks": 0,
        "reason": None,
    }
    section.update(rejects=[], reconciliation=[], certificate=None, blocked_reason=None)
    stage(view, "migration", "active", entry)


def chunk_migrated(view: View, event: migration.ChunkMigrated, _: Entry) -> None:
    run = view["migration"]["run"]
    if run is None or run["number"] != event.run:
        return
    run["rows_done"] = event.rows_done
    run["rows_written"] += event.rows_written
    run["rows_rejected"] += sum(reject.rows for reject in event.rejects)
    run["rows_per_second"] = event.rows_per_second
    run["progress"] = round(event.rows_done / event.rows_expected, 4) if event.rows_expected else 1.0
    run["table"] = event.table
    run["chunks"] += 1
    for reject in event.rejects:
        _count(view, reject)


def _count(view: View, reject: migration.RejectCount) -> None:
    same = ("table", "column", "reason")
    new = plain(reject)
    for known in view["migration"]["rejects"]:
        if all(known[key] == new[key] for key in same):
            known["rows"] += reject.rows
            return
    view["migration"]["rejects"].append(new)


def table_reconciled(view: View, event: migration.TableReconciled, _: Entry) -> None:
    put(view["migration"]["reconciliation"], plain(event), "run", "table")


def migration_completed(view: View, event: migration.MigrationCompleted, entry: Entry) -> None:
    written = {"rows_written": event.rows_written, "rows_rejected": event.rows_rejected}
    _finish(view, "completed", None, entry)
    view["migration"]["certificate"] = {
        "digest": event.certificate,
        "run": event.run,
        "tables": event.tables,
        "issued_at": entry.at.isoformat(),
        **written,
    }
    view["migration"]["blocked_reason"] = None
    stage(view, "migration", "done", entry)


def migration_aborted(view: View, event: migration.MigrationAborted, entry: Entry) -> None:
    _finish(view, "aborted", event.reason, entry)
    view["migration"]["blocked_reason"] = f"run {event.run} was aborted: {event.reason}"
    stage(view, "migration", "blocked", entry)


def _finish(view: View, state: str, reason: str | None, entry: Entry) -> None:
    run = view["migration"]["run"]
    if run is not None:
        run.update(state=state, reason=reason, finished_at=entry.at.isoformat())


TABLE: Table = {
    migration.SourceRegistered: source_registered,
    migration.TargetAdopted: target_adopted,
    migration.ProfilingRequested: profiling_requested,
    migration.ProfilingFailed: profiling_failed,
    migration.SourceProfiled: source_profiled,
    migration.MigrationStarted: migration_started,
    migration.ChunkMigrated: chunk_migrated,
    migration.TableReconciled: table_reconciled,
    migration.MigrationCompleted: migration_completed,
    migration.MigrationAborted: migration_aborted,
}
