"""Who fills which role."""

from hypothesis import given
from hypothesis import strategies as st

from provisioning.engine.team import match
from schemas.provisioning import Assignment, Person, RoleNeed


def person(name: str, roles: str, days: int) -> Person:
    return Person(id=name, name=name, roles=tuple(roles.split()), available_days=days)


def need(role: str, days: int, people: int = 1) -> RoleNeed:
    return RoleNeed(role=role, days=days, people=people)


def test_person_with_two_roles_is_given_the_one_nobody_else_has() -> None:
    people = [person("ada", "dba engineer", 10), person("bob", "engineer", 10)]

    assert match([need("engineer", 10), need("dba", 10)], people).assignments == (
        Assignment(role="engineer", person="bob", days=10),
        Assignment(role="dba", person="ada", days=10),
    )


def test_one_person_may_fill_two_roles_within_the_days_they_have() -> None:
    result = match([need("pm", 5), need("dba", 5)], [person("ada", "pm dba", 10)])

    assert [(a.role, a.days) for a in result.assignments] == [("pm", 5), ("dba", 5)]


def test_days_without_enough_people_leave_a_gap_of_people() -> None:
    result = match([need("engineer", 10, people=2)], [person("ada", "engineer", 100)])

    assert result.missing == (need("engineer", 1, people=1),)


def test_people_without_enough_days_leave_a_gap_of_days() -> None:
    result = match([need("engineer", 30, people=2)], [person(n, "engineer", 10) for n in ("ada", "bob")])

    assert result.missing == (need("engineer", 10, people=1),)


def test_load_is_spread() -> None:
    result = match([need("engineer", 20)], [person(n, "engineer", 20) for n in ("ada", "bob")])

    assert {a.person: a.days for a in result.assignments} == {"ada": 10, "bob": 10}


ROLES = ("pm", "dba", "engineer")
ONE_NEED = st.builds(need, st.sampled_from(ROLES), st.integers(1, 40), st.integers(1, 3))
NEEDS = st.lists(ONE_NEED, unique_by=lambda one: one.role, min_size=1)
PEOPLE = st.lists(
    st.builds(
        lambda name, roles, days: Person(id=name, name=name, roles=tuple(roles), available_days=days),
        st.sampled_from("abcdef"), st.sets(st.sampled_from(ROLES), min_size=1), st.integers(0, 40),
    ),
    unique_by=lambda p: p.id,
)  # fmt: skip


@given(NEEDS, PEOPLE)
def test_team_fills_every_need_or_names_what_is_short(needs: list[RoleNeed], people: list[Person]) -> None:
    result = match(needs, people)

    assert bool(result.missing) != bool(result.assignments)
    if result.missing:
        return
    for one in people:
        taken = [a for a in result.assignments if a.person == one.id]
        assert sum(a.days for a in taken) <= one.available_days
        assert {a.role for a in taken} <= set(one.roles)
    for one_need in needs:
        filled = [a for a in result.assignments if a.role == one_need.role]
        assert sum(a.days for a in filled) == one_need.days
        assert len(filled) >= min(one_need.people, one_need.days)


@given(NEEDS, PEOPLE)
def test_order_of_people_does_not_matter(needs: list[RoleNeed], people: list[Person]) -> None:
    assert match(needs, people) == match(needs, people[::-1])
