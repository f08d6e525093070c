"""What design publishes and takes: from an agreed plan to a proposal the client confirmed."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from schemas.base import (
    Amount,
    Command,
    CommandNoEffect,
    CommandRefusal,
    Currency,
    Day,
    Event,
    Prose,
    Rating,
    Ref,
    Sha256,
    Text,
    Value,
)
from schemas.base import (
    DeliveryOverruled as Overruled,
)
from schemas.intake import Client, Plan, Requirement


class Layer(StrEnum):
    NETWORK = "network"
    DATA = "data"
    APPLICATION = "application"


class Product(Value):
    """One offer of a catalogue: fills one slot."""

    id: Ref
    name: Text
    vendor: Text
    slot: Ref
    layer: Layer
    price: Amount = Field(description="one-off")
    yearly_cost: Amount
    ratings: dict[Ref, Rating] = Field(description="maturity, stability, scalability, compatibility")
    features: tuple[Ref, ...] = ()
    requires_slots: tuple[Ref, ...] = ()
    effort_days: dict[Ref, int] = Field(
        default={}, description="team role to person days of work to put it in"
    )


class Incompatibility(Value):
    one: Ref
    other: Ref
    reason: Text


class Catalogue(Value):
    id: Ref
    version: int = Field(ge=1)
    products: tuple[Product, ...] = Field(min_length=1)
    incompatibilities: tuple[Incompatibility, ...] = ()


class DraftOrder(Value):
    """Everything a draft is made from; equal orders give equal proposals."""

    version: int = Field(ge=1)
    cycle: int = Field(ge=1)
    client: Client
    currency: Currency
    budget: Amount = Field(description="hard limit of one-off price plus three years of running cost")
    start_on: Day
    target_on: Day
    plan: Plan
    requirements: tuple[Requirement, ...]
    catalogue: Catalogue
    excluded_products: tuple[Ref, ...] = ()


class Selection(Value):
    slot: Ref
    product: Ref
    name: Text
    cost: Amount = Field(description="price plus three years of running cost")
    value: float
    serves: tuple[Ref, ...] = Field(description="requirement ids")
    reason: Prose


class RejectedOption(Value):
    product: Ref
    slot: Ref
    reason: Prose


class Component(Value):
    id: Ref
    name: Text
    layer: Layer
    product: Ref


class Connection(Value):
    source: Ref
    target: Ref
    protocol: Text
    encrypted: bool
    carries: Text


class Task(Value):
    """A piece of work. Days count working days from the start of the project, finish is exclusive."""

    id: Ref
    title: Text
    role: Ref
    days: int = Field(ge=1)
    depends_on: tuple[Ref, ...] = ()
    start_day: int = Field(ge=0)
    finish_day: int = Field(ge=1)
    start_on: Day
    finish_on: Day
    critical: bool
    serves: tuple[Ref, ...] = ()


class Risk(Value):
    id: Ref
    title: Text
    likelihood: Rating
    impact: Rating
    treatment: Prose
    owner_role: Ref


class Coverage(Value):
    requirement: Ref
    components: tuple[Ref, ...]
    tasks: tuple[Ref, ...]


class Hole(Value):
    requirement: Ref
    reason: Prose


class DatabaseRole(Value):
    name: Ref
    login: bool
    privileges: tuple[Ref, ...] = Field(description="usage, select, insert, update, delete, create")


class EnvironmentSpec(Value):
    """The target environment to be built: one database server with what lives in it."""

    engine: Ref = "postgresql"
    component: Ref
    database: Ref
    schemas: tuple[Ref, ...] = Field(min_length=1)
    roles: tuple[DatabaseRole, ...] = Field(min_length=1)


class Proposal(Value):
    version: int = Field(ge=1)
    cycle: int = Field(ge=1)
    currency: Currency
    budget: Amount
    total_cost: Amount
    total_value: float
    optimal: bool
    selections: tuple[Selection, ...]
    rejected_options: tuple[RejectedOption, ...] = ()
    components: tuple[Component, ...]
    connections: tuple[Connection, ...]
    tasks: tuple[Task, ...]
    team: dict[Ref, int] = Field(description="team role to how many people of it the schedule uses at once")
    makespan_days: int
    finish_on: Day
    risks: tuple[Risk, ...]
    coverage: tuple[Coverage, ...]
    holes: tuple[Hole, ...] = ()
    environment: EnvironmentSpec


# Commands


class OfferCatalogue(Command):
    """Give design the products to choose from; a newer version replaces the older one."""

    type: ClassVar[str] = "design.offer_catalogue"
    catalogue: Catalogue


class DraftProposal(Command):
    """Asked by design itself when intake's plan was agreed."""

    type: ClassVar[str] = "design.draft_proposal"
    internal: ClassVar[bool] = True
    cycle: int
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day
    plan: Plan
    requirements: tuple[Requirement, ...]


