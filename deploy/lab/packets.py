"""Bytes: IPv4 and IPv6 headers, as far as the routers and hosts of the lab speak them.

IPv4 (RFC 791 §3.1)                       IPv6 (RFC 8200 §3)
 0 version+IHL  TOS   total length         0 version+class+flow label
 4 identification     flags+fragment       4 payload length  next header  hop limit
 8 TTL  protocol      header checksum      8 source
12 source                                 24 destination
16 destination                            40 extension headers, then the upper layer
20 options

Extension header (RFC 8200 §4.3, §4.4,    Fragment header (RFC 8200 §4.5)
§4.6): hop-by-hop, routing, destination    0 next header  reserved  offset+M
 0 next header  length in 8 octets - 1     4 identification

Rules
- An address is its 4 or 16 octets, and their number is the version.
- An octet string that is no packet raises `PacketError` alone.
- The words of a header are the same for both versions: a hop limit is a `ttl`, and the bits of
  `fragment` are those of IPv4 (an IPv6 packet may never be cut by a router).
- A checksum after a change of TTL is updated, not recomputed (RFC 1624 §3).
"""

import struct
from typing import NamedTuple

from deploy.lab.errors import PacketError

ICMP = 1
TCP = 6
UDP = 17
ICMPV6 = 58
IPV4_OCTETS = 20
IPV6_OCTETS = 40
IPV4_ADDRESS_OCTETS = 4
DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000
FRAGMENT_OFFSET = 0x1FFF
"""The three parts of `Header.fragment`; the offset counts 8 octets (RFC 791 §3.1)."""
FOUR = 4
SIX = 6
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_EXTENSION = struct.Struct("!BBH")
_WORD = struct.Struct("!H")
_IPV4_PSEUDO = struct.Struct("!BBH")
_IPV6_PSEUDO = struct.Struct("!II")
_ONES = 0xFFFF
_FLOW_LABEL = 0xFFFFF
_TTL_OCTET = 8
_HOP_LIMIT_OCTET = 7
_CHECKSUM_OCTET = 10
_FRAGMENT_HEADER = 44
_LONG_EXTENSIONS = frozenset({0, 43, 60})
_EXTENSIONS = _LONG_EXTENSIONS | {_FRAGMENT_HEADER}
_EXTENSION_OCTETS = 8


class Header(NamedTuple):
    """What the lab needs of an IP header; `octets` is where the upper layer begins."""

    version: int
    octets: int
    total_octets: int
    fragment: int
    ttl: int
    protocol: int
    source: bytes
    destination: bytes
    flow_label: int

    @property
    def is_fragment(self) -> bool:
        """Tell whether the packet is a piece of a larger one."""
        return self.fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0

    @property
    def is_later_fragment(self) -> bool:
        """Tell whether the packet is a piece without the upper layer's header."""
        return self.fragment & FRAGMENT_OFFSET != 0

    @property
    def may_be_cut(self) -> bool:
        """Tell whether a router may cut the packet into fragments."""
        return not self.fragment & DONT_FRAGMENT


def checksum(octets: bytes) -> int:
    """Return the internet checksum (RFC 1071), over an odd last octet padded with zero.

    One's complement addition of 16-bit words is addition modulo 65,535, so that Python's
    integers do it in one step.
    """
    padded = octets + b"\0" if len(octets) % 2 else octets
    number = int.from_bytes(padded, "big")
    folded = number % _ONES or (_ONES if number else 0)
    return _ONES - folded


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """Build what an upper layer's checksum covers besides itself (RFC 9293 §3.1, RFC 8200 §8.1)."""
    if len(source) == IPV4_ADDRESS_OCTETS:
        return source + destination + _IPV4_PSEUDO.pack(0, protocol, length)
    return source + destination + _IPV6_PSEUDO.pack(length, protocol)


def parse(packet: bytes) -> Header:
    """Read the IP header of `packet`, in IPv6 with the extension headers that can be skipped.

    Raises: PacketError when it is cut short, of another version, inconsistent or damaged.
    """
    version = packet[0] >> 4 if packet else 0
    if version == FOUR:
        return _parse_ipv4(packet)
    if version == SIX:
        return _parse_ipv6(packet)
    message = f"a packet of IP version {version} in {len(packet)} octets"
    raise PacketError(message)


