"""Bytes: UDP datagrams, TCP segments, and the flow that a packet belongs to.

UDP (RFC 768)                             TCP (RFC 9293 §3.1)
 0 source port  destination port           0 source port  destination port
 4 length       checksum                   4 sequence number
 8 data                                    8 acknowledgement number
                                          12 data offset+reserved  flags  window
                                          16 checksum  urgent pointer
                                          20 options, then data

Rules
- Checksums cover the pseudo-header of the family. In IPv4 a UDP checksum of zero means none; in
  IPv6 it is an error (RFC 8200 §8.1).
- A flow is what routers hash to choose among equal paths: addresses, protocol and ports; for
  ICMP, which has none, the checksum that stands at their place, or nothing.
"""

import struct
from typing import Literal, NamedTuple

from deploy.lab.errors import PacketError
from deploy.lab.packets import FOUR, ICMP, ICMPV6, TCP, UDP, Header, checksum, ip, pseudo_header

UDP_OCTETS = 8
TCP_OCTETS = 20
FIN = 0x01
SYN = 0x02
RST = 0x04
ACK = 0x10
_UDP = struct.Struct("!HHHH")
_TCP = struct.Struct("!HHIIBBHHH")
_WORD = struct.Struct("!H")
_ONES = 0xFFFF
_SEQUENCES = 1 << 32
_TCP_WORDS = TCP_OCTETS // 4 << 4
_PORTS_OCTETS = 4

IcmpHash = Literal["checksum", "addresses"]


class Datagram(NamedTuple):
    """A UDP datagram without its addresses."""

    source_port: int
    destination_port: int
    data: bytes


class Segment(NamedTuple):
    """A TCP segment without its addresses; `options` are octets, a multiple of four."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    data: bytes = b""
    options: bytes = b""

    @property
    def length(self) -> int:
        """Return how many sequence numbers it takes: SYN and FIN count (RFC 9293 §3.3.1)."""
        return len(self.data) + bool(self.flags & SYN) + bool(self.flags & FIN)


def datagram(packet: bytes, header: Header) -> Datagram:
    """Read the UDP datagram in `packet`.

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
    pseudo = pseudo_header(header.source, header.destination, UDP, length)
    unchecked = not given and header.version == FOUR
    if not unchecked and (not given or checksum(pseudo + payload[:length])):
        message = "a UDP datagram whose checksum is wrong"
        raise PacketError(message)
    return Datagram(source_port, destination_port, payload[UDP_OCTETS:length])


def udp(source: bytes, destination: bytes, ttl: int, words: Datagram) -> bytes:
    """Build a packet with a UDP datagram (RFC 768); a checksum of zero becomes 65,535."""
    length = UDP_OCTETS + len(words.data)
    bare = _UDP.pack(words.source_port, words.destination_port, length, 0) + words.data
    found = checksum(pseudo_header(source, destination, UDP, length) + bare) or _ONES
    return ip(source, destination, UDP, ttl, bare[:6] + _WORD.pack(found) + bare[8:])


def tcp_segment(packet: bytes, header: Header) -> Segment:
    """Read the TCP segment in `packet`.

    Raises: PacketError.
    """
    payload = packet[header.octets : header.total_octets]
    if len(payload) < TCP_OCTETS:
        message = f"{len(payload)} octets are too few for a TCP header"
        raise PacketError(message)
    source_port, destination_port, sequence, acknowledgement, offset, flags, window, _, _ = (
        _TCP.unpack_from(payload)
    )
    octets = (offset >> 4) * 4
    if not TCP_OCTETS <= octets <= len(payload):
        message = f"a TCP header of {octets} in {len(payload)} octets"
        raise PacketError(message)
    if checksum(pseudo_header(header.source, header.destination, TCP, len(payload)) + payload):
        message = "a TCP segment whose checksum is wrong"
        raise PacketError(message)
    data, options = payload[octets:], payload[TCP_OCTETS:octets]
    return Segment(
        source_port, destination_port, sequence, acknowledgement, flags, window, data, options
    )


def tcp(source: bytes, destination: bytes, ttl: int, words: Segment) -> bytes:
    """Build a packet with a TCP segment; its urgent pointer is 0."""
    offset = _TCP_WORDS + (len(words.options) // 4 << 4)
    bare = (
        _TCP.pack(*words[:4], offset, words.flags, words.window, 0, 0) + words.options + words.data
    )
    found = checksum(pseudo_header(source, destination, TCP, len(bare)) + bare)
    return ip(source, destination, TCP, ttl, bare[:16] + _WORD.pack(found) + bare[18:])


def reset(packet: bytes, header: Header, ttl: int) -> bytes | None:
    """Build the reset with which a closed port answers a segment (RFC 9293 §3.5.2, group 1).

    None where the segment is a reset itself: nothing answers that.

    Raises: PacketError.
    """
    segment = tcp_segment(packet, header)
    if segment.flags & RST:
        return None
    sequence, acknowledgement, flags = 0, segment.sequence + segment.length, RST | ACK
    if segment.flags & ACK:
        sequence, acknowledgement, flags = segment.acknowledgement, 0, RST
    ports = segment.destination_port, segment.source_port
    answer = Segment(*ports, sequence, acknowledgement % _SEQUENCES, flags, 0)
    return tcp(header.destination, header.source, ttl, answer)


def flow_key(packet: bytes, header: Header, *, icmp: IcmpHash) -> bytes:
    """Return the octets that a router hashes to choose among equal paths.

    UDP and TCP: addresses, protocol, ports. ICMP: addresses, protocol and, where the router
    hashes by "checksum", the message's checksum. Fragments and all else: addresses and protocol.
    """
    key = header.source + header.destination + bytes((header.protocol,))
    start = header.octets
    if header.is_fragment:
        return key
    if header.protocol in {UDP, TCP}:
        return key + packet[start : min(start + _PORTS_OCTETS, header.total_octets)]
    if header.protocol in {ICMP, ICMPV6} and icmp == "checksum":
        return key + packet[start + 2 : min(start + _PORTS_OCTETS, header.total_octets)]
    return key
