"""Hostile documents: refused before anything runs, and at once."""

import time

import pytest

from gateway.graphql.documents import Documents
from gateway.graphql.limits import Limits
from gateway.schema import build_schema


def doubled(times):
    links = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(times))
    return f"{{ ...f0 }} {links} fragment f{times} on Query {{ __typename }}"


DEEP = '{ engagement(id: "x") ' + "{ plan " * 40 + "{ key }" + " }" * 41
PAGE = """engagements(first: 100) { edges { node { intake { asOf } design { asOf } client { name }
  health { state } stages { state } cycles { number } } } }"""
BOMBS = {
    "a thousand aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(1000)) + " }",
    "fragments doubled 20 times": doubled(20),
    "fragments doubled 60 times": doubled(60),
    "overlapping fields": "{ " + "engagements { edges { cursor } } " * 400 + "}",
    "a thousand directives": "{ __typename " + "@include(if: true) " * 600 + "}",
    "many operations": " ".join(f"query q{n} {{ __typename }}" for n in range(100)),
    "forty levels": DEEP,
    "ten thousand levels": "{ a " * 10_000 + "}" * 10_000,
    "endless lists": "query($v: [Int] = " + "[" * 5000 + "]" * 5000 + ") { __typename }",
    "a long comment": "#" + "x" * 200_000 + "\n{ __typename }",
    "circle of fragments": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
    "deep introspection": "{ __schema { types " + "{ fields { type " * 4 + "{ name }" + " } }" * 4 + " } }",
    "costly pages": "{ " + " ".join(f"p{n}: {PAGE}" for n in range(15)) + " }",
}


@pytest.mark.parametrize("query", BOMBS.values(), ids=BOMBS.keys())
async def test_a_bomb_is_refused_within_a_second(house, query):
    start = time.perf_counter()
    answer = await house.graphql(query)
    taken = time.perf_counter() - start

    assert "data" not in answer
    assert 1 <= len(answer["errors"]) <= 8
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes <= {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert taken < 1


@pytest.fixture(scope="module")
def documents():
    return Documents(build_schema()._schema, Limits())


def test_a_fragment_met_first_in_a_shallow_place_is_measured_by_its_own_height(documents):
    deep = (
        "fragment d on Query "
        + '{ ...e } fragment e on Query { engagement(id: "x") '
        + "{ a " * 10
        + "{ b }"
        + "}" * 10
        + " }"
    )
    nested = "{ x { x { x { x { x { x { ...d } } } } } } ...d } " + deep

    prepared = documents.prepare(nested)

    assert "levels" in prepared.errors[0].message


def test_an_equal_document_is_prepared_once(documents):
    assert documents.prepare("{ __typename }") is documents.prepare("{ __typename }")


def test_what_is_kept_is_bounded_by_count_and_bytes(documents):
    for number in range(700):
        documents.prepare(f"{{ __typename }} # {number} {'x' * 20_000}")

    assert len(documents._kept) <= 500
    assert documents._bytes <= 8_000_000
    assert documents._bytes == sum(size for size, _ in documents._kept.values())


async def test_an_allowed_operation_says_what_it_costs(house):
    answer = await house.graphql("{ engagements(first: 10) { edges { node { key health { state } } } } }")

    assert answer["extensions"]["cost"] == {"requested": 31, "maximum": 10_000}


async def test_the_page_size_of_a_variable_counts(house):
    query = "query($n: Int!) { engagements(first: $n) { edges { node { key } } } }"

    answer = await house.graphql(query, {"n": 50})

    assert answer["extensions"]["cost"]["requested"] == 101
