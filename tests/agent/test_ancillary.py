"""The control messages beside a datagram: layouts of the kernel's headers, read exactly."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import ancillary
from agent.ancillary import Ancillary, ExtendedError
from agent.errors import WireError

SECONDS = st.integers(0, 1 << 32)
OCTET = st.integers(0, 255)


def stamp(seconds: int, nanoseconds: int) -> ancillary.ControlMessage:
    """Build SCM_TIMESTAMPING with a software stamp alone."""
    return 1, 37, struct.pack("@6l", seconds, nanoseconds, 0, 0, 0, 0)


def extended(
    origin: int, kind: int, code: int, data: int, offender: bytes = bytes(16)
) -> ancillary.ControlMessage:
    """Build IP_RECVERR."""
    return 0, 11, struct.pack("=IBBBBII", 42, origin, kind, code, 0, 0, data) + offender


@given(SECONDS, st.integers(1, 999_999_999))
def test_a_stamp_is_read_in_nanoseconds(seconds: int, nanoseconds: int) -> None:
    """The first of the three times counts."""
    expected = Ancillary(stamp_ns=seconds * 1_000_000_000 + nanoseconds)
    assert expected == ancillary.parse([stamp(seconds, nanoseconds)])


def test_an_empty_stamp_is_none() -> None:
    """Where the kernel had no software stamp it leaves zeros: that is not 1970."""
    assert Ancillary() == ancillary.parse([stamp(0, 0)])


@given(st.integers(0, 0xFFFFFFFF))
def test_a_transmit_stamp_has_its_number(number: int) -> None:
    """The number of OPT_ID is in ee_data."""
    expected = ExtendedError(origin=4, type=0, code=0, data=number, offender=None)
    found = ancillary.parse([stamp(5, 6), extended(4, 0, 0, number)])
    assert Ancillary(stamp_ns=5_000_000_006, error=expected) == found


def test_only_icmp_errors_have_an_offender() -> None:
    """For a stamp none need follow, and what stands there is not one."""
    expected = Ancillary(error=ExtendedError(origin=4, type=0, code=0, data=7, offender=None))
    assert expected == ancillary.parse([extended(4, 0, 0, 7, b"")])


@given(OCTET, OCTET, st.lists(OCTET, min_size=4, max_size=4))
def test_an_icmp_error_names_its_sender(kind: int, code: int, address: list[int]) -> None:
    """Type, code and the offender's address."""
    offender = struct.pack("=HH", 2, 0) + bytes(address) + bytes(8)
    dotted = ".".join(map(str, address))
    expected = ExtendedError(origin=2, type=kind, code=code, data=0, offender=dotted)
    ttl = ancillary.ttl_message(57)
    found = ancillary.parse([extended(2, kind, code, 0, offender), ttl])
    assert Ancillary(ttl=57, error=expected) == found


def test_an_error_of_unknown_sender_has_none() -> None:
    """AF_UNSPEC: the kernel does not know who sent it."""
    expected = ExtendedError(origin=2, type=3, code=1, data=0, offender=None)
    assert Ancillary(error=expected) == ancillary.parse([extended(2, 3, 1, 0)])


def test_unknown_messages_are_passed_over() -> None:
    """A newer kernel may add some."""
    assert Ancillary(ttl=3) == ancillary.parse([(1, 99, b"x"), ancillary.ttl_message(3)])


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([2, 11, 37]), st.binary())))
def test_garbage_raises_only_wire_errors(messages: list[ancillary.ControlMessage]) -> None:
    """Whatever the octets are, the reason is `ancillary`."""
    reasons = set()
    try:
        ancillary.parse(messages)
    except WireError as error:
        reasons.add(error.reason)
    assert reasons <= {"ancillary"}


@pytest.mark.parametrize("message", [stamp(1, 2), extended(4, 0, 0, 7), ancillary.ttl_message(1)])
def test_a_cut_message_is_refused(message: ancillary.ControlMessage) -> None:
    """Too short for its kind."""
    level, kind, octets = message
    cut = octets[:15] if kind == 11 else octets[:-1]
    with pytest.raises(WireError, match="read a control message"):
        ancillary.parse([(level, kind, cut)])


@given(OCTET, st.binary(min_size=16, max_size=16), st.integers(0, 0xFFFF))
def test_an_icmpv6_error_names_its_sender(kind: int, address: bytes, offset: int) -> None:
    """IPV6_RECVERR with a sockaddr_in6, IPV6_HOPLIMIT, and where the extension begins."""
    offender = struct.pack("=HHI", 10, 0, 0) + address + bytes(4)
    _, _, octets = extended(3, kind, 4, offset | 1 << 16, offender)
    written = str(ipaddress.IPv6Address(address))
    expected = ExtendedError(origin=3, type=kind, code=4, data=offset, offender=written)
    found = ancillary.parse([(41, 25, octets), ancillary.ttl_message(57, 6)])
    assert Ancillary(ttl=57, error=expected) == found
    assert (41, 52) == ancillary.ttl_message(57, 6)[:2]
