"""Decider: packets cut into pieces that fit a link, and pieces put together again by their host.

Rules
- IPv4 (RFC 791 §3.2): whoever meets a link that is too narrow cuts; a piece may be cut again.
  IPv6 (RFC 8200 §4.5): the fragment header follows the fixed header at once, or the piece counts
  as lost.
- Pieces are told by both addresses, protocol and identification. Those of one packet come within
  30 s (Linux, `net.ipv4.ipfrag_time`) or are forgotten, as are the oldest of too many packets.
- Pieces that overlap spoil their packet (RFC 5722 §4), as does a size that no packet may have.
"""

from itertools import pairwise
from typing import NamedTuple

from deploy.lab.packets import (
    FOUR,
    FRAGMENT_OFFSET,
    IPV6_OCTETS,
    MORE_FRAGMENTS,
    Header,
    checksum,
    ip,
)
from deploy.lab.world import NS_PER_S

PATIENCE_NS = 30 * NS_PER_S
KEPT = 256
_UNIT_OCTETS = 8
_FRAGMENT_HEADER = 44
_FRAGMENT_OCTETS = 8
_DATA_OCTETS_MAX = 65_535 - 60

Key = tuple[bytes, bytes, int, bytes]
"""Source, destination, protocol, identification."""


class _Unfinished(NamedTuple):
    """The pieces by where they begin, the length of the whole once known, and the first's time."""

    pieces: dict[int, bytes]
    length: int | None
    since_ns: int


class Fragments:
    """What the hosts of the box have of packets that are not complete."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._unfinished: dict[Key, _Unfinished] = {}

    def add(self, packet: bytes, header: Header, now_ns: int) -> bytes | None:
        """Take a piece; return the whole packet with the piece's TTL once it is complete."""
        identified = _identified(packet, header)
        if identified is None:
            return None
        key, data = identified
        before = self._unfinished.pop(key, None)
        if before is None or now_ns - before.since_ns > PATIENCE_NS:
            before = _Unfinished({}, None, now_ns)
        found = _joined(before, header, data)
        if found is None:
            return None
        if found.length is not None and sum(map(len, found.pieces.values())) == found.length:
            whole = b"".join(found.pieces[start] for start in sorted(found.pieces))
            return ip(header.source, header.destination, header.protocol, header.ttl, whole)
        self._unfinished[key] = found
        if len(self._unfinished) > KEPT:
            del self._unfinished[next(iter(self._unfinished))]
        return None


def _identified(packet: bytes, header: Header) -> tuple[Key, bytes] | None:
    """Return whose piece it is and what it carries; None where that cannot be told."""
    if header.version == FOUR:
        identification, start = packet[4:6], header.octets
    elif packet[6] == _FRAGMENT_HEADER:
        start = IPV6_OCTETS + _FRAGMENT_OCTETS
        identification = packet[start - 4 : start]
    else:
        return None
    key = header.source, header.destination, header.protocol, identification
    return key, packet[start : header.total_octets]


def _joined(before: _Unfinished, header: Header, data: bytes) -> _Unfinished | None:
    """Return the pieces with one more, None where it spoils them."""
    start = (header.fragment & FRAGMENT_OFFSET) * _UNIT_OCTETS
    end, length = start + len(data), before.length
    if not header.fragment & MORE_FRAGMENTS:
        if length not in {None, end}:
            return None
        length = end
    elif len(data) % _UNIT_OCTETS:
        return None
    if not data or end > (_DATA_OCTETS_MAX if length is None else length):
        return None
    pieces = {**before.pieces, start: data}
    spans = sorted((begin, begin + len(piece)) for begin, piece in pieces.items())
    overlap = any(one[1] > two[0] for one, two in pairwise(spans))
    too_long = length is not None and spans[-1][1] > length
    if start in before.pieces or overlap or too_long:
        return None
    return _Unfinished(pieces, length, before.since_ns)


def cut(packet: bytes, header: Header, mtu: int, identification: int) -> list[bytes]:
    """Cut a packet into pieces of `mtu` octets at most; what fits stays as it is.

    An IPv4 packet keeps its own `identification` where it has one.
    """
    if header.total_octets <= mtu:
        return [packet]
    head_octets = header.octets if header.version == FOUR else IPV6_OCTETS + _FRAGMENT_OCTETS
    room = (mtu - head_octets) // _UNIT_OCTETS * _UNIT_OCTETS
    start = header.octets if header.version == FOUR else IPV6_OCTETS
    data = packet[start : header.total_octets]
    head = _head_4 if header.version == FOUR else _head_6
    return [
        head(packet, header, place, data[place : place + room], len(data), identification)
        + data[place : place + room]
        for place in range(0, len(data), room)
    ]


def _head_4(
    packet: bytes, header: Header, place: int, piece: bytes, length: int, identification: int
) -> bytes:
    is_last = place + len(piece) == length and not header.fragment & MORE_FRAGMENTS
    offset = (header.fragment & FRAGMENT_OFFSET) + place // _UNIT_OCTETS
    own = packet[4:6] if packet[4:6] != b"\0\0" else (identification & 0xFFFF).to_bytes(2, "big")
    bits = (offset | (0 if is_last else MORE_FRAGMENTS)).to_bytes(2, "big")
    total = (header.octets + len(piece)).to_bytes(2, "big")
    head = packet[:2] + total + own + bits + packet[8:10] + b"\0\0" + packet[12 : header.octets]
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:]


def _head_6(
    packet: bytes, _: Header, place: int, piece: bytes, length: int, identification: int
) -> bytes:
    is_last = place + len(piece) == length
    payload = (_FRAGMENT_OCTETS + len(piece)).to_bytes(2, "big")
    fixed = packet[:4] + payload + bytes((_FRAGMENT_HEADER,)) + packet[7:IPV6_OCTETS]
    bits = (place | (not is_last)).to_bytes(2, "big")
    return fixed + packet[6:7] + b"\0" + bits + (identification & 0xFFFFFFFF).to_bytes(4, "big")
