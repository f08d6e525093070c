"""The whole service between its topics: an agreed plan in, a confirmed proposal out."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest

from design.main import build_app
from design.model import content_digest
from design.settings import Settings
from schemas.design import (
    ApproveProposal,
    Catalogue,
    CommandRefused,
    Layer,
    OfferCatalogue,
    Product,
    ProposalApproved,
    ProposalDrafted,
    ProposalInfeasible,
    RequestRevision,
)
from schemas.intake import Client, Formula, Need, Phase, Plan, PlanAgreed, Requirement
from testkit.backbone import Backbone, Tail

CATALOGUE = Catalogue(
    id="market",
    version=1,
    products=tuple(
        Product(
            id=id,
            name=id.title(),
            vendor=f"Vendor of {id}",
            slot=slot,
            layer=layer,
            price=Decimal(price),
            yearly_cost=Decimal(100),
            ratings={"maturity": rating},
            effort_days={"engineer": 4},
        )
        for id, slot, layer, price, rating in (
            ("suite", "erp", Layer.APPLICATION, 9000, 5),
            ("basic", "erp", Layer.APPLICATION, 3000, 3),
            ("pgsql", "database", Layer.DATA, 500, 5),
        )
    ),
)


def _plan_agreed() -> PlanAgreed:
    phase = Phase(
        number=1,
        title="All",
        requirements=("r1",),
        expected_outcome="Faster.",
        milestone_on=date(2026, 9, 30),
    )
    return PlanAgreed(
        title="New order system",
        client=Client(name="Nordwerk", industry="Machines"),
        currency="EUR",
        budget=Decimal(20000),
        start_on=date(2026, 3, 2),
        target_on=date(2026, 9, 30),
        cycle=1,
        plan=Plan(version=1, formula=Formula(), phases=(phase,)),
        requirements=(
            Requirement(
                id="r1",
                title="Faster orders",
                description="In one day.",
                importance=5,
                urgency=5,
                effort_days=20,
                needs=(Need(slot="erp"), Need(slot="database")),
            ),
        ),
        agreed_by="anna",
    )


@pytest.fixture
async def events(backbone: Backbone) -> AsyncIterator[Tail]:
    async with (
        build_app(Settings(**dict(backbone.settings()))).running(),
        backbone.tail("design.events") as tail,
    ):
        yield tail


async def test_an_agreed_plan_becomes_an_approved_proposal(backbone: Backbone, events: Tail) -> None:
    await backbone.send(OfferCatalogue(catalogue=CATALOGUE))
    await backbone.happened(_plan_agreed())
    await events.until(lambda tail: bool(tail.of(ProposalDrafted)))
    (drafted,) = events.of(ProposalDrafted)

    approval = ApproveProposal(
        proposal_version=1, content_digest=drafted.payload.content_digest, approved_by="anna"
    )
    await backbone.send(approval.model_copy(update={"content_digest": "0" * 64}))
    await backbone.send(approval)
    await events.until(lambda tail: bool(tail.of(ProposalApproved)))

    assert [s.product for s in drafted.payload.proposal.selections] == ["pgsql", "suite"]
    assert drafted.payload.content_digest == content_digest(drafted.payload.proposal)
    (refused,) = events.of(CommandRefused)
    assert (refused.payload.field, refused.payload.rule) == (
        "content_digest",
        "approval-must-cite-current-content",
    )
    (approved,) = events.of(ProposalApproved)
    assert approved.payload.proposal == drafted.payload.proposal


async def test_a_budget_too_small_is_told_and_another_one_drafts_again(
    backbone: Backbone, events: Tail
) -> None:
    await backbone.send(OfferCatalogue(catalogue=CATALOGUE))
    await backbone.happened(_plan_agreed())
    await events.until(lambda tail: bool(tail.of(ProposalDrafted)))

    def revision(version: int, budget: int) -> RequestRevision:
        return RequestRevision(
            proposal_version=version, requested_by="anna", comments="Another.", budget=Decimal(budget)
        )

    await backbone.send(revision(1, 1000))
    await events.until(lambda tail: bool(tail.of(ProposalInfeasible)))
    await backbone.send(revision(2, 5000))
    await events.until(lambda tail: len(tail.of(ProposalDrafted)) == 2)

    (infeasible,) = events.of(ProposalInfeasible)
    assert infeasible.payload.conflicts[0].startswith(
        "the cheapest compatible choice costs 4,100.00 EUR over three years; the budget is 1,000.00 EUR"
    )
    third = events.of(ProposalDrafted)[-1].payload.proposal
    assert (third.version, [s.product for s in third.selections]) == (3, ["pgsql", "basic"])
