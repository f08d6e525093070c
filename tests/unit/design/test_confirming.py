"""From catalogue and plan to a proposal that the client confirmed."""

from decimal import Decimal

import pytest

from design.engine.drafting import draft
from design.model import State, content_digest, evolve
from design.reactions import REACTIONS
from schemas.design import (
    ApproveProposal,
    CatalogueOffered,
    CommandHadNoEffect,
    CommandRefused,
    DraftingRequested,
    OfferCatalogue,
    PlanReceived,
    Proposal,
    ProposalApproved,
    ProposalDrafted,
    ProposalInfeasible,
    ProposalRejected,
    RecordInfeasibility,
    RecordProposal,
    RejectProposal,
    RequestRevision,
    RevisionRequested,
)
from schemas.intake import PlanAgreed


@pytest.fixture
def proposal(build) -> Proposal:
    made = draft(build.order())
    assert isinstance(made, Proposal)
    return made


@pytest.fixture
def drafted(drafting, proposal):
    return drafting.when(RecordProposal(proposal=proposal))


def _approve(proposal, **changes):
    values = {
        "proposal_version": proposal.version,
        "content_digest": content_digest(proposal),
        "approved_by": "anna",
    }
    return ApproveProposal(**values | changes)


def _reject(version: int = 1):
    return RejectProposal(proposal_version=version, rejected_by="anna", comments="Too dear.")


def _revise(version: int = 1, **changes):
    return RequestRevision(proposal_version=version, requested_by="anna", comments="Another.", **changes)


class TestCatalogue:
    def test_is_kept_until_a_plan_comes(self, empty, build):
        empty.when(OfferCatalogue(catalogue=build.catalogue())).then(
            CatalogueOffered(catalogue=build.catalogue())
        )

    def test_starts_the_drafting_that_a_plan_waits_for(self, empty, build):
        catalogue = build.catalogue()

        after = empty.when(build.drafting()).when(OfferCatalogue(catalogue=catalogue))

        after.then(CatalogueOffered(catalogue=catalogue), DraftingRequested(order=build.order()))

    def test_offered_again_changes_nothing(self, drafting, build):
        drafting.when(OfferCatalogue(catalogue=build.catalogue())).then_nothing()

    def test_in_a_newer_version_replaces_the_older_and_leaves_the_proposal(self, drafted, build):
        newer = build.catalogue(version=2)

        after = drafted.when(OfferCatalogue(catalogue=newer))

        after.then(CatalogueOffered(catalogue=newer))
        assert after.state.catalogue == newer

    def test_changed_under_the_same_version_is_refused(self, drafting, build):
        other = build.catalogue(build.product("gamma", "erp"))

        drafting.when(OfferCatalogue(catalogue=other)).then_refused(
            "catalogue.version", "catalogue-version-is-newer"
        )

    def test_with_a_product_twice_is_refused(self, empty, build):
        twice = build.catalogue(build.product("a", "erp"), build.product("a", "database"))

        empty.when(OfferCatalogue(catalogue=twice)).then_refused("catalogue.products.1.id", "duplicate-id")

    @pytest.mark.parametrize(
        ("pair", "field", "rule"),
        [
            (("gone", "a"), "catalogue.incompatibilities.0.one", "unknown-product"),
            (("a", "gone"), "catalogue.incompatibilities.0.other", "unknown-product"),
            (("a", "a"), "catalogue.incompatibilities.0.other", "incompatible-products-differ"),
        ],
    )
    def test_with_a_senseless_incompatibility_is_refused(self, empty, build, pair, field, rule):
        catalogue = build.catalogue(build.product("a", "erp"), apart=(pair,))

        empty.when(OfferCatalogue(catalogue=catalogue)).then_refused(field, rule)

    def test_with_negative_effort_is_refused(self, empty, build):
        catalogue = build.catalogue(build.product("a", "erp", effort_days={"dba": -1}))

        empty.when(OfferCatalogue(catalogue=catalogue)).then_refused(
            "catalogue.products.0.effort_days.dba", "effort-in-range"
        )


class TestPlan:
    def test_waits_for_a_catalogue(self, empty, build):
        empty.when(build.drafting()).then_types(PlanReceived)

    def test_is_drafted_at_once_when_the_catalogue_is_here(self, drafting, build):
        drafting.then_types(PlanReceived, DraftingRequested)
        assert drafting.last(DraftingRequested).order == build.order()

    def test_received_twice_changes_nothing(self, drafting, build):
        drafting.when(build.drafting()).then_nothing()

    def test_of_a_cycle_already_here_is_refused(self, drafting, build):
        drafting.when(build.drafting(budget=Decimal(1))).then_refused("cycle", "plan-of-a-newer-cycle")

    def test_of_the_next_cycle_starts_another_version(self, drafted, proposal, build):
        approved = drafted.when(_approve(proposal))

        order = approved.when(build.drafting(cycle=2)).last(DraftingRequested).order

        assert (order.version, order.cycle) == (2, 2)

    def test_of_the_next_cycle_forgets_the_revisions_of_the_one_before(self, drafted, build):
        revised = drafted.when(_revise(exclude_products=("beta",), budget=Decimal(9000)))

        order = revised.when(build.drafting(cycle=2)).last(DraftingRequested).order

        assert (order.version, order.excluded_products, order.budget) == (3, (), Decimal(10000))


