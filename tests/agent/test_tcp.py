"""What a kernel tells of a handshake: whose answer ended it, and a time that is never too short."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import WireError
from agent.records import Outcome
from agent.tcp import Info, outcome_of, parse


def told(rtt_us: int, retransmitted: int = 0, segments: int = 1) -> bytes:
    """Return a `struct tcp_info` of Linux 6."""
    octets = bytearray(232)
    for at, value in ((68, rtt_us), (100, retransmitted), (140, segments)):
        struct.pack_into("=I", octets, at, value)
    return bytes(octets)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(told(812), Info(rtt_ns=813_000, segments_in=1), id="cut off below"),
        pytest.param(told(0), Info(rtt_ns=None, segments_in=1), id="no time"),
        pytest.param(told(812, 1), Info(rtt_ns=None, segments_in=1), id="which SYN was it?"),
        pytest.param(told(0, 0, 0), Info(rtt_ns=None, segments_in=0), id="nothing came"),
    ],
)
def test_what_counts_is_read(octets: bytes, expected: Info) -> None:
    """A microsecond is added to the kernel's time; that of a repeated SYN is no time."""
    assert expected == parse(octets)


@pytest.mark.parametrize(
    ("error", "segments", "expected"),
    [
        (0, 1, Outcome.REPLY),
        (errno.ECONNREFUSED, 1, Outcome.REPLY),
        (errno.ECONNREFUSED, 0, Outcome.UNREACHABLE),
        (errno.EHOSTUNREACH, 0, Outcome.UNREACHABLE),
        (errno.ENETUNREACH, 0, Outcome.UNREACHABLE),
        (errno.ETIMEDOUT, 0, Outcome.LOST),
    ],
)
def test_an_icmp_error_is_nobodys_answer(error: int, segments: int, expected: Outcome) -> None:
    """A refusal without a segment came by ICMP, perhaps from a firewall on the way."""
    assert expected is outcome_of(error, Info(rtt_ns=None, segments_in=segments))


@given(st.binary(max_size=143))
def test_an_old_kernels_struct_is_refused(octets: bytes) -> None:
    """Without a count of segments nobody could tell an RST from an ICMP error."""
    with pytest.raises(WireError, match="octets of 144") as caught:
        parse(octets)
    assert "tcp_info" == caught.value.reason


@given(st.binary(min_size=144, max_size=300))
def test_garbage_is_a_time_or_none(octets: bytes) -> None:
    """Whatever stands there: no time below a microsecond."""
    rtt_ns = parse(octets).rtt_ns
    assert rtt_ns is None or rtt_ns > 1000
