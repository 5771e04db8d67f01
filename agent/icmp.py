"""Bytes: ICMP messages for IPv4 (RFC 792) and IPv6 (RFC 4443), from and to octets.

    echo request and reply                    unreachable and time exceeded
    0      1      2             4             0      1      2             4
    +------+------+-------------+             +------+------+-------------+
    | type |  0   |  checksum   |             | type | code |  checksum   |
    +------+------+-------------+             +------+------+-------------+
    | identifier  |  sequence   |             | unused, or RFC 4884 length|
    +-------------+-------------+             +---------------------------+
    | token, 8 octets           |             | IP header of the probe    |
    +-------------+-------------+             +---------------------------+
    | balance     | text ...    |             | its first 8 octets or more|
    +-------------+-------------+             +---------------------------+

Rules
- The checksum of a request depends on its flow alone, never on identifier or sequence: routers
  that spread load by the first octets of the ICMP header then send all probes of a flow one way
  (Paris traceroute; Augustin et al., IMC 2006). The two octets of *balance* make it so.
- Over IPv6 kernels compute and check the checksum, which covers both addresses as well: those are
  the same for all probes of a flow, so that the balance works there, too.
- Over IPv6 routers may spread load by the flow label alone (RFC 6438). A kernel gives all echoes
  of a socket the same one, so that each flow gets its own: the same in every round.
- The token tells our probes from those of other programs that chose the same identifier.
"""

import struct
from collections.abc import Mapping
from ipaddress import IPv6Address

import msgspec

from agent import extensions
from agent.errors import WireError
from agent.ports import Message, Notice
from agent.records import IPV4, Family, Outcome, StackEntry

TOKEN_OCTETS = 8
HEADER_OCTETS = 8
"""Of an ICMP message, and of a UDP datagram as well."""
IP_OCTETS: Mapping[Family, int] = {4: 20, 6: 40}
"""Of an IP header without options, such as our probes have."""

_HEADER = struct.Struct("!BBHHH")
_ONES = 0xFFFF
_FLOW_CHECKSUM = 0xB08E
_FIRST_LABEL = 0x1B08E
"""Below 0x80000: Linux keeps the labels above for those that it makes up itself."""
TEXT = b"Borne measures the way packets go to this host"
"""What the machines that are probed can read in each packet."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one version of ICMP."""

    protocol: int
    """Of ICMP itself, in an IP header."""
    request: int
    reply: int
    unreachable: int
    exceeded: int
    administrative: frozenset[int]
    """Codes of unreachable that say: prohibited."""


NUMBERS: Mapping[Family, Numbers] = {
    # RFC 792; codes 9, 10 and 13: RFC 1812 section 5.2.7.1.
    4: Numbers(
        protocol=1,
        request=8,
        reply=0,
        unreachable=3,
        exceeded=11,
        administrative=frozenset({9, 10, 13}),
    ),
    # RFC 4443; codes 5 and 6 are "more informative subsets" of 1 (section 3.1).
    6: Numbers(
        protocol=58,
        request=128,
        reply=129,
        unreachable=1,
        exceeded=3,
        administrative=frozenset({1, 5, 6}),
    ),
}
_REQUESTS = frozenset(numbers.request for numbers in NUMBERS.values())


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


class EchoDialect(msgspec.Struct, frozen=True, kw_only=True):
    """How the echo requests of one socket are written and their answers read."""

    family: Family
    identifier: int
    token: bytes
    text: bytes = TEXT

    def request(self, sequence: int, flow: int) -> bytes:
        """Build one probe."""
        return echo_request(
            self.identifier, sequence, self.token, flow, text=self.text, family=self.family
        )

    def label(self, flow: int) -> int:
        """Return the IPv6 flow label of a flow."""
        return 0 if self.family == IPV4 else _FIRST_LABEL + flow

    def answer(self, octets: bytes) -> Message:
        """Read what the socket received. Raises: WireError."""
        return parse(octets, self.family)

    def notice(self, notice: Notice) -> Message | None:
        """Read an error from the queue; None where it answers no probe. Raises: WireError."""
        numbers = NUMBERS[self.family]
        if notice.type not in {numbers.unreachable, numbers.exceeded}:
            return None
        implied = extensions.ORIGINAL_OCTETS - IP_OCTETS[self.family]
        mpls = extensions.labels(notice.quote, notice.extension_at, implied)
        quoted = notice.quote[: notice.extension_at or None]
        return quote(notice.type, notice.code, notice.destination, quoted, mpls=mpls)


def echo_request(
    identifier: int,
    sequence: int,
    token: bytes,
    flow: int = 0,
    *,
    text: bytes = TEXT,
    family: Family = 4,
) -> bytes:
    """Build the echo request of one probe, 64 octets unless `text` is longer; `token` has 8.

    A kernel that fills in the checksum itself comes to the same one, over IPv6 to the same one
    for all probes of a flow to one address.
    """
    request = NUMBERS[family].request
    wanted = (_FLOW_CHECKSUM + flow) % (_ONES - 1) + 1
    header = _HEADER.pack(request, 0, wanted, identifier, sequence)
    balance = -int.from_bytes(header + token + text, "big") % _ONES
    return header + token + balance.to_bytes(2, "big") + text


