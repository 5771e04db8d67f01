"""Decider: what the end of a way answers to a packet that reached it.

| the packet is ...                  | router, gateway  | target              | resolver         |
| ---------------------------------- | ---------------- | ------------------- | ---------------- |
| an echo request                    | echo reply       | echo reply          | echo reply       |
| UDP to a port that is served       |                  | to the real servers | answer by DNS    |
| UDP to another port                | port unreachable | that, or silence    | port unreachable |
| TCP where something is served      |                  | to the real servers | to the servers   |
| TCP where nothing is               | reset            | reset               | reset            |
| anything else, or damaged          | nothing          | nothing             | nothing          |

Rules
- What comes here is whole: pieces have been put together (`fragments.py`).
- Answers leave with a TTL of 255 at a router and of 64 at a host; the way back wears it down.
"""

import enum
from collections.abc import Callable
from typing import NamedTuple

from deploy.lab import icmp, packets, transport
from deploy.lab.errors import PacketError
from deploy.lab.icmp import IcmpError
from deploy.lab.packets import Header
from deploy.lab.routes import Kind, Leg
from deploy.lab.wiring import Host

ROUTER_TTL = 255
HOST_TTL = 64
DNS_PORT = 53
_ROUTERS = frozenset({Kind.ROUTER, Kind.GATEWAY})


class Nature(enum.Enum):
    """What kind of thing came of a packet."""

    ANSWER = "answer"
    ERROR = "error"
    HANDED_ON = "handed on"


class Outcome(NamedTuple):
    """What comes of a packet at the end of its way: a packet with a fresh TTL."""

    nature: Nature
    packet: bytes


class Hosts:
    """Everything that answers in a scenario, except the agents and the real servers."""

    def __init__(self, answer: Callable[[bytes], bytes | None], *, servers: bool) -> None:
        """Answer DNS queries by `answer`; `servers` says whether real servers are there."""
        self._answer = answer
        self._servers = servers

    def meet(self, packet: bytes, header: Header, end: Leg, host: Host | None) -> Outcome | None:
        """Return what `end` makes of `packet`, None where it stays silent.

        `host` is what stands at the end, None for routers and gateways.
        """
        ttl = ROUTER_TTL if end.kind in _ROUTERS else HOST_TTL
        if header.protocol == packets.UDP:
            return self._meet_datagram(packet, header, ttl, host)
        if header.protocol == packets.TCP:
            return self._meet_segment(packet, header, ttl, host)
        if icmp.is_echo_request(packet, header):
            return Outcome(Nature.ANSWER, icmp.echo_reply(packet, header, ttl))
        return None

    def _meet_datagram(
        self, packet: bytes, header: Header, ttl: int, host: Host | None
    ) -> Outcome | None:
        try:
            words = transport.datagram(packet, header)
        except PacketError:
            return None
        if host is not None and words.destination_port == DNS_PORT:
            if host.kind is Kind.RESOLVER:
                return self._resolve(words, header, ttl)
            if "dns" in host.serves and self._servers:
                return Outcome(Nature.HANDED_ON, packet)
        if host is not None and host.is_silent_to_udp:
            return None
        return Outcome(
            Nature.ERROR,
            icmp.icmp_error(IcmpError.PORT_UNREACHABLE, header.destination, packet, ttl),
        )

    def _meet_segment(
        self, packet: bytes, header: Header, ttl: int, host: Host | None
    ) -> Outcome | None:
        if host is not None and host.serves and self._servers:
            return Outcome(Nature.HANDED_ON, packet)
        try:
            reset = transport.reset(packet, header, ttl)
        except PacketError:
            return None
        return None if reset is None else Outcome(Nature.ANSWER, reset)

    def _resolve(self, query: transport.Datagram, header: Header, ttl: int) -> Outcome | None:
        answer = self._answer(query.data)
        if answer is None:
            return None
        words = transport.Datagram(DNS_PORT, query.source_port, answer)
        reply = transport.udp(header.destination, header.source, ttl, words)
        return Outcome(Nature.ANSWER, reply)
