"""Decider: one packet of an agent in, the packets that come of it out, each with its time.

| the packet ...                         | what happens                                            |
| -------------------------------------- | ------------------------------------------------------- |
| is damaged or not from the agent       | dropped, counted                                        |
| is multicast or broadcast              | dropped, counted                                        |
| runs out of TTL at a router            | TTL exceeded with the quoted packet (RFC 792, RFC 1812) |
| has no route                           | net unreachable from the site's gateway                 |
| is lost on a leg                       | dropped, counted                                        |
| reaches an agent                       | delivered to its port                                   |
| reaches a router or a target: an echo  | echo reply                                              |
| reaches the resolver: UDP to port 53   | the resolver's answer                                   |
| reaches one of them with anything else | dropped, counted                                        |

Rules
- A packet crosses the network as it stands when the packet enters: a link that changes while a
  packet is in the air changes the next packet's way.
- Every node a packet leaves takes one from its TTL, on the way back too: replies start with 255
  at a router and 64 at a host.
- Chance comes as an argument, so that a scenario's seed decides alone.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from deploy.lab import icmp, packets, transport
from deploy.lab.errors import PacketError
from deploy.lab.icmp import IcmpError
from deploy.lab.packets import Header
from deploy.lab.topology import Kind, Leg, Route, Topology

ROUTER_TTL = 255
HOST_TTL = 64
DNS_PORT = 53
_FIRST_MULTICAST_OCTET = 224


class Departure(NamedTuple):
    """A packet to hand to the agent at `port` when `deadline_ns` has come."""

    deadline_ns: int
    port: str
    packet: bytes


class Forwarding:
    """Every router and host of a scenario at once."""

    def __init__(
        self,
        topology: Topology,
        ports: dict[bytes, str],
        chance: Callable[[], float],
        answer: Callable[[bytes], bytes | None],
    ) -> None:
        """Forward over `topology` between `ports` (agent address to agent name).

        `chance` gives numbers in [0, 1); `answer` turns a DNS query into its answer, or None.
        """
        self.counts: Counter[str] = Counter()
        self._topology = topology
        self._ports = ports
        self._chance = chance
        self._answer = answer

    def accept(self, port: str, packet: bytes, now_ns: int) -> list[Departure]:
        """Take a packet that the agent at `port` sent at `now_ns`; return what comes of it."""
        self.counts["packets"] += 1
        try:
            header = packets.parse(packet)
        except PacketError:
            return self._drop("damaged")
        if header.source != self._topology.address_of(port):
            return self._drop("foreign source")
        if header.destination[0] >= _FIRST_MULTICAST_OCTET or header.ttl == 0:
            return self._drop("not unicast")
        return self._carry(port, packet[: header.total_octets], header, now_ns)

    def _carry(self, port: str, packet: bytes, header: Header, now_ns: int) -> list[Departure]:
        route = self._topology.route(port, header.destination)
        if route is None:
            gateway = (self._topology.gateway_leg(port),)
            if header.ttl == 1:
                return self._exceeded(port, packet, gateway, now_ns)
            return self._unreachable(port, packet, gateway, now_ns)
        if header.ttl < len(route):
            return self._exceeded(port, packet, route[: header.ttl], now_ns)
        return self._deliver(port, packet, header, route, now_ns)

    def _exceeded(self, port: str, packet: bytes, way: Route, now_ns: int) -> list[Departure]:
        seen = packets.with_ttl(packet, 1)
        return self._error(port, seen, way, now_ns, IcmpError.TTL_EXCEEDED)

    def _unreachable(self, port: str, packet: bytes, way: Route, now_ns: int) -> list[Departure]:
        return self._error(port, packet, way, now_ns, IcmpError.NO_ROUTE)

    def _error(
        self, port: str, packet: bytes, way: Route, now_ns: int, what: IcmpError
    ) -> list[Departure]:
        if not icmp.may_provoke_error(packet, packets.parse(packet)):
            return self._drop("error about an error")
        ttl = ROUTER_TTL - (len(way) - 1)
        reply = icmp.icmp_error(what, way[-1].address, packet, ttl)
        return self._there_and_back(port, reply, way, now_ns)

    def _deliver(
        self, port: str, packet: bytes, header: Header, route: Route, now_ns: int
    ) -> list[Departure]:
        end = route[-1]
        if end.kind is Kind.AGENT:
            arrived = packets.with_ttl(packet, header.ttl - (len(route) - 1))
            delay_ns = self._cross(route)
            if delay_ns is None:
                return self._drop("lost")
            return [Departure(now_ns + delay_ns, self._ports[end.address], arrived)]
        reply = self._reply(packet, header, end, len(route) - 1)
        if reply is None:
            return self._drop("unanswered")
        return self._there_and_back(port, reply, route, now_ns)

    def _reply(self, packet: bytes, header: Header, end: Leg, crossed: int) -> bytes | None:
        if header.is_fragment:
            return None
        if icmp.is_echo_request(packet, header):
            first_ttl = ROUTER_TTL if end.kind is Kind.ROUTER else HOST_TTL
            return icmp.echo_reply(packet, header, first_ttl - crossed)
        if end.kind is Kind.RESOLVER and header.protocol == packets.UDP:
            return self._resolve(packet, header, HOST_TTL - crossed)
        return None

    def _resolve(self, packet: bytes, header: Header, ttl: int) -> bytes | None:
        try:
            query = transport.datagram(packet, header)
        except PacketError:
            return None
        answer = self._answer(query.data) if query.destination_port == DNS_PORT else None
        if answer is None:
            return None
        words = transport.Datagram(DNS_PORT, query.source_port, answer)
        return transport.udp(header.destination, header.source, ttl, words)

    def _there_and_back(self, port: str, reply: bytes, way: Route, now_ns: int) -> list[Departure]:
        out_ns, back_ns = self._cross(way), self._cross(way)
        if out_ns is None or back_ns is None:
            return self._drop("lost")
        return [Departure(now_ns + out_ns + back_ns, port, reply)]

    def _cross(self, way: Route) -> int | None:
        """Return how long one crossing of `way` takes in nanoseconds, None where it is lost."""
        total_ns = 0
        for leg in way:
            if leg.loss_ratio and self._chance() < leg.loss_ratio:
                return None
            total_ns += leg.delay_ns
            if leg.jitter_ns:
                total_ns += int(leg.jitter_ns * self._chance())
        return total_ns

    def _drop(self, why: str) -> list[Departure]:
        self.counts[why] += 1
        return []
