"""Label stacks in ICMP errors: what was built is read, and damage means no labels."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import extensions
from agent.errors import WireError
from tests.fakes.agent_probing import extension

ENTRIES = st.tuples(
    st.integers(0, 2**20 - 1), st.integers(0, 7), st.integers(0, 1), st.integers(0, 255)
)
TWO = ((24_001, 5, 0, 1), (18, 0, 1, 254))
QUOTE = bytes(128)


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.booleans())
def test_round_trip(entries: list[tuple[int, int, int, int]], checksum: bool) -> None:
    """Every entry comes back, with a checksum and without."""
    assert tuple(entries) == extensions.stack(extension(*entries, checksum=checksum))


def test_the_octets_of_rfc_4950() -> None:
    """Label 16, class 0, bottom, TTL 1 is 00 01 01 01."""
    octets = bytes.fromhex("20000000 0008 01 01 00010101")
    assert ((16, 0, 1, 1),) == extensions.stack(octets)


@given(st.binary(max_size=80))
def test_garbage_raises_only_wire_error(octets: bytes) -> None:
    """And nothing at all where labels are looked for in an answer."""
    for candidate in (octets, b"\x20\0\0\0" + octets):
        with contextlib.suppress(WireError):
            extensions.stack(candidate)
    assert isinstance(extensions.labels(QUOTE + octets, 128, 128), tuple)


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x20\0\0",
        b"\x30\0\0\0",
        extension(*TWO)[:-1],
        extension(*TWO)[:-4],
        extension(*TWO)[:-1] + b"\x07",
        b"\x20\0\0\0\x00\x03\x01\x01",
        b"\x20\0\0\0\x00\x04\x01\x01",
        b"\x20\0\0\0\x00\x04",
    ],
)
def test_damage_is_named(wrong: bytes) -> None:
    """A version, a checksum, a length that is not so."""
    with pytest.raises(WireError) as caught:
        extensions.stack(wrong)
    assert caught.value.reason == "extension"


def test_other_objects_are_passed_over() -> None:
    """An interface object (RFC 5837, class 2) before the stack; alone it is no stack."""
    interface = b"\x00\x08\x02\x0a\x00\x00\x00\x07"
    stack = extension(*TWO, checksum=False)
    assert TWO == extensions.stack(stack[:4] + interface + stack[4:])
    assert () == extensions.stack(stack[:4] + interface)


def test_where_the_extension_is_looked_for() -> None:
    """Where the error says; else behind 128 octets, if a checksum proves it."""
    sealed, open_ = extension(*TWO), extension(*TWO, checksum=False)
    assert TWO == extensions.labels(QUOTE + open_, 128, 128)
    assert TWO == extensions.labels(bytes(160) + sealed, 160, 128)
    assert TWO == extensions.labels(QUOTE + sealed, 0, 128)
    assert () == extensions.labels(QUOTE + open_, 0, 128)
    assert () == extensions.labels(QUOTE, 0, 128)
    assert () == extensions.labels(QUOTE + sealed[:-1] + b"\x09", 128, 128)
