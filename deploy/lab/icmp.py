"""Bytes: ICMP and ICMPv6 messages of the lab's routers and hosts: echoes and errors.

Echo (RFC 792, RFC 4443 §4)               Error (RFC 792, RFC 4443 §3, RFC 4884 §4)
 0 type  code  checksum                    0 type  code  checksum
 4 identifier  sequence                    4 unused, length of the quote or MTU, see below
 8 data                                    8 the packet in question, then the extension

Octets 4 to 7 of an error
  IPv4   unused  length in 32-bit words  next-hop MTU (fragmentation needed, RFC 1191 §4)
  IPv6   length in 64-bit words  unused  |  MTU of the next hop in 32 bits (packet too big)

Extension (RFC 4884 §7) with a label stack (RFC 4950 §3)
 0 version 2, reserved  checksum          4 object length  class 1  type 1
 8 label (20 bits)  traffic class (3)  bottom of stack (1)  TTL (8); one word for each entry

Rules
- The family of an error is that of the packet in question.
- A quote fills what 576 octets (RFC 1812 §4.3.2.3) or 1,280 (RFC 4443 §2.4 c) have room for;
  with an extension it is padded to 128 octets at least (RFC 4884 §5).
"""

import enum
import struct
from collections.abc import Sequence
from typing import NamedTuple

from deploy.lab.packets import (
    FOUR,
    ICMP,
    ICMPV6,
    IPV4_ADDRESS_OCTETS,
    IPV4_OCTETS,
    IPV6_OCTETS,
    Header,
    checksum,
    ip,
    parse,
    pseudo_header,
)

ICMP_OCTETS = 8
ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
UNREACHABLE_6 = 1
TOO_BIG_6 = 2
TIME_EXCEEDED_6 = 3
ECHO_REQUEST_6 = 128
ECHO_REPLY_6 = 129
LIMIT_OCTETS = {4: 576, 6: 1280}
"""The largest error of each version, IP header included."""
_IPV4_ERRORS = frozenset({3, 4, 5, 11, 12})
_REDIRECT_6 = 137
_QUOTE_OCTETS_MIN = 128
_EXTENSION_VERSION = b"\x20\0"
_EXTENSION_OCTETS = 8
_LABEL_STACK = b"\x01\x01"
_WORD = struct.Struct("!H")
_LONG = struct.Struct("!I")


class IcmpError(enum.Enum):
    """Why a packet was not delivered: (type, code) of ICMP, (type, code) of ICMPv6."""

    TTL_EXCEEDED = (TIME_EXCEEDED, 0), (TIME_EXCEEDED_6, 0)
    NO_ROUTE = (UNREACHABLE, 0), (UNREACHABLE_6, 0)
    HOST_UNREACHABLE = (UNREACHABLE, 1), (UNREACHABLE_6, 3)
    PORT_UNREACHABLE = (UNREACHABLE, 3), (UNREACHABLE_6, 4)
    PROHIBITED = (UNREACHABLE, 13), (UNREACHABLE_6, 1)
    TOO_BIG = (UNREACHABLE, 4), (TOO_BIG_6, 0)

    def __init__(self, in_ipv4: tuple[int, int], in_ipv6: tuple[int, int]) -> None:
        """Keep the numbers of both families apart."""
        self.in_ipv4 = in_ipv4
        self.in_ipv6 = in_ipv6


class Label(NamedTuple):
    """One entry of an MPLS label stack (RFC 3032 §2.1)."""

    label: int
    traffic_class: int
    ttl: int


def icmp(
    source: bytes, destination: bytes, ttl: int, what: tuple[int, int], rest: bytes, data: bytes
) -> bytes:
    """Build a packet with an ICMP message of the addresses' family.

    `what` is its type and code, `rest` the four octets after the checksum.
    """
    message = bytes((*what, 0, 0)) + rest + data
    if len(source) == IPV4_ADDRESS_OCTETS:
        protocol, covered = ICMP, message
    else:
        protocol = ICMPV6
        covered = pseudo_header(source, destination, ICMPV6, len(message)) + message
    whole = message[:2] + _WORD.pack(checksum(covered)) + message[4:]
    return ip(source, destination, protocol, ttl, whole)