def _parse_ipv4(packet: bytes) -> Header:
    if len(packet) < IPV4_OCTETS:
        message = f"{len(packet)} octets are too few for an IPv4 header"
        raise PacketError(message)
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(packet)
    octets = (first & 0x0F) * 4
    if octets < IPV4_OCTETS or not octets <= total <= len(packet):
        message = f"an IPv4 header with first octet {first:#04x} and total length {total}"
        raise PacketError(message)
    if int.from_bytes(packet[:octets], "big") % _ONES:
        message = "an IPv4 header whose checksum is wrong"
        raise PacketError(message)
    return Header(FOUR, octets, total, fragment, ttl, protocol, source, destination, 0)


def _parse_ipv6(packet: bytes) -> Header:
    if len(packet) < IPV6_OCTETS:
        message = f"{len(packet)} octets are too few for an IPv6 header"
        raise PacketError(message)
    first, payload, protocol, ttl, source, destination = _IPV6.unpack_from(packet)
    total = IPV6_OCTETS + payload
    if total > len(packet):
        message = f"an IPv6 header with a payload of {payload} in {len(packet)} octets"
        raise PacketError(message)
    octets, fragment = IPV6_OCTETS, DONT_FRAGMENT
    if protocol in _EXTENSIONS:
        protocol, octets, fragment = _skip_extensions(packet, protocol, total)
    label = first & _FLOW_LABEL
    return Header(SIX, octets, total, fragment, ttl, protocol, source, destination, label)


def _skip_extensions(packet: bytes, protocol: int, total: int) -> tuple[int, int, int]:
    """Return the upper layer's protocol, where it begins, and the bits of the fragment header."""
    octets, fragment = IPV6_OCTETS, DONT_FRAGMENT
    while protocol in _EXTENSIONS and not fragment & FRAGMENT_OFFSET:
        if octets + _EXTENSION_OCTETS > total:
            message = f"an IPv6 packet that ends within extension header {protocol}"
            raise PacketError(message)
        following, length, bits = _EXTENSION.unpack_from(packet, octets)
        if protocol == _FRAGMENT_HEADER:
            fragment |= bits >> 3 | (MORE_FRAGMENTS if bits & 1 else 0)
            length = 0
        octets += _EXTENSION_OCTETS * (length + 1)
        protocol = following
    if octets > total:
        message = f"an IPv6 packet of {total} octets whose extension headers need {octets}"
        raise PacketError(message)
    return protocol, octets, fragment


def with_ttl(packet: bytes, ttl: int) -> bytes:
    """Return `packet` with another TTL or hop limit, an IPv4 checksum updated (RFC 1624 eqn. 3)."""
    if packet[0] >> 4 == SIX:
        return packet[:_HOP_LIMIT_OCTET] + bytes((ttl,)) + packet[_HOP_LIMIT_OCTET + 1 :]
    (old_word,) = _WORD.unpack_from(packet, _TTL_OCTET)
    (old_checksum,) = _WORD.unpack_from(packet, _CHECKSUM_OCTET)
    new_word = ttl << 8 | (old_word & 0xFF)
    total = (_ONES - old_checksum) + (_ONES - old_word) + new_word
    folded = (total & _ONES) + (total >> 16)
    folded = (folded & _ONES) + (folded >> 16)
    rest = packet[_CHECKSUM_OCTET + 2 :]
    return packet[:_TTL_OCTET] + struct.pack("!HH", new_word, _ONES - folded) + rest


def ip(source: bytes, destination: bytes, protocol: int, ttl: int, data: bytes) -> bytes:
    """Build a packet that no router may cut, of the version of its addresses.

    It has no options; an IPv4 identification is 0 (RFC 6864), an IPv6 flow label too (RFC 6437).
    """
    if len(source) != IPV4_ADDRESS_OCTETS:
        return _IPV6.pack(SIX << 28, len(data), protocol, ttl, source, destination) + data
    header = _IPV4.pack(
        0x45, 0, IPV4_OCTETS + len(data), 0, DONT_FRAGMENT, ttl, protocol, 0, source, destination
    )
    return header[:10] + _WORD.pack(checksum(header)) + header[12:] + data
