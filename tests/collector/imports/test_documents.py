"""Documents: one value, an array, a value a line, values one after the other; and broken ones."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports.documents import items

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=2, max_size=4)


def read(octets: bytes) -> list[tuple[str, object]]:
    """Return (where, value or message) of each item."""
    return [
        (item.where, item.value if item.error is None else str(item.error))
        for item in items(octets)
    ]


def test_one_value_has_no_place() -> None:
    """A document that is one object gives it, however many lines it takes."""
    assert [("", {"a": 1})] == read(b'{\n "a": 1\n}\n')


def test_an_array_gives_its_elements() -> None:
    """Elements are counted from one."""
    assert [("item 1", 1), ("item 2", None)] == read(b"[1, null]")


@given(OBJECTS)
def test_a_value_a_line(values: list[object]) -> None:
    """NDJSON gives a value a line; empty lines count and give nothing."""
    text = "\n\n".join(json.dumps(value) for value in values)
    expected = [(f"line {2 * index + 1}", value) for index, value in enumerate(values)]
    assert expected == read(text.encode())


@given(OBJECTS)
def test_values_one_after_the_other(values: list[object]) -> None:
    """What a program leaves that is told to append to a file is read as well."""
    text = "".join(json.dumps(value, indent=1) for value in values)
    assert values == [value for _, value in read(text.encode())]


def test_values_on_several_lines_are_named_by_their_first() -> None:
    """Also behind blank lines, and where two stand on one."""
    found = read(b'\n{\n"a": 1\n}\n\n{\n"b": 2} {"c": 3}\n[\n4]\n')
    assert ["line 2", "line 6", "line 7", "line 8, item 1"] == [where for where, _ in found]


def test_a_line_may_be_an_array() -> None:
    """Its elements are named by line and item."""
    assert [("line 1, item 1", 1), ("line 2", {})] == read(b"[1]\n{}\n")


def test_a_broken_line_costs_itself_alone() -> None:
    """Lines before and after a broken one are read; the broken one says where it breaks."""
    first, broken, last = read(b'{"a":1}\n{"a":\n{"b":2}\n')
    assert (("line 1", {"a": 1}), ("line 3", {"b": 2})) == (first, last)
    assert ("line 2", "is no JSON: Input data was truncated; repair or remove it") == broken


def test_a_broken_first_line_costs_itself_alone() -> None:
    """Reading goes on at the next line that begins a value."""
    broken, *rest = read(b'# a comment\nand more\n{"a": 1}\n[2]\n')
    assert [("line 3", {"a": 1}), ("line 4, item 1", 2)] == rest
    assert broken[0] == "line 1"
    assert str(broken[1]).startswith("is no JSON: Expecting value")


def test_a_truncated_document_is_one_error() -> None:
    """A pretty-printed document that breaks off is one broken value, not one a line."""
    assert ["line 1"] == [where for where, _ in read(b'{\n "a": [\n  1,\n  2\n')]


@pytest.mark.parametrize("octets", [b"", b" \n\t\n"])
def test_an_empty_document_says_so(octets: bytes) -> None:
    """No value at all is an error, not silence."""
    assert [("", "is empty; give one JSON value at least")] == read(octets)


def test_an_empty_array_says_so() -> None:
    """An array without elements is an error, not silence."""
    assert [("", "is an empty array; give one path at least")] == read(b"[]")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_encodings(encoding: str) -> None:
    """What Windows tools write is read too."""
    assert [("", {"a": "é"})] == read('{"a": "é"}'.encode(encoding))


def test_what_is_no_text() -> None:
    """Octets of no encoding are refused in words."""
    ((where, why),) = read(b'{"a": "\xff"}')
    assert where == ""
    assert str(why).startswith("is no text: 'utf-8' codec can't decode byte 0xff in position 7")


@pytest.mark.parametrize(
    "text", ["NaN", '{"a": Infinity}', '"\\ud800"', "1e400", "[" * 100_000, "{" * 9]
)
def test_only_strict_json_is_a_value(text: str) -> None:
    """What Python's own reader would let pass, or die of, is refused."""
    ((_, why),) = read(text.encode())
    assert str(why).startswith("is no JSON")


@given(st.binary(max_size=60))
def test_garbage_never_raises(octets: bytes) -> None:
    """Any octets give items."""
    assert read(octets)
