"""Bytes: IPv4, ICMP and UDP, as far as the routers and hosts of the lab speak them.

IPv4 (RFC 791 §3.1)                       ICMP echo (RFC 792)        ICMP error (RFC 792)
 0 version+IHL  TOS   total length         0 type  code  checksum     0 type  code  checksum
 4 identification     flags+fragment       4 identifier  sequence     4 unused
 8 TTL  protocol      header checksum      8 data                     8 header and data of the
12 source                                                               packet in question
16 destination
20 options

Rules
- An address is its four octets; an octet string that is no packet raises `PacketError` alone.
- A checksum after a change of TTL is updated, not recomputed (RFC 1624 §3).
"""

import struct
from typing import NamedTuple

from deploy.lab.errors import PacketError

ICMP = 1
UDP = 17
ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
NET_UNREACHABLE = 0
TTL_EXCEEDED_IN_TRANSIT = 0
IPV4_OCTETS = 20
ICMP_OCTETS = 8
UDP_OCTETS = 8
ERROR_LIMIT_OCTETS = 576  # RFC 1812 §4.3.2.3
DONT_FRAGMENT = 0x4000
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_WORD = struct.Struct("!H")
_ONES = 0xFFFF
_TTL_OCTET = 8
_CHECKSUM_OCTET = 10
_FRAGMENT_OFFSET = 0x1FFF
_FRAGMENT_BITS = 0x3FFF
_ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})


class Header(NamedTuple):
    """What the lab needs of an IPv4 header."""

    octets: int
    total_octets: int
    fragment: int
    ttl: int
    protocol: int
    source: bytes
    destination: bytes

    @property
    def is_fragment(self) -> bool:
        """Tell whether the packet is a piece of a larger one."""
        return self.fragment & _FRAGMENT_BITS != 0


class Datagram(NamedTuple):
    """A UDP datagram without its addresses."""

    source_port: int
    destination_port: int
    data: bytes


def checksum(octets: bytes) -> int:
    """Return the internet checksum (RFC 1071), over an odd last octet padded with zero.

    One's complement addition of 16-bit words is addition modulo 65,535, so that Python's
    integers do it in one step.
    """
    padded = octets + b"\0" if len(octets) % 2 else octets
    number = int.from_bytes(padded, "big")
    folded = number % _ONES or (_ONES if number else 0)
    return _ONES - folded


def parse(packet: bytes) -> Header:
    """Read the IPv4 header of `packet`.

    Raises: PacketError when it is cut short, of another version, inconsistent or damaged.
    """
    if len(packet) < IPV4_OCTETS:
        message = f"{len(packet)} octets are too few for an IPv4 header"
        raise PacketError(message)
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(packet)
    octets = (first & 0x0F) * 4
    if first >> 4 != 4 or octets < IPV4_OCTETS or not octets <= total <= len(packet):  # noqa: PLR2004
        message = f"an IPv4 header with first octet {first:#04x} and total length {total}"
        raise PacketError(message)
    if checksum(packet[:octets]):
        message = "an IPv4 header whose checksum is wrong"
        raise PacketError(message)
    return Header(octets, total, fragment, ttl, protocol, source, destination)


def with_ttl(packet: bytes, ttl: int) -> bytes:
    """Return `packet` with another TTL, its header checksum updated (RFC 1624 §3, eqn. 3)."""
    (old_word,) = _WORD.unpack_from(packet, _TTL_OCTET)
    (old_checksum,) = _WORD.unpack_from(packet, _CHECKSUM_OCTET)
    new_word = ttl << 8 | (old_word & 0xFF)
    total = (_ONES - old_checksum) + (_ONES - old_word) + new_word
    folded = (total & _ONES) + (total >> 16)
    folded = (folded & _ONES) + (folded >> 16)
    rest = packet[_CHECKSUM_OCTET + 2 :]
    return packet[:_TTL_OCTET] + struct.pack("!HH", new_word, _ONES - folded) + rest


