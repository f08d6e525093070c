from dataclasses import dataclass, field

import pytest

from messaging import Again
from monitoring.activities import run_check
from monitoring.engine.probing import Check
from monitoring.model import State
from schemas.monitoring import DefineProbe, ProbeDefined, RecordProbe


@dataclass
class ScriptedChecks:
    """Answers from a script: True up, False down."""

    answers: list[bool]
    asked: int = 0

    async def check(self, probe):
        up = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return Check(up=up, ms=2.0 if up else 4.0, detail="fine" if up else "gone")


@dataclass
class RecordedWork:
    state_now: State
    checkpoint: dict = field(default_factory=dict)
    sent: dict[str, RecordProbe] = field(default_factory=dict)
    fail_save: bool = False
    engagement: str = "ENG-TEST1"
    tenant: str = "acme"
    attempt: int = 1

    async def save(self, checkpoint):
        if self.fail_save:
            raise ConnectionError("database away")
        self.checkpoint = dict(checkpoint)

    async def send(self, command, *, key):
        self.sent.setdefault(key, command)

    async def state(self):
        return self.state_now


@pytest.fixture
def defined(watching, make):
    told = watching().when(DefineProbe(probe=make.probe(interval_seconds=7)))
    return told.state, told.last(ProbeDefined)


async def rounds(answers, defined):
    state, event = defined
    checks, work = ScriptedChecks(answers), RecordedWork(state)
    for _ in answers:
        assert await run_check(checks, event, work) == Again(7)
    return [(c.up, c.checks, c.failures, c.mean_ms, c.detail) for c in work.sent.values()]


async def test_first_success_is_told_at_once(defined):
    assert await rounds([True], defined) == [(True, 1, 0, 2.0, "fine")]


async def test_one_failure_is_not_down_two_are(defined):
    assert await rounds([True, False, True, False], defined) == [(True, 1, 0, 2.0, "fine")]
    assert await rounds([True, False, False, False], defined) == [
        (True, 1, 0, 2.0, "fine"),
        (False, 2, 2, 4.0, "gone"),
    ]
    assert await rounds([False, False], defined) == [(False, 2, 2, 4.0, "gone")]


async def test_one_success_is_up_again(defined):
    told = await rounds([False, False, True], defined)

    assert told[-1] == (True, 1, 0, 2.0, "fine")


async def test_a_summary_follows_after_twenty_checks_without_a_change(defined):
    told = await rounds([True] * 11 + [False] + [True] * 29, defined)

    assert [(up, checks, failures) for up, checks, failures, _, _ in told] == [
        (True, 1, 0),
        (True, 20, 1),
        (True, 20, 0),
    ]


async def test_a_crash_between_telling_and_saving_tells_once(defined):
    state, event = defined
    work = RecordedWork(state, fail_save=True)

    with pytest.raises(ConnectionError):
        await run_check(ScriptedChecks([True]), event, work)
    work.fail_save = False
    await run_check(ScriptedChecks([True]), event, work)

    assert list(work.sent) == ["report-0"]
    assert work.checkpoint["reports"] == 1


async def test_checks_stop_when_the_probe_was_defined_anew(watching, make):
    told = watching().when(DefineProbe(probe=make.probe()))
    old = told.last(ProbeDefined)
    told = told.when(DefineProbe(probe=make.probe(interval_seconds=60)))
    checks = ScriptedChecks([True])

    assert await run_check(checks, old, RecordedWork(told.state)) is None
    assert checks.asked == 0
    assert await run_check(checks, told.last(ProbeDefined), RecordedWork(told.state)) == Again(60)


async def test_nothing_is_checked_before_the_environment_exists_and_once_after(empty, make):
    told = empty.when(DefineProbe(probe=make.probe()))
    early = told.last(ProbeDefined)
    assert await run_check(ScriptedChecks([True]), early, RecordedWork(told.state)) is None

    told = told.when(make.start())
    announced = next(e for e in told.outcome if isinstance(e, ProbeDefined) and e.probe.id == "shop")

    assert await run_check(ScriptedChecks([True]), early, RecordedWork(told.state)) is None
    assert await run_check(ScriptedChecks([True]), announced, RecordedWork(told.state)) == Again(30)