class TestDraft:
    def test_is_published_with_its_digest(self, drafting, proposal):
        drafting.when(RecordProposal(proposal=proposal)).then(
            ProposalDrafted(proposal=proposal, content_digest=content_digest(proposal))
        )

    def test_recorded_twice_is_published_once(self, drafted, proposal):
        drafted.when(RecordProposal(proposal=proposal)).then_nothing()

    def test_overtaken_by_a_newer_plan_is_dropped(self, drafting, proposal, build):
        drafting.when(build.drafting(cycle=2)).when(RecordProposal(proposal=proposal)).then_nothing()

    def test_that_nobody_requested_is_refused(self, drafting, empty, proposal):
        empty.when(RecordProposal(proposal=proposal)).then_refused(
            "proposal_version", "drafting-was-requested"
        )
        drafting.when(RecordInfeasibility(proposal_version=2, conflicts=("No.",))).then_refused(
            "proposal_version", "drafting-was-requested"
        )

    def test_that_failed_names_its_conflicts(self, drafting):
        drafting.when(RecordInfeasibility(proposal_version=1, conflicts=("Too dear.",))).then(
            ProposalInfeasible(proposal_version=1, conflicts=("Too dear.",))
        )

    def test_that_failed_is_tried_again_with_the_next_catalogue(self, drafting, build):
        failed = drafting.when(RecordInfeasibility(proposal_version=1, conflicts=("Too dear.",)))

        again = failed.when(OfferCatalogue(catalogue=build.catalogue(version=2)))

        again.then_types(CatalogueOffered, DraftingRequested)
        assert again.last(DraftingRequested).order.version == 2

    def test_that_failed_can_be_revised_but_not_approved(self, drafting, proposal):
        failed = drafting.when(RecordInfeasibility(proposal_version=1, conflicts=("Too dear.",)))

        failed.when(_approve(proposal)).then_refused("proposal_version", "proposal-not-drafted")
        failed.when(_revise(budget=Decimal(20000))).then_types(RevisionRequested, DraftingRequested)


class TestApproval:
    def test_carries_the_whole_proposal(self, drafted, proposal):
        drafted.when(_approve(proposal)).then(
            ProposalApproved(proposal=proposal, content_digest=content_digest(proposal), approved_by="anna")
        )

    def test_given_twice_changes_nothing(self, drafted, proposal):
        drafted.when(_approve(proposal)).when(_approve(proposal, approved_by="ben")).then_nothing()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [({"proposal_version": 2}, "proposal_version"), ({"content_digest": "0" * 64}, "content_digest")],
    )
    def test_of_other_content_is_refused(self, drafted, proposal, changes, field):
        drafted.when(_approve(proposal, **changes)).then_refused(field, "approval-must-cite-current-content")

    def test_of_one_altered_field_is_refused(self, drafted, proposal):
        altered = proposal.model_copy(update={"total_cost": proposal.total_cost + 1})

        drafted.when(_approve(altered)).then_refused("content_digest", "approval-must-cite-current-content")

    def test_before_anything_is_drafted_is_refused(self, empty, drafting, proposal):
        empty.when(_approve(proposal)).then_refused("proposal_version", "proposal-not-drafted")
        drafting.when(_approve(proposal)).then_refused("proposal_version", "drafting-is-running")

    def test_while_a_revision_is_drafted_is_refused(self, drafted, proposal):
        drafted.when(_revise(budget=Decimal(9000))).when(_approve(proposal)).then_refused(
            "proposal_version", "drafting-is-running"
        )

    def test_of_a_rejected_version_is_refused(self, drafted, proposal):
        drafted.when(_reject()).when(_approve(proposal)).then_refused(
            "proposal_version", "proposal-already-rejected"
        )

    def test_of_an_older_version_is_refused(self, drafted, proposal, build):
        second = draft(build.order(version=2, excluded_products=("beta",)))
        revised = drafted.when(_revise(exclude_products=("beta",))).when(RecordProposal(proposal=second))

        revised.when(_approve(proposal)).then_refused(
            "proposal_version", "approval-must-cite-current-content"
        )
        revised.when(_approve(second)).then_types(ProposalApproved)


