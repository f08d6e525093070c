"""One line for a person on what an event came to; a type without a line of its own gets its first facts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Data = Mapping[str, Any]
LONGEST_FACT = 60


def tell(event_type: str, data: Data) -> str:
    """`event_type` without its version. Older versions of a type may lack what its line asks for."""
    try:
        return LINES[event_type](data)
    except (KeyError, TypeError):
        return _first_facts(event_type, data)


def _first_facts(event_type: str, data: Data) -> str:
    words = event_type.partition(".")[2].replace("_", " ").capitalize()
    facts = [f"{name} {value}" for name, value in _facts(data) if value not in ("", None)]
    return f"{words}: {', '.join(facts[:3])}" if facts else words


def _facts(data: Data) -> list[tuple[str, Any]]:
    """Plain values of the payload, or of the one thing it carries."""
    nested = [value for value in data.values() if isinstance(value, dict)]
    inner = nested[0] if len(nested) == 1 else {}
    plain = [
        (k, v) for k, v in {**inner, **data}.items() if isinstance(v, str | int | float) and k != "version"
    ]
    return [(k.replace("_", " "), v) for k, v in plain if not (isinstance(v, str) and len(v) > LONGEST_FACT)]


def _proposal(data: Data) -> str:
    proposal = data["proposal"]
    holes = f", {len(proposal['holes'])} holes" if proposal["holes"] else ""
    return (
        f"version {proposal['version']}: {len(proposal['selections'])} products for "
        f"{proposal['total_cost']} of {proposal['budget']} {proposal['currency']}, "
        f"done on {proposal['finish_on']}{holes}"
    )


def _missing(data: Data) -> str:
    return "missing: " + ", ".join(need["role"] for need in data["missing"])


def _profiled(data: Data) -> str:
    rows = sum(table["rows"] for table in data["tables"])
    wrong = sum(anomaly["rows"] for anomaly in data["anomalies"])
    return f"{rows:,} rows in {len(data['tables'])} tables, {wrong:,} with something wrong"


def _outcome(data: Data) -> str:
    kpi, verdict = data["kpi"], data["verdict"].replace("_", " ")
    measured = "" if data["actual"] is None else f"{data['actual']:.4g} {kpi['unit']}, "
    return f"{data['requirement']} {verdict}: {measured}target {kpi['target']:g}, before {kpi['baseline']:g}"


LINES: Final[Mapping[str, Callable[[Data], str]]] = {
    "intake.plan_proposed": lambda d: f"version {d['plan']['version']}, {len(d['plan']['phases'])} phases",
    "intake.plan_agreed": lambda d: (
        f"{len(d['requirements'])} requirements for {d['budget']} {d['currency']}, agreed by {d['agreed_by']}"
    ),
    "intake.requirements_scored": lambda d: f"{len(d['scores'])} requirements ranked",
    "design.proposal_drafted": _proposal,
    "design.proposal_approved": _proposal,
    "provisioning.people_offered": lambda d: f"{len(d['people'])} people",
    "provisioning.team_formed": lambda d: f"{len(d['assignments'])} assignments",
    "provisioning.team_incomplete": _missing,
    "provisioning.environment_ready": lambda d: (
        f"{d['environment']['engine']} at {d['endpoint']['host']}:{d['endpoint']['port']}, "
        f"database {d['endpoint']['database']}"
    ),
    "migration.source_profiled": _profiled,
    "migration.migration_started": lambda d: (
        f"run {d['run']}: {d['rows_expected']:,} rows, at most {d['reject_limit']:,} rejected"
    ),
    "migration.migration_aborted": lambda d: f"run {d['run']}: {d['reason']}",
    "migration.migration_completed": lambda d: (
        f"run {d['run']}: {d['rows_written']:,} rows in {d['tables']} tables, proved equal; "
        f"{d['rows_rejected']:,} kept with their reasons"
    ),
    "monitoring.alert_fired": lambda d: f"{d['severity']} on {d['component']}: {d['summary']}",
    "monitoring.incident_opened": lambda d: (
        f"{d['incident']}, {d['severity']} on {d['component']}: {d['summary']}"
    ),
    "monitoring.incident_resolved": lambda d: (
        f"{d['incident']} after {d['duration_seconds'] / 60:.0f} min: {d['note']}"
    ),
    "feedback.outcome_evaluated": _outcome,
    "feedback.improvement_proposed": lambda d: f"{d['improvement']['id']}: {d['improvement']['title']}",
    "feedback.improvement_accepted": lambda d: f"{d['improvement']['id']} by {d['accepted_by']}",
    "intake.cycle_opened": lambda d: f"cycle {d['cycle']} begins with {d['requirement']}",
}
