"""How provisioning's events change the view."""

from typing import Any

from gateway.entry import Entry
from gateway.view.parts import Table, View, item, plain, put, stage
from schemas import provisioning


def empty() -> View:
    return {
        "needs": [],
        "people": [],
        "missing": [],
        "team": [],
        "kickoff": None,
        "build": None,
        "environment": None,
        "blocked_reason": None,
    }


def team_requested(view: View, event: provisioning.TeamRequested, entry: Entry) -> None:
    view["provisioning"]["needs"] = [plain(need) for need in event.needs]
    stage(view, "provisioning", "active", entry)


def proposal_queued(_: View, __: provisioning.ProposalQueued, ___: Entry) -> None:
    """The running build is what is shown until it ends; the timeline tells what waits."""


def people_offered(view: View, event: provisioning.PeopleOffered, _: Entry) -> None:
    for person in event.people:
        put(view["provisioning"]["people"], plain(person))


def team_incomplete(view: View, event: provisioning.TeamIncomplete, entry: Entry) -> None:
    view["provisioning"]["missing"] = [plain(need) for need in event.missing]
    _block(view, f"the team lacks {', '.join(need.role for need in event.missing)}", entry)


def team_formed(view: View, event: provisioning.TeamFormed, entry: Entry) -> None:
    view["provisioning"]["missing"] = []
    view["provisioning"]["team"] = [plain(one) for one in event.assignments]
    _unblock(view, entry)


def kickoff_held(view: View, event: provisioning.KickoffHeld, _: Entry) -> None:
    view["provisioning"]["kickoff"] = plain(event)


def build_started(view: View, event: provisioning.BuildStarted, entry: Entry) -> None:
    waiting: dict[str, Any] = {
        "state": "waiting",
        "attempts": 0,
        "changed": None,
        "duration_ms": None,
        "detail": None,
        "error": None,
    }
    steps = [{**plain(step), **waiting} for step in event.steps]
    started = {
        "number": event.build,
        "state": "building",
        "started_at": entry.at.isoformat(),
        "finished_at": None,
    }
    view["provisioning"]["build"] = {**started, "steps": steps}
    _unblock(view, entry)


def step_completed(view: View, event: provisioning.StepCompleted, _: Entry) -> None:
    _step(
        view,
        event.step,
        state="done",
        attempts=event.attempt,
        changed=event.changed,
        duration_ms=event.duration_ms,
        detail=event.detail,
        error=None,
    )


def step_failed(view: View, event: provisioning.StepFailed, entry: Entry) -> None:
    state = "failed" if event.final else "retrying"
    _step(view, event.step, state=state, attempts=event.attempt, error=event.error)
    if event.final:
        _block(view, f"step {event.step} failed for good: {event.error}", entry)


def step_undone(view: View, event: provisioning.StepUndone, _: Entry) -> None:
    _step(view, event.step, state="undone", detail=event.detail)


def environment_ready(view: View, event: provisioning.EnvironmentReady, entry: Entry) -> None:
    _finish(view, "ready", entry)
    described = {**plain(event.environment), "ready_at": entry.at.isoformat(), "build": event.build}
    components = [plain(component) for component in event.components]
    view["provisioning"]["environment"] = {
        **described,
        "endpoint": plain(event.endpoint),
        "components": components,
    }
    view["provisioning"]["blocked_reason"] = None
    stage(view, "provisioning", "done", entry)


def environment_rolled_back(view: View, event: provisioning.EnvironmentRolledBack, entry: Entry) -> None:
    _finish(view, "rolled_back", entry)
    _block(view, f"build {event.build} was rolled back at {event.failed_step}: {event.reason}", entry)


def _step(view: View, step: str, **fields: Any) -> None:
    build = view["provisioning"]["build"]
    found = item(build["steps"], "id", step) if build else None
    if found is not None:
        found.update(fields)


def _finish(view: View, state: str, entry: Entry) -> None:
    build = view["provisioning"]["build"]
    if build is not None:
        build.update(state=state, finished_at=entry.at.isoformat())


def _block(view: View, reason: str, entry: Entry) -> None:
    view["provisioning"]["blocked_reason"] = reason
    stage(view, "provisioning", "blocked", entry)


def _unblock(view: View, entry: Entry) -> None:
    view["provisioning"]["blocked_reason"] = None
    stage(view, "provisioning", "active", entry)


TABLE: Table = {
    provisioning.TeamRequested: team_requested,
    provisioning.ProposalQueued: proposal_queued,
    provisioning.PeopleOffered: people_offered,
    provisioning.TeamIncomplete: team_incomplete,
    provisioning.TeamFormed: team_formed,
    provisioning.KickoffHeld: kickoff_held,
    provisioning.BuildStarted: build_started,
    provisioning.StepCompleted: step_completed,
    provisioning.StepFailed: step_failed,
    provisioning.StepUndone: step_undone,
    provisioning.EnvironmentReady: environment_ready,
    provisioning.EnvironmentRolledBack: environment_rolled_back,
}
