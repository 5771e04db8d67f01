"""JSON is read as it is written, and every other writing is named."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from collector.audit import canonical
from collector.errors import UnreadableError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


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
