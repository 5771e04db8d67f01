"""Bytes: ICMP messages for IPv4, from and to octets.

    echo request and reply (RFC 792)          unreachable and time exceeded (RFC 792)
    0      1      2             4             0      1      2             4
    +------+------+-------------+             +------+------+-------------+
    | 8, 0 |  0   |  checksum   |             | 3,11 | code |  checksum   |
    +------+------+-------------+             +------+------+-------------+
    | identifier  |  sequence   |             | unused, or RFC 4884 length|
    +-------------+-------------+             +---------------------------+
    | token, 8 octets           |             | IPv4 header of the probe  |
    +-------------+-------------+             +---------------------------+
    | balance     | text ...    |             | its first 8 octets or more|
    +-------------+-------------+             +---------------------------+

Rules
- The checksum of a request depends on its flow alone, never on identifier or sequence: routers
  that spread load by the first octets of the ICMP header then send all probes of a flow one way
  (Paris traceroute; Augustin et al., IMC 2006). The two octets of *balance* make it so.
- The token tells our probes from those of other programs that chose the same identifier.
"""

import struct

import msgspec

from agent.errors import WireError
from agent.records import Outcome

ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
TOKEN_OCTETS = 8
PROTOCOL_ICMP = 1

_HEADER = struct.Struct("!BBHHH")
_HEADER_OCTETS = 8
_IPV4_OCTETS = 20
_IPV4_VERSION = 4
_ONES = 0xFFFF
_FLOW_CHECKSUM = 0xB08E
TEXT = b"Borne measures the way to this address (ICMP)."
"""What the machines that are probed can read in each packet."""
_ADMINISTRATIVE_CODES = frozenset({9, 10, 13})


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: an echo reply, or an error that quotes the probe it answers.

    In an error, identifier, sequence, payload and destination are those of the quoted probe;
    an echo reply has no destination. A quote may be cut: its payload is then short or empty.
    """

    type: int
    code: int
    identifier: int
    sequence: int
    payload: bytes
    destination: str | None = None


def checksum(octets: bytes) -> int:
    """Compute the Internet checksum (RFC 1071): 16 bits, one's complement of the sum.

    2**16 is 1 modulo 0xFFFF, so the sum of the 16-bit words is the number itself modulo 0xFFFF.
    """
    number = int.from_bytes(octets + b"\0" * (len(octets) % 2), "big")
    return _ONES ^ (number % _ONES or (_ONES if number else 0))


def text_with(contact: str | None) -> bytes:
    """Return the text of a packet with whom to ask about it: an even number of octets of ASCII."""
    if contact is None:
        return TEXT
    text = f"Borne measures the way to this address. Contact: {contact}".encode("ascii")
    return text + b" " * (len(text) % 2)


def echo_request(
    identifier: int, sequence: int, token: bytes, flow: int = 0, *, text: bytes = TEXT
) -> bytes:
    """Build the echo request of one probe, 64 octets unless `text` is longer; `token` has 8.

    A kernel that fills in the checksum itself (a ping socket) comes to the same one.
    """
    wanted = (_FLOW_CHECKSUM + flow) % (_ONES - 1) + 1
    open_sum = _HEADER.pack(ECHO_REQUEST, 0, wanted, identifier, sequence) + token + text
    balance = -int.from_bytes(open_sum, "big") % _ONES
    header = _HEADER.pack(ECHO_REQUEST, 0, wanted, identifier, sequence)
    return header + token + balance.to_bytes(2, "big") + text


def parse(octets: bytes) -> Message:
    """Read an ICMP message without its IPv4 header.

    Raises:
        WireError: reason `truncated`, `checksum`, `type` (neither an echo reply nor an error
            about a probe) or `quote` (the quoted packet is not ICMP over IPv4).
    """
    if len(octets) < _HEADER_OCTETS:
        raise WireError("truncated", f"read an ICMP message: it has {len(octets)} octets of 8")
    if int.from_bytes(octets + b"\0" * (len(octets) % 2), "big") % _ONES:
        raise WireError("checksum", "read an ICMP message: its checksum is wrong")
    kind, code, _, identifier, sequence = _HEADER.unpack_from(octets)
    if kind == ECHO_REPLY:
        payload = octets[_HEADER_OCTETS:]
        return Message(
            type=kind, code=code, identifier=identifier, sequence=sequence, payload=payload
        )
    if kind not in {UNREACHABLE, TIME_EXCEEDED}:
        raise WireError("type", f"read an ICMP message: type {kind} answers no probe")
    return _error(kind, code, octets[_HEADER_OCTETS:])


def _error(kind: int, code: int, quoted: bytes) -> Message:
    """Read the packet that an ICMP error quotes."""
    header_octets = _ipv4_header_octets(quoted, "quote")
    if quoted[9] != PROTOCOL_ICMP:
        raise WireError("quote", f"read an ICMP error: it quotes IP protocol {quoted[9]}")
    return quote(kind, code, dotted(quoted[16:20]), quoted[header_octets:])


def quote(kind: int, code: int, destination: str, octets: bytes) -> Message:
    """Read what an error quotes of our probe, from its ICMP header on.

    Raises:
        WireError: reason `truncated` or `quote` (it is not an echo request).
    """
    if len(octets) < _HEADER_OCTETS:
        raise WireError("truncated", f"read a quoted probe: it has {len(octets)} octets of 8")
    inner, _, _, identifier, sequence = _HEADER.unpack_from(octets)
    if inner != ECHO_REQUEST:
        raise WireError("quote", f"read a quoted probe: its ICMP type is {inner}, not 8")
    return Message(
        type=kind,
        code=code,
        identifier=identifier,
        sequence=sequence,
        payload=octets[_HEADER_OCTETS:],
        destination=destination,
    )


def strip_ipv4(packet: bytes) -> tuple[str, int, bytes]:
    """Split what a raw socket delivers into source address, TTL and ICMP message.

    Raises:
        WireError: reason `truncated` or `version`.
    """
    header_octets = _ipv4_header_octets(packet, "version")
    return dotted(packet[12:16]), packet[8], packet[header_octets:]


def _ipv4_header_octets(packet: bytes, reason: str) -> int:
    """Return the length of an IPv4 header (RFC 791 section 3.1) that is all there."""
    if len(packet) < _IPV4_OCTETS:
        raise WireError("truncated", f"read an IPv4 header: it has {len(packet)} octets of 20")
    header_octets = (packet[0] & 0x0F) * 4
    if packet[0] >> 4 != _IPV4_VERSION or header_octets < _IPV4_OCTETS:
        raise WireError(reason, f"read an IPv4 header: its first octet is {packet[0]:#04x}")
    if len(packet) < header_octets:
        raise WireError("truncated", "read an IPv4 header: its options are missing")
    return header_octets


def dotted(address: bytes) -> str:
    """Write four octets as a dotted IPv4 address."""
    return ".".join(map(str, address))


def outcome_of(kind: int, code: int) -> Outcome | None:
    """Say what an answer means for an echo; None where it is no answer to one.

    Codes 9, 10 and 13 of unreachable are administrative (RFC 1812 section 5.2.7.1).
    """
    match kind:
        case 0:
            return Outcome.REPLY
        case 3 if code in _ADMINISTRATIVE_CODES:
            return Outcome.PROHIBITED
        case 3:
            return Outcome.UNREACHABLE
        case 11:
            return Outcome.TTL_EXCEEDED
        case _:
            return None