def parse(octets: bytes, family: Family = 4) -> Message:
    """Read an ICMP message without its IP header; over IPv6 the kernel has checked its checksum.

    Raises:
        WireError: reason `truncated`, `checksum`, `type` (neither an echo reply nor an error
            about a probe) or `quote` (the quoted packet is no ICMP of this family).
    """
    numbers = NUMBERS[family]
    if len(octets) < HEADER_OCTETS:
        raise WireError("truncated", f"read an ICMP message: it has {len(octets)} octets of 8")
    whole = octets + b"\0" * (len(octets) % 2)
    if family == IPV4 and int.from_bytes(whole, "big") % _ONES:
        raise WireError("checksum", "read an ICMP message: its checksum is wrong")
    kind, code, _, identifier, sequence = _HEADER.unpack_from(octets)
    if kind == numbers.reply:
        payload = octets[HEADER_OCTETS:]
        return Message(
            type=kind, code=code, identifier=identifier, sequence=sequence, payload=payload
        )
    if kind not in {numbers.unreachable, numbers.exceeded}:
        raise WireError("type", f"read an ICMP message: type {kind} answers no probe")
    return _error(octets, family)


def _error(octets: bytes, family: Family) -> Message:
    """Read the packet that an ICMP error quotes, and the extension behind it.

    RFC 4884 section 4: octet 5 has the length of the quote in words of 4, over IPv6 octet 4 in
    words of 8.
    """
    quoted = octets[HEADER_OCTETS:]
    quoted_octets = octets[5] * 4 if family == IPV4 else octets[4] * 8
    mpls = extensions.labels(quoted, quoted_octets, extensions.ORIGINAL_OCTETS)
    destination, protocol, probe = _quoted_packet(quoted[: quoted_octets or None], family)
    if protocol != NUMBERS[family].protocol:
        raise WireError("quote", f"read an ICMP error: it quotes IP protocol {protocol}")
    return quote(octets[0], octets[1], destination, probe, mpls=mpls)


def _quoted_packet(packet: bytes, family: Family) -> tuple[str, int, bytes]:
    """Return destination, protocol and content of a packet of our own, as an error quotes it."""
    if family == IPV4:
        header_octets = _ipv4_header_octets(packet, "quote")
        return dotted(packet[16:20]), packet[9], packet[header_octets:]
    if len(packet) < IP_OCTETS[6]:
        raise WireError("truncated", f"read an IPv6 header: it has {len(packet)} octets of 40")
    if packet[0] >> 4 != family:
        raise WireError("quote", f"read an IPv6 header: its first octet is {packet[0]:#04x}")
    return written(packet[24:40]), packet[6], packet[IP_OCTETS[6] :]


def quote(
    kind: int, code: int, destination: str, octets: bytes, *, mpls: tuple[StackEntry, ...] = ()
) -> Message:
    """Read what an error quotes of our probe, from its ICMP header on.

    Raises:
        WireError: reason `truncated` or `quote` (it is not an echo request).
    """
    if len(octets) < HEADER_OCTETS:
        raise WireError("truncated", f"read a quoted probe: it has {len(octets)} octets of 8")
    inner, _, _, identifier, sequence = _HEADER.unpack_from(octets)
    if inner not in _REQUESTS:
        raise WireError("quote", f"read a quoted probe: its ICMP type is {inner}, no echo request")
    return Message(
        type=kind,
        code=code,
        identifier=identifier,
        sequence=sequence,
        payload=octets[HEADER_OCTETS:],
        destination=destination,
        mpls=mpls,
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
    if len(packet) < IP_OCTETS[4]:
        raise WireError("truncated", f"read an IPv4 header: it has {len(packet)} octets of 20")
    header_octets = (packet[0] & 0x0F) * 4
    if packet[0] >> 4 != IPV4 or header_octets < IP_OCTETS[4]:
        raise WireError(reason, f"read an IPv4 header: its first octet is {packet[0]:#04x}")
    if len(packet) < header_octets:
        raise WireError("truncated", "read an IPv4 header: its options are missing")
    return header_octets


def dotted(address: bytes) -> str:
    """Write four octets as a dotted IPv4 address."""
    return ".".join(map(str, address))


def written(address: bytes) -> str:
    """Write four octets as an IPv4 address, sixteen as an IPv6 address."""
    return dotted(address) if len(address) == 4 else str(IPv6Address(address))  # noqa: PLR2004


def outcome_of(kind: int, code: int, family: Family = 4) -> Outcome | None:
    """Say what an answer means for a probe; None where it is no answer to one."""
    numbers = NUMBERS[family]
    if kind == numbers.unreachable:
        administrative = code in numbers.administrative
        return Outcome.PROHIBITED if administrative else Outcome.UNREACHABLE
    return {numbers.reply: Outcome.REPLY, numbers.exceeded: Outcome.TTL_EXCEEDED}.get(kind)
