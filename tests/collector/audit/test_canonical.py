"""JSON is read as it is written, and every other writing is named."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit import canonical
from collector.errors import UnreadableError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.floats()
    | st.floats(-1e-3, 1e-3)
    | st.integers(-(2**54), 2**54).map(float)
    | st.text(max_size=5)
    | st.text(st.characters(), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.text("aé\ue000\U00010000", max_size=2), inner)
        | st.dictionaries(st.integers() | st.none(), inner, max_size=2)
    ),
    max_leaves=8,
)


def writing(dumps: Callable[[Any], bytes], value: object) -> object:
    """Return the octets, or of what kind the refusal is."""
    try:
        return dumps(value)
    except ValueError as error:
        return type(error)


@given(ANYTHING)
@settings(max_examples=500)
def test_the_fast_writing_is_the_writing(value: object) -> None:
    """It equals the library's octet by octet, and refuses what that refuses."""
    assert writing(rfc8785.dumps, value) == writing(canonical.dumps, value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            1.0,
            -0.0,
            1e-4,
            9.9e-5,
            1e-7,
            1e15,
            2.0**53,
            1e21,
            1e22,
            0.1,
            1 / 3,
            5e-324,
            333333333.3,
        ),
        *(2**53, -(2**53), math.nan, math.inf, "\x7f\x1f\u2028", {"\ue000": 1, "\U00010000": 2}),
        *({"é": 1, "z": 2, "B": 3}, {1: 2}, {"a": {2: 3}}, b"", "\ud800", {"\ud800": 1}, [[], {}]),
    ],
)
def test_no_number_or_key_is_written_otherwise(value: object) -> None:
    """Exponents, whole numbers, the order of UTF-16, escapes, and what has no writing at all."""
    assert writing(rfc8785.dumps, value) == writing(canonical.dumps, value)


@given(st.dictionaries(st.text("aBz_", min_size=1, max_size=3), VALUES))
def test_what_is_written_in_parts_is_written_the_same(value: dict[str, object]) -> None:
    """An object of written members is the object, written."""
    parts = {key: canonical.dumps(member) for key, member in value.items()}
    assert rfc8785.dumps(value) == canonical.joined(parts)


@given(VALUES)
def test_round_trip(value: object) -> None:
    """Canonical JSON gives its value and departs nowhere."""
    octets = rfc8785.dumps(value)
    found = canonical.read(octets)
    assert (value, ()) == found
    assert canonical.departure(octets, found.value) is None


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b'{"a": 1}', "octet 5: found ' 1}', canonical JSON has '1}'"),
        (b'{"a":1.0}', "octet 6: found '.0}', canonical JSON has '}'"),
        (b'{"b":1,"a":2}', "octet 2: found 'b"),
        (b'["\\u0061"]', "octet 2: found"),
        (b"[1]\n", "octet 3: found '\\n', canonical JSON has the end"),
        (b"[9007199254740993]", "has no writing for it"),
        (b'["\\ud800"]', "has no writing for it"),
        (b"[1e999]", "has no writing for it"),
    ],
)
def test_another_writing_is_named(octets: bytes, says: str) -> None:
    """Blanks, order, numbers, escapes and an end of line each have a place."""
    assert says in str(canonical.departure(octets, canonical.read(octets).value))


def test_a_key_that_stands_twice_is_named() -> None:
    """Once each, however deep."""
    assert ("a", "b") == canonical.read(b'{"a":1,"a":2,"c":{"b":1,"b":1,"b":2}}').twice


@given(st.binary(max_size=50))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """Octets are JSON in UTF-8, or they are refused."""
    try:
        found = canonical.read(octets)
    except UnreadableError:
        return
    assert json.loads(octets) == found.value


@pytest.mark.parametrize(
    "octets", [b"", b"[NaN]", b"[-Infinity]", b"\xff", b"\xef\xbb\xbf1", b"[" * 100_000]
)
def test_what_is_no_json_is_refused(octets: bytes) -> None:
    """NaN, another encoding, a byte order mark and bottomless nesting are none."""
    with pytest.raises(UnreadableError, match="is no JSON"):
        canonical.read(octets)
