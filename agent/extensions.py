"""Bytes: the extension of an ICMP error, and the MPLS label stack in it.

    RFC 4884 section 7                            RFC 4950 section 2: class 1, type 1
    0        1        2        3        4         0        1        2        3        4
    +--------+--------+-----------------+         +-------------------+---+-+--------+
    | 2 | reserved    | checksum        |         | label (20 bits)   |TC |S| TTL    |
    +--------+--------+--------+--------+         +-------------------+---+-+--------+
    | length of object| class  | type   |         | more, down to the bottom (S = 1) |
    +--------+--------+--------+--------+
    | its octets ...                    |
    +-----------------------------------+

Rules
- An error says where its extension begins. Routers from before RFC 4884 do not: theirs begins
  behind 128 octets of the original packet, and counts only if its checksum is there and right
  (RFC 4884 section 5.5).
- An error whose extension is damaged is an answer all the same: without labels.
"""

import contextlib
import struct

from agent.errors import WireError
from agent.records import StackEntry

ORIGINAL_OCTETS = 128
"""What an error quotes of the original packet, at least, where an extension follows."""

_VERSION = 2
_HEADER = struct.Struct("!BBH")
_OBJECT = struct.Struct("!HBB")
_ENTRY = struct.Struct("!I")
_MPLS_STACK = (1, 1)
_ONES = 0xFFFF


def labels(octets: bytes, announced: int, implied: int) -> tuple[StackEntry, ...]:
    """Return the label stack behind what an error quotes; empty where there is none.

    The extension begins `announced` octets into `octets`; where that is 0, perhaps at `implied`.
    """
    with contextlib.suppress(WireError):
        if announced:
            return stack(octets[announced:])
        if len(octets) >= implied + _HEADER.size:
            return stack(octets[implied:], sealed=True)
    return ()


def stack(extension: bytes, *, sealed: bool = False) -> tuple[StackEntry, ...]:
    """Read the label stack of an extension; empty where it has no such object.

    `sealed` demands a checksum; otherwise one of zero says that there is none.

    Raises:
        WireError: reason `extension`: a wrong version or checksum, an object that does not fit.
    """
    if len(extension) < _HEADER.size:
        raise WireError("extension", f"read an ICMP extension: it has {len(extension)} octets of 4")
    first, _, checksum = _HEADER.unpack_from(extension)
    if first >> 4 != _VERSION:
        raise WireError("extension", f"read an ICMP extension: its version is {first >> 4}, not 2")
    whole = extension + b"\0" * (len(extension) % 2)
    if (sealed or checksum) and int.from_bytes(whole, "big") % _ONES:
        raise WireError("extension", "read an ICMP extension: its checksum is wrong")
    rest = extension[_HEADER.size :]
    while rest:
        length, kind = _object(rest)
        if kind == _MPLS_STACK:
            return _entries(rest[_OBJECT.size : length])
        rest = rest[length:]
    return ()


def _object(octets: bytes) -> tuple[int, tuple[int, int]]:
    """Return the length and the (class, type) of the object that begins here."""
    if len(octets) < _OBJECT.size:
        raise WireError("extension", "read an ICMP extension: its last object is cut")
    length, *kind = _OBJECT.unpack_from(octets)
    if not _OBJECT.size <= length <= len(octets):
        raise WireError("extension", f"read an ICMP extension: an object says {length} octets")
    return length, (kind[0], kind[1])


def _entries(octets: bytes) -> tuple[StackEntry, ...]:
    if len(octets) % _ENTRY.size or not octets:
        raise WireError("extension", f"read a label stack: it has {len(octets)} octets")
    words = (word for (word,) in _ENTRY.iter_unpack(octets))
    return tuple((word >> 12, word >> 9 & 7, word >> 8 & 1, word & 0xFF) for word in words)
