"""What an approved proposal asks of provisioning."""

from datetime import date
from decimal import Decimal

from provisioning.reactions import REACTIONS, needs_of
from schemas.design import DatabaseRole, EnvironmentSpec, Proposal, ProposalApproved, Task
from schemas.provisioning import PrepareEnvironment, RoleNeed


def task(name: str, role: str, days: int) -> Task:
    day = date(2026, 3, 2)
    return Task(
        id=name, title=name, role=role, days=days, start_day=0, finish_day=days, start_on=day, finish_on=day,
        critical=False,
    )  # fmt: skip


PROPOSAL = Proposal(
    version=3, cycle=1, currency="EUR", budget=Decimal(10), total_cost=Decimal(5), total_value=1.0,
    optimal=True,
    selections=(), components=(), connections=(),
    tasks=(task("t1", "dba", 5), task("t2", "dba", 7), task("t3", "engineer", 3), task("t4", "trainer", 2)),
    team={"dba": 2, "engineer": 1}, makespan_days=12, finish_on=date(2026, 4, 1), risks=(), coverage=(),
    environment=EnvironmentSpec(
        component="db", database="d", schemas=("s",),
        roles=(DatabaseRole(name="app", login=True, privileges=("usage",)),),
    ),
)  # fmt: skip


def test_needs_are_the_days_of_the_tasks_and_the_people_of_the_team() -> None:
    assert needs_of(PROPOSAL) == (
        RoleNeed(role="dba", days=12, people=2),
        RoleNeed(role="engineer", days=3, people=1),
        RoleNeed(role="trainer", days=2, people=1),
    )


def test_approval_asks_for_the_environment() -> None:
    event = ProposalApproved(proposal=PROPOSAL, content_digest="c" * 64, approved_by="anna")

    command = REACTIONS[ProposalApproved](event)

    assert isinstance(command, PrepareEnvironment)
    assert (command.proposal_version, command.content_digest) == (3, "c" * 64)
    assert command.environment == PROPOSAL.environment