class RecordProposal(Command):
    """Asked by design's own drafting work."""

    type: ClassVar[str] = "design.record_proposal"
    internal: ClassVar[bool] = True
    proposal: Proposal


class RecordInfeasibility(Command):
    """Asked by design's own drafting work when nothing fits."""

    type: ClassVar[str] = "design.record_infeasibility"
    internal: ClassVar[bool] = True
    proposal_version: int
    conflicts: tuple[Prose, ...] = Field(min_length=1)


class ApproveProposal(Command):
    type: ClassVar[str] = "design.approve_proposal"
    proposal_version: int = Field(ge=1)
    content_digest: Sha256
    approved_by: Ref


class RejectProposal(Command):
    type: ClassVar[str] = "design.reject_proposal"
    proposal_version: int = Field(ge=1)
    rejected_by: Ref
    comments: Prose


class RequestRevision(Command):
    """Ask for another version: without some products, or with another budget."""

    type: ClassVar[str] = "design.request_revision"
    proposal_version: int = Field(ge=1)
    requested_by: Ref
    comments: Prose
    exclude_products: tuple[Ref, ...] = ()
    budget: Amount | None = None


# Events


class CatalogueOffered(Event):
    """Published per catalogue version of the engagement."""

    type: ClassVar[str] = "design.catalogue_offered"
    catalogue: Catalogue


class PlanReceived(Event):
    """Published when an agreed plan has reached design; drafting starts once a catalogue is there."""

    type: ClassVar[str] = "design.plan_received"
    cycle: int
    client: Client
    currency: Currency
    budget: Amount
    start_on: Day
    target_on: Day
    plan: Plan
    requirements: tuple[Requirement, ...]


class DraftingRequested(Event):
    """Published per version to be drafted; a draft or an infeasibility follows."""

    type: ClassVar[str] = "design.drafting_requested"
    order: DraftOrder


class ProposalDrafted(Event):
    """Published per proposal version; approval must cite `content_digest`."""

    type: ClassVar[str] = "design.proposal_drafted"
    proposal: Proposal
    content_digest: Sha256


class ProposalInfeasible(Event):
    """Published when no choice satisfies budget and compatibility; `conflicts` says what is in the way."""

    type: ClassVar[str] = "design.proposal_infeasible"
    proposal_version: int
    conflicts: tuple[Prose, ...]


class ProposalApproved(Event):
    """Published once per approved version. Provisioning may start; the whole proposal is in it."""

    type: ClassVar[str] = "design.proposal_approved"
    proposal: Proposal
    content_digest: Sha256
    approved_by: Ref


class ProposalRejected(Event):
    """Published when the client says no; nothing follows until a revision is asked for."""

    type: ClassVar[str] = "design.proposal_rejected"
    proposal_version: int
    rejected_by: Ref
    comments: Prose


class RevisionRequested(Event):
    """Published when another version is wanted; its drafting follows."""

    type: ClassVar[str] = "design.revision_requested"
    proposal_version: int
    requested_by: Ref
    comments: Prose
    exclude_products: tuple[Ref, ...] = ()
    budget: Amount | None = None


class CommandRefused(CommandRefusal):
    """Published for every refused command; its state is unchanged."""

    type: ClassVar[str] = "design.command_refused"


class DeliveryOverruled(Overruled):
    """Published when an operator skipped a message of the engagement, or declared missing ones lost."""

    type: ClassVar[str] = "design.delivery_overruled"


class CommandHadNoEffect(CommandNoEffect):
    """Published for a command that was right and changed nothing."""

    type: ClassVar[str] = "design.command_had_no_effect"
