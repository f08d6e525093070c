"""Components, connections, environment and risks follow from what was chosen."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from design.engine.architecture import database_name
from design.engine.drafting import draft
from design.engine.wording import prose, short_ref, text
from schemas.design import Layer


def _layered(build, **changes):
    products = (
        build.product("wall", "firewall", layer=Layer.NETWORK),
        build.product("suite", "erp", requires_slots=("portal",)),
        build.product("web", "portal"),
        build.product("pgsql", "database"),
        build.product("files", "storage", layer=Layer.DATA),
    )
    needs = build.requirement("r1", "firewall", "erp", "portal", "database", "storage")
    return build.order(*products, requirements=(needs,), **changes)


def test_every_slot_becomes_a_component_of_its_layer(build):
    made = draft(_layered(build))

    assert {(c.id, c.layer.value, c.product) for c in made.components} == {
        ("database", "data", "pgsql"),
        ("erp", "application", "suite"),
        ("firewall", "network", "wall"),
        ("portal", "application", "web"),
        ("storage", "data", "files"),
    }


def test_connections_join_the_layers_and_are_encrypted(build):
    made = draft(_layered(build))

    assert [(c.source, c.target, c.protocol) for c in made.connections] == [
        ("database", "storage", "tls"),
        ("erp", "database", "tls"),
        ("erp", "portal", "https"),
        ("firewall", "erp", "https"),
        ("firewall", "portal", "https"),
        ("portal", "database", "tls"),
    ]
    assert all(c.encrypted for c in made.connections)


def test_a_store_that_something_requires_needs_no_other_connection(build):
    products = (
        build.product("pgsql", "database"),
        build.product("vault", "backup", layer=Layer.DATA, requires_slots=("storage",)),
        build.product("files", "storage", layer=Layer.DATA),
    )
    needs = build.requirement("r1", "database", "backup", "storage")

    made = draft(build.order(*products, requirements=(needs,)))

    assert [(c.source, c.target) for c in made.connections] == [("backup", "storage")]


def test_environment_lives_in_the_database_component(build):
    environment = draft(_layered(build)).environment

    assert (environment.engine, environment.component) == ("postgresql", "database")
    assert (environment.database, environment.schemas) == ("nordwerk_gmbh", ("core", "staging"))
    assert [(r.name, r.login, r.privileges) for r in environment.roles] == [
        ("app_rw", True, ("usage", "select", "insert", "update", "delete")),
        ("report_ro", True, ("usage", "select")),
    ]


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("Müller & Söhne GmbH", "muller_sohne_gmbh"),
        ("Weiß AG", "weiss_ag"),
        ("3D Druck", "client_3d_druck"),
        ("東方機械", "client"),
        ("Postgres", "postgres_db"),
    ],
)
def test_database_is_named_for_the_client(client, expected):
    assert database_name(client) == expected


@given(st.text(min_size=1, max_size=200))
def test_any_client_gives_a_safe_database_name(client):
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", database_name(client))


def test_long_names_stay_valid_and_different():
    long = "x" * 60

    one, other = short_ref("install", long, "dba"), short_ref("install", long, "engineer")

    assert max(len(one), len(other)) <= 64
    assert one != other
    assert len(text("y" * 300)) == 200
    assert len(prose("z" * 9000)) == 8000


def _risks(made) -> dict[str, tuple[int, int]]:
    return {r.id: (r.likelihood, r.impact) for r in made.risks}


class TestRisks:
    def test_a_calm_draft_names_only_what_is_there(self, build):
        products = (
            build.product("suite", "erp", vendor="A"),
            build.product("pgsql", "database", vendor="B", effort_days={"dba": 1}),
        )

        made = draft(build.order(*products))

        assert _risks(made) == {}

    def test_low_maturity_names_the_component(self, build):
        products = (build.product("new", "erp", ratings={"maturity": 1, "stability": 4}),)

        made = draft(build.order(*products, requirements=(build.requirement("r1", "erp"),)))

        assert _risks(made)["maturity-erp"] == (4, 4)
        assert "stability-erp" not in _risks(made)

    @pytest.mark.parametrize(("budget", "expected"), [(4730, (3, 4)), (4505, (4, 4)), (4740, None)])
    def test_little_budget_slack(self, build, budget, expected):
        made = draft(build.order(budget=Decimal(budget)))

        assert _risks(made).get("budget-slack") == expected

    def test_an_end_past_the_target(self, build):
        made = draft(build.order(target_on=date(2026, 3, 13)))

        assert made.finish_on > date(2026, 3, 13)
        assert _risks(made)["late-finish"] == (5, 4)
        assert "little-float" not in _risks(made)

    def test_an_end_shortly_before_the_target(self, build):
        end = draft(build.order()).finish_on

        made = draft(build.order(target_on=end))

        assert made.finish_on == end
        assert _risks(made)["little-float"] == (3, 3)

    def test_one_vendor_with_most_of_the_cost(self, build):
        products = (build.product("suite", "erp", vendor="A"), build.product("pgsql", "database", vendor="A"))

        assert _risks(draft(build.order(*products)))["single-vendor"] == (2, 4)

    def test_one_person_with_most_of_the_work(self, build):
        products = (build.product("suite", "erp", effort_days={"expert": 60}),)

        made = draft(build.order(*products, requirements=(build.requirement("r1", "erp"),)))

        assert _risks(made)["one-person-expert"] == (3, 3)

    def test_holes(self, build):
        made = draft(build.order(requirements=(build.requirement("r1", "erp", "crm"),)))

        assert _risks(made)["holes"] == (5, 3)

    def test_most_severe_first(self, build):
        made = draft(build.order(target_on=date(2026, 3, 13), budget=Decimal(4505)))

        severities = [r.likelihood * r.impact for r in made.risks]
        assert severities == sorted(severities, reverse=True)
        assert len(severities) >= 2
