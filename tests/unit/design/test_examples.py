"""The catalogues in examples/ can be drafted from, for both engagements."""

import json
from pathlib import Path

import pytest
import yaml

from design.engine.drafting import draft
from schemas.design import Catalogue, DraftOrder, Proposal
from schemas.intake import Requirement

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", ["rheintal-order-system", "harbour-clinic-identity"])
def test_an_example_is_covered_within_its_budget(build, name):
    document = yaml.safe_load((EXAMPLES / name / "engagement.yaml").read_text())
    catalogue = yaml.safe_load((EXAMPLES / name / document["catalogue"]).read_text())
    terms = {k: v for k, v in document["engagement"].items() if k != "title"}
    order = DraftOrder.model_validate_json(
        json.dumps(
            {
                **terms,
                "version": 1,
                "cycle": 1,
                "plan": build.plan().model_dump(mode="json"),
                "requirements": document["requirements"],
                "catalogue": Catalogue.model_validate_json(json.dumps(catalogue)).model_dump(mode="json"),
            },
            default=str,
        )
    )

    made = draft(order)

    assert isinstance(made, Proposal)
    assert made.optimal
    assert made.total_cost <= order.budget
    covered = {c.requirement for c in made.coverage} | {h.requirement for h in made.holes}
    assert covered == {r.id for r in map(Requirement.model_validate, order.requirements)}
    assert made == draft(order)
