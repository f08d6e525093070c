"""What is kept of views that were read: the same bytes, the same view; other bytes, another."""

import orjson

from gateway.view.kept import ANSWERS_OF_A_VIEW, KeptViews


def read_twice(kept, engagement, raw):
    kept.parsed(engagement, raw)
    return kept.parsed(engagement, raw)


def test_the_same_bytes_are_parsed_twice_at_the_most_and_others_anew():
    kept = KeptViews()
    first = read_twice(kept, "ENG-A", b'{"cursor": 1}')

    assert kept.parsed("ENG-A", b'{"cursor": 1}') is first
    assert kept.parsed("ENG-A", b'{"cursor": 2}') == {"cursor": 2}
    assert kept.parsed("ENG-A", b'{"cursor": 1}') is not first


def test_no_more_bytes_are_kept_than_allowed_and_the_least_used_go_first():
    kept = KeptViews(most=100)
    raw = orjson.dumps({"text": "x" * 29})
    views = {name: read_twice(kept, name, raw) for name in "ab"}
    kept.parsed("a", raw)
    kept.parsed("c", raw)

    assert len(kept) == 2
    assert kept.parsed("a", raw) is views["a"]
    assert kept.parsed("b", raw) is not views["b"]


def test_one_view_larger_than_what_is_allowed_is_still_read():
    kept = KeptViews(most=10)

    assert read_twice(kept, "a", b'{"text": "a long one"}') == {"text": "a long one"}
    assert len(kept) == 1


def test_an_answer_is_made_once_for_a_selection_and_only_some_are_kept():
    view, made = read_twice(KeptViews(), "a", b'{"cursor": 1}'), []

    def selection(number):
        def convert(value):
            made.append(number)
            return {f"c{number}": value["cursor"]}

        return convert

    selections = [selection(number) for number in range(ANSWERS_OF_A_VIEW + 1)]
    for _ in range(2):
        assert orjson.dumps(view.answer(selections[0])) == b'{"c0":1}'
    for one in selections:
        view.answer(one)
    view.answer(selections[0])

    assert made == [0, *range(1, ANSWERS_OF_A_VIEW + 1), 0]
