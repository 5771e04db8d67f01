"""Bytes: the control messages that recvmsg delivers beside a datagram.

level SOL_SOCKET, type SCM_TIMESTAMPING: three times of day, each seconds and nanoseconds
+-------------------+-------------------+-------------------+
| software stamp    | (no longer used)  | hardware stamp    |    6 native longs
+-------------------+-------------------+-------------------+

level SOL_IP, type IP_RECVERR: struct sock_extended_err, then the offender's sockaddr_in;
level SOL_IPV6, type IPV6_RECVERR: the same, then a sockaddr_in6
+-------------+--------+------+------+-----+------+------+----------------------+
| errno (u32) | origin | type | code | pad | info | data | family port address .|
+-------------+--------+------+------+-----+------+------+----------------------+
origin 4: a transmit stamp, data is its number (OPT_ID); origin 2 or 3: an ICMP or ICMPv6 error,
type and code are its own, the offender is the machine that sent it, and the first two octets of
data say where in the datagram its extension begins, 0 for none (Linux, linux/errqueue.h).

level SOL_IP, type IP_TTL, and level SOL_IPV6, type IPV6_HOPLIMIT: one native int
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.errors import WireError
from agent.icmp import written
from agent.records import Family

SOL_SOCKET = 1
SOL_IP = 0
SCM_TIMESTAMPING = 37
SOL_IPV6 = 41
IP_TTL = 2
IP_RECVERR = 11
IPV6_RECVERR = 25
IPV6_HOPLIMIT = 52
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3
ORIGIN_TIMESTAMPING = 4

ControlMessage = tuple[int, int, bytes]
"""(level, type, octets), as `socket.recvmsg` returns them."""

_STAMPS = struct.Struct("@6l")
_ERROR = struct.Struct("=IBBBBII")
_KIND_OF_ADDRESS = struct.Struct("=H")
_OFFENDERS = {2: struct.Struct("=HH4s"), 10: struct.Struct("=HHI16s")}
"""The beginnings of sockaddr_in and sockaddr_in6, by AF_INET and AF_INET6; the address is last."""
_INT = struct.Struct("@i")
_NS_PER_S = 1_000_000_000
_TTL: Mapping[Family, tuple[int, int]] = {4: (SOL_IP, IP_TTL), 6: (SOL_IPV6, IPV6_HOPLIMIT)}


class ExtendedError(msgspec.Struct, frozen=True, kw_only=True):
    """struct sock_extended_err: a stamp of our own packet, or somebody's error about it."""

    origin: int
    type: int
    code: int
    data: int
    """For a transmit stamp its number, for an ICMP error where its extension begins."""
    offender: str | None
    """The address that sent the ICMP error; None for everything else."""


class Ancillary(msgspec.Struct, frozen=True, kw_only=True):
    """What came beside one datagram; None for what did not."""

    stamp_ns: int | None = None
    """The kernel's software stamp, nanoseconds since the epoch."""
    ttl: int | None = None
    error: ExtendedError | None = None


def parse(messages: Iterable[ControlMessage]) -> Ancillary:
    """Read the control messages of one datagram; unknown ones are passed over.

    Raises:
        WireError: reason `ancillary`, a message is shorter than its kind demands.
    """
    stamp_ns = ttl = error = None
    for level, kind, octets in messages:
        match level, kind:
            case 1, 37:
                stamp_ns = _stamp_ns(octets)
            case (0, 2) | (41, 52):
                ttl = int(_unpack(_INT, octets)[0])
            case (0, 11) | (41, 25):
                error = _extended_error(octets)
    return Ancillary(stamp_ns=stamp_ns, ttl=ttl, error=error)


def ttl_message(ttl: int, family: Family = 4) -> ControlMessage:
    """Build the control message that gives one packet its TTL or hop limit."""
    level, kind = _TTL[family]
    return level, kind, _INT.pack(ttl)


def _stamp_ns(octets: bytes) -> int | None:
    """Read the software stamp; None where the kernel left it empty."""
    seconds, nanoseconds = _unpack(_STAMPS, octets)[:2]
    return (int(seconds) * _NS_PER_S + int(nanoseconds)) or None


def _extended_error(octets: bytes) -> ExtendedError:
    """Read the error and, where it is ICMP's, who sent it."""
    _, origin, kind, code, _, _, data = _unpack(_ERROR, octets)
    offender = None
    if origin in {ORIGIN_ICMP, ORIGIN_ICMP6}:
        offender = _address(octets[_ERROR.size :])
        data &= 0xFFFF
    return ExtendedError(
        origin=int(origin), type=int(kind), code=int(code), data=int(data), offender=offender
    )


def _address(octets: bytes) -> str | None:
    """Read a socket address; None for one that is neither IPv4 nor IPv6."""
    layout = _OFFENDERS.get(_unpack(_KIND_OF_ADDRESS, octets)[0])
    return None if layout is None else written(_unpack(layout, octets)[-1])


def _unpack(layout: struct.Struct, octets: bytes) -> tuple[Any, ...]:
    """Unpack the beginning of `octets`."""
    if len(octets) < layout.size:
        found = f"{len(octets)} octets of {layout.size}"
        raise WireError("ancillary", f"read a control message: it has {found}")
    return layout.unpack_from(octets)
