"""Bytes: the datagrams of a UDP traceroute, and what errors quote of them.

    0               2                               10
    +---------------+-------------------------------+
    | sequence      | token, 8 octets               |    the payload; kernels write the headers
    +---------------+-------------------------------+
    | text ...                                      |
    +-----------------------------------------------+

Rules
- A flow is one source port (one socket) and one destination port: no probe differs from another
  of its flow in what routers hash (Paris traceroute; Augustin et al., IMC 2006).
- An error queue shows a quoted datagram from its payload on. Where a router quotes 8 octets, as
  RFC 792 asks, none of it is left: the message then has no sequence.
"""

import struct
from typing import Literal

import msgspec

from agent import extensions
from agent.errors import WireError
from agent.icmp import HEADER_OCTETS, IP_OCTETS, NUMBERS, TEXT
from agent.ports import Message, Notice
from agent.records import Family

DESTINATION_PORT = 33434
"""The first port of traceroute, on which nothing is expected to listen."""

_SEQUENCE = struct.Struct("!H")


class UdpDialect(msgspec.Struct, frozen=True, kw_only=True):
    """How the datagrams of one socket are written and the errors about them read."""

    family: Family
    token: bytes
    identifier: Literal[0] = 0
    """A datagram has none: its socket tells whose it is."""
    text: bytes = TEXT

    def request(self, sequence: int, _flow: int) -> bytes:
        """Build the payload of one probe; its flow is that of the socket."""
        return _SEQUENCE.pack(sequence) + self.token + self.text

    def label(self, _flow: int) -> Literal[0]:
        """Leave the flow label to the kernel: each flow is a socket, and has its own."""
        return 0

    def answer(self, octets: bytes) -> Message:
        """Refuse what the socket received: a service's answer does not say to which probe.

        Raises:
            WireError: reason `reply`, always.
        """
        raise WireError("reply", f"read a datagram of {len(octets)} octets: it names no probe")

    def notice(self, notice: Notice) -> Message | None:
        """Read an error about a datagram; None where it answers no probe."""
        numbers = NUMBERS[self.family]
        if notice.type not in {numbers.unreachable, numbers.exceeded}:
            return None
        implied = extensions.ORIGINAL_OCTETS - IP_OCTETS[self.family] - HEADER_OCTETS
        quoted = notice.quote[: notice.extension_at or None]
        named = len(quoted) >= _SEQUENCE.size
        return Message(
            type=notice.type,
            code=notice.code,
            identifier=self.identifier,
            sequence=_SEQUENCE.unpack_from(quoted)[0] if named else None,
            payload=quoted[_SEQUENCE.size :],
            destination=notice.destination,
            mpls=extensions.labels(notice.quote, notice.extension_at, implied),
        )
