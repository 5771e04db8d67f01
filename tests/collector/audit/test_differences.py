"""Where two values differ is named exactly, and nothing else is."""

from collections.abc import Mapping

import pytest
from hypothesis import given

from collector.audit import differences
from collector.audit.differences import compare
from tests.collector.audit.test_canonical import VALUES


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    """Whatever it is."""
    assert [] == list(compare(value, value, "x"))


@given(VALUES, VALUES)
def test_values_that_differ_are_told_so(one: object, other: object) -> None:
    """Python takes 1 for True; apart from that, what is unequal differs somewhere."""
    assert (repr(one) != repr(other)) >= bool(list(compare(one, other, "x"))) >= (one != other)


@pytest.mark.parametrize(
    ("found", "made", "expected"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [("x.a[1].b", "differs")]),
        ({"a": 1}, {}, [("x.a", "unexpected")]),
        ({}, {"a": 1}, [("x.a", "missing")]),
        ([1, 2], [1], [("x[1]", "unexpected")]),
        ([1], [1, 2], [("x[1]", "missing")]),
        (True, 1, [("x", "differs")]),
        (1.0, 1, []),
        ("1", 1, [("x", "differs")]),
        (None, [], [("x", "differs")]),
    ],
)
def test_places(found: object, made: object, expected: list[tuple[str, str]]) -> None:
    """Members, elements and kinds of value."""
    assert expected == [(row.path, row.kind) for row in compare(found, made, "x")]


PARIS = {"key": "paris", "latitude": 48.8}
LYON = {"key": "lyon", "latitude": 45.7}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"places": [LYON, PARIS]}, []),
        ({"places": [PARIS]}, [("rows.places", "missing")]),
        ({"places": [{**LYON, "latitude": 1}, PARIS]}, [("rows.places[0].latitude", "differs")]),
        (
            {"places": [{**LYON, "key": "lyom"}, PARIS]},
            [("rows.places[0]", "unexpected"), ("rows.places", "missing")],
        ),
        ({"places": [LYON, LYON, PARIS]}, [("rows.places[1]", "unexpected")]),
        ({"places": [3, LYON, PARIS]}, [("rows.places[0]", "unexpected")]),
        ({"places": 3}, [("rows.places", "differs")]),
        ({}, [("rows.places", "missing")]),
        ({"places": [LYON, PARIS], "more": []}, [("rows.more", "unexpected")]),
    ],
)
def test_rows_are_paired_by_what_names_them(
    found: Mapping[str, object], expected: list[tuple[str, str]]
) -> None:
    """A missing row is one difference, not one for each row behind it."""
    made = {"places": [LYON, PARIS]}
    rows = differences.tables(found, made, "rows", "a test")
    assert expected == [(row.path, row.kind) for row in rows]
