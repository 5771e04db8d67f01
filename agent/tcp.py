"""Bytes: what a kernel tells of a TCP handshake: `struct tcp_info` (linux/tcp.h).

    octet 68   u32  tcpi_rtt, microseconds, cut off below; 0 where there is no time
    octet 100  u32  tcpi_total_retrans
    octet 140  u32  tcpi_segs_in, segments that came in (Linux 4.2)

Whose answer ended a handshake, by the error of the socket and the segments that came in:

    error          segments  what it was                                     outcome
    none           any       SYN-ACK                                         REPLY
    ECONNREFUSED   1         RST                                             REPLY
    ECONNREFUSED   0         ICMP: port unreachable, from whomever           UNREACHABLE
    ETIMEDOUT      any       nothing                                         LOST
    another one    any       ICMP: host or network unreachable, prohibited   UNREACHABLE

Rules
- A SYN-ACK's time is the kernel's (`tcp_info`), a microsecond added: it cuts off what is less, and
  a bound must never be too short. Where the SYN went out twice it has no time that counts.
- An RST ends the socket before the kernel takes a time: the program's own clock stands (`user`).
"""

import errno
import struct

import msgspec

from agent.errors import WireError
from agent.records import Outcome

PORT = 443
"""What firewalls let out; a router refuses it. Proxies that answer for others are rarer than on 80.
"""

_NS_PER_US = 1000
_RTT_AT, _RETRANSMITTED_AT, _SEGMENTS_AT = 68, 100, 140
_U32 = struct.Struct("=I")


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What counts of `struct tcp_info`."""

    rtt_ns: int | None
    """An upper bound of the handshake's round trip; None where the kernel has none."""
    segments_in: int


def parse(octets: bytes) -> Info:
    """Read what `getsockopt(TCP_INFO)` gave.

    Raises:
        WireError: reason `tcp_info`, the kernel is too old to count segments.
    """
    if len(octets) < _SEGMENTS_AT + _U32.size:
        raise WireError("tcp_info", f"read a handshake: it has {len(octets)} octets of 144")
    rtt_us, retransmitted, segments = (
        int(_U32.unpack_from(octets, at)[0]) for at in (_RTT_AT, _RETRANSMITTED_AT, _SEGMENTS_AT)
    )
    timed = rtt_us > 0 and not retransmitted
    return Info(rtt_ns=(rtt_us + 1) * _NS_PER_US if timed else None, segments_in=segments)


def outcome_of(error: int, info: Info) -> Outcome:
    """Apply the table of the module's rules."""
    match error:
        case 0:
            return Outcome.REPLY
        case errno.ECONNREFUSED if info.segments_in:
            return Outcome.REPLY
        case errno.ETIMEDOUT:
            return Outcome.LOST
        case _:
            return Outcome.UNREACHABLE