class TestRejection:
    def test_keeps_the_comments(self, drafted):
        drafted.when(_reject()).then(
            ProposalRejected(proposal_version=1, rejected_by="anna", comments="Too dear.")
        )

    def test_given_twice_changes_nothing(self, drafted):
        drafted.when(_reject()).when(_reject()).then_nothing()

    def test_of_another_version_is_refused(self, drafted):
        drafted.when(_reject(2)).then_refused("proposal_version", "rejection-must-cite-newest-version")

    def test_of_an_approved_version_is_refused(self, drafted, proposal):
        drafted.when(_approve(proposal)).when(_reject()).then_refused(
            "proposal_version", "proposal-already-approved"
        )

    def test_before_anything_is_drafted_is_refused(self, empty, drafting):
        empty.when(_reject()).then_refused("proposal_version", "proposal-not-drafted")
        drafting.when(_reject()).then_refused("proposal_version", "drafting-is-running")


class TestRevision:
    def test_drafts_the_next_version_without_the_products(self, drafted, build):
        drafted.when(_revise(exclude_products=("beta",))).then(
            RevisionRequested(
                proposal_version=1, requested_by="anna", comments="Another.", exclude_products=("beta",)
            ),
            DraftingRequested(order=build.order(version=2, excluded_products=("beta",))),
        )

    def test_adds_up_with_the_revisions_before(self, drafted, build):
        second = draft(build.order(version=2, excluded_products=("beta",)))
        revised = drafted.when(_revise(exclude_products=("beta",))).when(RecordProposal(proposal=second))

        order = revised.when(_revise(2, budget=Decimal(9000))).last(DraftingRequested).order

        assert (order.version, order.excluded_products, order.budget) == (3, ("beta",), Decimal(9000))

    def test_after_a_rejection_opens_the_way_again(self, drafted, build):
        second = draft(build.order(version=2, excluded_products=("beta",)))

        revised = drafted.when(_reject()).when(_revise(exclude_products=("beta",)))

        revised.when(RecordProposal(proposal=second)).when(_approve(second)).then_types(ProposalApproved)

    def test_takes_up_a_newer_catalogue(self, drafted, build):
        newer = drafted.when(OfferCatalogue(catalogue=build.catalogue(version=2)))

        assert newer.when(_revise()).last(DraftingRequested).order.catalogue.version == 2

    @pytest.mark.parametrize(
        ("changes", "field", "rule"),
        [
            ({"version": 2, "budget": Decimal(1)}, "proposal_version", "revision-must-cite-newest-version"),
            ({"exclude_products": ("beta", "gone")}, "exclude_products.1", "unknown-product"),
            ({"budget": Decimal(0)}, "budget", "budget-above-zero"),
            ({}, "exclude_products", "revision-changes-something"),
            ({"budget": Decimal("10000.00")}, "exclude_products", "revision-changes-something"),
        ],
    )
    def test_that_makes_no_sense_is_refused(self, drafted, changes, field, rule):
        drafted.when(_revise(**changes)).then_refused(field, rule)

    def test_of_an_approved_version_is_refused(self, drafted, proposal):
        drafted.when(_approve(proposal)).when(_revise(budget=Decimal(1))).then_refused(
            "proposal_version", "proposal-already-approved"
        )

    def test_before_anything_is_drafted_is_refused(self, empty, drafting):
        empty.when(_revise(budget=Decimal(1))).then_refused("proposal_version", "proposal-not-drafted")
        drafting.when(_revise(budget=Decimal(1))).then_refused("proposal_version", "drafting-is-running")


def test_state_survives_a_snapshot(drafting, drafted, proposal):
    approved = drafted.when(_approve(proposal))
    revised = drafted.when(_revise(exclude_products=("beta",), budget=Decimal("9000.50")))

    for state in (State(), drafting.state, drafted.state, approved.state, revised.state):
        assert State.model_validate_json(state.model_dump_json()) == state


def test_digest_survives_the_wire(proposal):
    received = Proposal.model_validate_json(proposal.model_dump_json())

    assert content_digest(received) == content_digest(proposal)


def test_answers_to_commands_leave_the_state_alone(drafted):
    refused = CommandRefused(
        command_id="c", command_type="design.approve_proposal", code="RULE", field="f", rule="r", reason="No."
    )
    no_effect = CommandHadNoEffect(command_id="c", command_type="design.approve_proposal")

    assert evolve(drafted.state, refused) == drafted.state
    assert evolve(drafted.state, no_effect) == drafted.state


def test_an_agreed_plan_asks_for_a_draft(build):
    asked = build.drafting()
    parts = {name: getattr(asked, name) for name in type(asked).model_fields}

    agreed = PlanAgreed(title="New order system", agreed_by="anna", **parts)

    assert REACTIONS[PlanAgreed](agreed) == asked