def icmp_error(
    kind: IcmpError,
    router: bytes,
    packet: bytes,
    ttl: int,
    *,
    labels: Sequence[tuple[int, int, int]] = (),
    mtu: int = 0,
) -> bytes:
    """Build the error that `router` sends about `packet`, which leaves the router with `ttl`.

    `labels` are the entries (label, traffic class, TTL) with which the packet arrived, outermost
    first; `mtu` is that of the next hop, for TOO_BIG alone. ICMPv6 packet too big has no room
    for an extension (RFC 4884 §4.6).

    Raises: PacketError where `packet` is none.
    """
    header = parse(packet)
    quote = packet[: header.total_octets]
    if header.version == FOUR:
        extension = label_stack(labels)
        room = LIMIT_OCTETS[4] - IPV4_OCTETS - ICMP_OCTETS - len(extension)
        data, words = _quoted(quote, extension, room, 4)
        rest = struct.pack("!BBH", 0, words, mtu)
        return icmp(router, header.source, ttl, kind.in_ipv4, rest, data)
    extension = b"" if kind is IcmpError.TOO_BIG else label_stack(labels)
    room = LIMIT_OCTETS[6] - IPV6_OCTETS - ICMP_OCTETS - len(extension)
    data, words = _quoted(quote, extension, room, 8)
    rest = _LONG.pack(mtu) if kind is IcmpError.TOO_BIG else bytes((words, 0, 0, 0))
    return icmp(router, header.source, ttl, kind.in_ipv6, rest, data)


def label_stack(labels: Sequence[tuple[int, int, int]]) -> bytes:
    """Build the extension that carries a label stack; without labels there is none."""
    if not labels:
        return b""
    last = len(labels) - 1
    entries = b"".join(
        _LONG.pack(label << 12 | traffic_class << 9 | (place == last) << 8 | ttl)
        for place, (label, traffic_class, ttl) in enumerate(labels)
    )
    stack = _WORD.pack(4 + len(entries)) + _LABEL_STACK + entries
    return _EXTENSION_VERSION + _WORD.pack(checksum(_EXTENSION_VERSION + stack)) + stack


def _quoted(quote: bytes, extension: bytes, room: int, word_octets: int) -> tuple[bytes, int]:
    """Return quote and extension together, and the length of the quote in words (RFC 4884 §5)."""
    if not extension:
        return quote[:room], 0
    whole = quote[: room - room % word_octets]
    padded = whole + bytes(max(_QUOTE_OCTETS_MIN - len(whole), -len(whole) % word_octets))
    return padded + extension, len(padded) // word_octets


def may_provoke_error(packet: bytes, header: Header) -> bool:
    """Tell whether a router may answer `packet` with an ICMP error.

    Never a later fragment nor another error (RFC 1812 §4.3.2.7, RFC 4443 §2.4 e).
    """
    if header.is_later_fragment:
        return False
    if header.protocol not in {ICMP, ICMPV6} or header.total_octets <= header.octets:
        return True
    kind = packet[header.octets]
    if header.protocol == ICMP:
        return kind not in _IPV4_ERRORS
    return kind >= ECHO_REQUEST_6 and kind != _REDIRECT_6


def is_echo_request(packet: bytes, header: Header) -> bool:
    """Tell whether `packet` is a whole and undamaged echo request of its family."""
    wanted, protocol = (ECHO_REQUEST, ICMP) if header.version == FOUR else (ECHO_REQUEST_6, ICMPV6)
    message = packet[header.octets : header.total_octets]
    if header.protocol != protocol or header.is_fragment or len(message) < ICMP_OCTETS:
        return False
    if message[0] != wanted or message[1] != 0:
        return False
    if protocol == ICMP:
        return checksum(message) == 0
    pseudo = pseudo_header(header.source, header.destination, ICMPV6, len(message))
    return checksum(pseudo + message) == 0


def echo_request(source: bytes, destination: bytes, ttl: int, rest: bytes, data: bytes) -> bytes:
    """Build an echo request; `rest` is identifier and sequence, two octets each."""
    kind = ECHO_REQUEST if len(source) == IPV4_ADDRESS_OCTETS else ECHO_REQUEST_6
    return icmp(source, destination, ttl, (kind, 0), rest, data)


def echo_reply(packet: bytes, header: Header, ttl: int) -> bytes:
    """Build the reply to an echo request: same identifier, sequence and data."""
    message = packet[header.octets : header.total_octets]
    kind = ECHO_REPLY if header.version == FOUR else ECHO_REPLY_6
    rest, data = message[4:8], message[8:]
    return icmp(header.destination, header.source, ttl, (kind, 0), rest, data)