def ipv4(source: bytes, destination: bytes, protocol: int, ttl: int, data: bytes) -> bytes:
    """Build an unfragmentable IPv4 packet without options; its identification is 0 (RFC 6864)."""
    header = _IPV4.pack(
        0x45, 0, IPV4_OCTETS + len(data), 0, DONT_FRAGMENT, ttl, protocol, 0, source, destination
    )
    return header[:10] + _WORD.pack(checksum(header)) + header[12:] + data


def icmp(kind: int, code: int, rest: bytes, data: bytes) -> bytes:
    """Build an ICMP message; `rest` are the four octets after the checksum (RFC 792)."""
    message = bytes((kind, code, 0, 0)) + rest + data
    return message[:2] + _WORD.pack(checksum(message)) + message[4:]


def icmp_error(kind: int, code: int, router: bytes, packet: bytes, ttl: int) -> bytes:
    """Build the error that `router` sends about `packet`.

    The error quotes as much of the packet as fits in 576 octets (RFC 1812 §4.3.2.3).
    """
    header = parse(packet)
    room = ERROR_LIMIT_OCTETS - IPV4_OCTETS - ICMP_OCTETS
    quoted = packet[: min(header.total_octets, room)]
    return ipv4(router, header.source, ICMP, ttl, icmp(kind, code, bytes(4), quoted))


def may_provoke_error(packet: bytes, header: Header) -> bool:
    """Tell whether a router may answer `packet` with an ICMP error (RFC 1812 §4.3.2.7)."""
    if header.fragment & _FRAGMENT_OFFSET:
        return False
    if header.protocol != ICMP or header.total_octets <= header.octets:
        return True
    return packet[header.octets] not in _ICMP_ERRORS


def is_echo_request(packet: bytes, header: Header) -> bool:
    """Tell whether `packet` is a whole and undamaged echo request."""
    message = packet[header.octets : header.total_octets]
    return (
        header.protocol == ICMP
        and len(message) >= ICMP_OCTETS
        and message[0] == ECHO_REQUEST
        and message[1] == 0
        and checksum(message) == 0
    )


def echo_reply(packet: bytes, header: Header, ttl: int) -> bytes:
    """Build the reply to an echo request: same identifier, sequence and data (RFC 792)."""
    message = packet[header.octets : header.total_octets]
    reply = icmp(ECHO_REPLY, 0, message[4:8], message[8:])
    return ipv4(header.destination, header.source, ICMP, ttl, reply)


def datagram(packet: bytes, header: Header) -> Datagram:
    """Read the UDP datagram in `packet`; a checksum of zero means none (RFC 768).

    Raises: PacketError.
    """
    payload = packet[header.octets : header.total_octets]
    if len(payload) < UDP_OCTETS:
        message = f"{len(payload)} octets are too few for a UDP header"
        raise PacketError(message)
    source_port, destination_port, length, given = _UDP.unpack_from(payload)
    if not UDP_OCTETS <= length <= len(payload):
        message = f"a UDP length of {length} in {len(payload)} octets"
        raise PacketError(message)
    covered = _pseudo_header(header.source, header.destination, length) + payload[:length]
    if given and checksum(covered):
        message = "a UDP datagram whose checksum is wrong"
        raise PacketError(message)
    return Datagram(source_port, destination_port, payload[UDP_OCTETS:length])


def udp(source: bytes, destination: bytes, ttl: int, words: Datagram) -> bytes:
    """Build an IPv4 packet with a UDP datagram (RFC 768); a checksum of zero becomes 65,535."""
    length = UDP_OCTETS + len(words.data)
    bare = _UDP.pack(words.source_port, words.destination_port, length, 0) + words.data
    found = checksum(_pseudo_header(source, destination, length) + bare) or _ONES
    return ipv4(source, destination, UDP, ttl, bare[:6] + _WORD.pack(found) + bare[8:])


def _pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    return source + destination + struct.pack("!BBH", 0, UDP, length)
