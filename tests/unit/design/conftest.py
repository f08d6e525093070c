"""A small catalogue and plan, and the scenario in which both are known."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

import design.model
from schemas.design import (
    Catalogue,
    DraftOrder,
    DraftProposal,
    Incompatibility,
    Layer,
    OfferCatalogue,
    Product,
)
from schemas.intake import Client, Formula, Need, Phase, Plan, Requirement
from testkit.scenario import Scenario, scenario


class Builders:
    """Objects with good defaults: a test names only what matters to it."""

    def product(
        self, id: str, slot: str, price: Decimal | int = 1000, rating: int = 3, **changes: Any
    ) -> Product:
        values: dict[str, Any] = {
            "name": id.title(),
            "vendor": f"Vendor of {id}",
            "layer": Layer.DATA if slot == "database" else Layer.APPLICATION,
            "price": Decimal(price),
            "yearly_cost": Decimal(0),
            "ratings": {"maturity": rating, "stability": rating},
            "effort_days": {"engineer": 3},
        }
        return Product(id=id, slot=slot, **values | changes)

    def catalogue(
        self, *products: Product, version: int = 1, apart: tuple[tuple[str, str], ...] = ()
    ) -> Catalogue:
        return Catalogue(
            id="main",
            version=version,
            products=products or self.products(),
            incompatibilities=tuple(
                Incompatibility(one=one, other=other, reason="no driver") for one, other in apart
            ),
        )

    def products(self) -> tuple[Product, ...]:
        return (
            self.product("alpha", "erp", 4000, 4, requires_slots=("database",)),
            self.product("beta", "erp", 2000, 3),
            self.product("pgsql", "database", 500, 5, effort_days={"dba": 2}),
            self.product("filedb", "database", 100, 2, effort_days={"dba": 1}),
        )

    def requirement(self, id: str, *slots: str, importance: int = 5, **need: Any) -> Requirement:
        return Requirement(
            id=id,
            title=f"Requirement {id}",
            description="What it is about.",
            importance=importance,
            urgency=5,
            effort_days=10,
            needs=tuple(Need(slot=slot, **need) for slot in slots),
        )

    def plan(self) -> Plan:
        phase = Phase(
            number=1,
            title="All",
            requirements=("r1",),
            expected_outcome="Better.",
            milestone_on=date(2026, 9, 30),
        )
        return Plan(version=1, formula=Formula(), phases=(phase,))

    def drafting(self, **changes: Any) -> DraftProposal:
        values: dict[str, Any] = {
            "cycle": 1,
            "client": Client(name="Nordwerk GmbH", industry="Machines", sites=("Kiel", "Ulm")),
            "currency": "EUR",
            "budget": Decimal("10000.00"),
            "start_on": date(2026, 3, 7),
            "target_on": date(2026, 9, 30),
            "plan": self.plan(),
            "requirements": (self.requirement("r1", "erp"), self.requirement("r2", "database", importance=3)),
        }
        return DraftProposal(**values | changes)

    def order(
        self, *products: Product, apart: tuple[tuple[str, str], ...] = (), **changes: Any
    ) -> DraftOrder:
        own = {key: changes.pop(key) for key in ("version", "excluded_products") if key in changes}
        asked = self.drafting(**changes)
        parts = {name: getattr(asked, name) for name in DraftProposal.model_fields}
        return DraftOrder(catalogue=self.catalogue(*products, apart=apart), **{"version": 1} | own | parts)


@pytest.fixture
def build() -> Builders:
    return Builders()


@pytest.fixture
def empty() -> Scenario:
    return scenario(design.model)


@pytest.fixture
def drafting(empty: Scenario, build: Builders) -> Scenario:
    """Catalogue and plan are here; version 1 is being drafted."""
    return empty.when(OfferCatalogue(catalogue=build.catalogue())).when(build.drafting())
