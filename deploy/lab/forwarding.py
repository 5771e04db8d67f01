"""Decider: one packet in, the packets that come of it out, each with its time.

| the packet ...                        | what happens                                             |
| ------------------------------------- | -------------------------------------------------------- |
| is damaged, not unicast, not its own  | dropped, counted                                         |
| has no route                          | no route, from the site's gateway                        |
| runs out of TTL at a router           | TTL exceeded, with the labels it arrived with (RFC 4950) |
| is larger than a link, may not be cut | fragmentation needed or packet too big, with the MTU     |
| is larger than a link, may be cut     | arrives in pieces that fit (`fragments.py`)              |
| is a piece for a router or a host     | put together there, and met when it is complete          |
| is lost on a leg                      | dropped, counted                                         |
| reaches an agent, or a real server    | handed on to its port                                    |
| reaches a router or another host      | what `hosts.py` says                                     |

Rules
- A packet crosses the network as it stands when the packet enters: a link that changes while a
  packet is in the air changes the next packet's way.
- Each stop of a way takes one from the TTL, on the way back too: an answer may run out of it.
- An answer is a flow of its own and finds its own way back; errors are hashed by addresses. One
  that is too large for its way comes in pieces: who answers knows what fits.
- A router that is silent, or whose limit is reached, forwards as before and answers nothing. Its
  own answers take its slow path; what it forwards does not.
- Chance comes as an argument, so that a scenario's seed decides alone.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from deploy.lab import icmp, packets, transport
from deploy.lab.errors import PacketError
from deploy.lab.fragments import Fragments, cut
from deploy.lab.hosts import ROUTER_TTL, Hosts, Nature, Outcome
from deploy.lab.icmp import IcmpError
from deploy.lab.limits import Limits
from deploy.lab.packets import Header
from deploy.lab.routes import Kind, Leg, Stop, Way
from deploy.lab.topology import Topology
from deploy.lab.wiring import ns
from deploy.lab.world import SERVERS, Router

_FIRST_MULTICAST_OCTET = {4: 224, 6: 255}
_DEVICE_MTU = 1500
"""That of the device at every port."""
_TAIL_SHAPE = -1 / 1.5
_TAIL_SCALE = 0.25
_TAIL_LONGEST = 50.0


class Departure(NamedTuple):
    """A packet to hand on at `port` when `deadline_ns` has come."""

    deadline_ns: int
    port: str
    packet: bytes


class _Flight(NamedTuple):
    """A packet under way: where it entered, and when."""

    packet: bytes
    header: Header
    way: Way
    now_ns: int


class Forwarding:
    """Every router and host of a scenario at once."""

    def __init__(self, topology: Topology, hosts: Hosts, chance: Callable[[], float]) -> None:
        """Forward over `topology` to `hosts`; `chance` gives numbers in [0, 1).

        The ports are called as the agents are, and `SERVERS`.
        """
        self.counts: Counter[str] = Counter()
        self._topology = topology
        self._hosts = hosts
        self._chance = chance
        self._limits = Limits()
        self._fragments = Fragments()
        self._identification = 0

    def accept(self, port: str, packet: bytes, now_ns: int) -> list[Departure]:
        """Take a packet that entered at `port` at `now_ns`; return what comes of it."""
        self.counts["packets"] += 1
        try:
            header = packets.parse(packet)
        except PacketError:
            return self._drop("damaged")
        if header.destination[0] >= _FIRST_MULTICAST_OCTET[header.version] or header.ttl == 0:
            return self._drop("not unicast")
        start = self._start(port, packet, header)
        if start is None:
            return self._drop("foreign source")
        if len(packet) > header.total_octets:
            packet = packet[: header.total_octets]
        flow = transport.flow_key(packet, header, icmp="checksum")
        way = self._topology.way(start, header.destination, flow)
        if way is None:
            return self._lost_at_gateway(port, packet, header, now_ns)
        return self._carry(_Flight(packet, header, way, now_ns))

    def _start(self, port: str, packet: bytes, header: Header) -> str | None:
        """Return the node that a packet comes from, None where it lies about that."""
        if port != SERVERS:
            return f"a:{port}" if self._topology.owns(port, header.source) else None
        host, client = (self._topology.host(end) for end in (header.source, header.destination))
        if host is None or client is None or not host.serves or client.kind is not Kind.AGENT:
            return None
        return self._topology.standing(f"a:{client.name}", header.source, _reversed(packet, header))

    def _carry(self, flight: _Flight) -> list[Departure]:
        header, way = flight.header, flight.way
        expires = header.ttl < len(way.stops)
        stop = way.stops[header.ttl - 1] if expires else way.stops[-1]
        if header.total_octets > way.mtu and not header.may_be_cut:
            narrow = next(i for i, leg in enumerate(way.legs) if leg.mtu < header.total_octets)
            if narrow <= stop.leg:
                return self._too_big(flight, narrow)
        if expires:
            seen = packets.with_ttl(flight.packet, stop.ttl)
            return self._error(flight._replace(packet=seen), stop, IcmpError.TTL_EXCEEDED)
        return self._deliver(flight)

    def _too_big(self, flight: _Flight, narrow: int) -> list[Departure]:
        """Answer a packet that does not fit into leg `narrow`, from the router before it."""
        before = narrow - 1
        mtu = flight.way.legs[narrow].mtu
        spent = sum(stop.leg < before for stop in flight.way.stops)
        seen = packets.with_ttl(flight.packet, flight.header.ttl - spent)
        stop = Stop(before, (), flight.header.ttl - spent, before)
        return self._error(flight._replace(packet=seen), stop, IcmpError.TOO_BIG, mtu)

    def _lost_at_gateway(
        self, port: str, packet: bytes, header: Header, now_ns: int
    ) -> list[Departure]:
        """Answer a packet that nothing leads anywhere; servers have no gateway that would."""
        way = None if port == SERVERS else self._topology.way_to_gateway(port, header.version)
        if way is None:
            return self._drop("no route")
        what = IcmpError.TTL_EXCEEDED if header.ttl == 1 else IcmpError.NO_ROUTE
        return self._error(_Flight(packet, header, way, now_ns), way.stops[0], what)

    def _error(self, flight: _Flight, stop: Stop, what: IcmpError, mtu: int = 0) -> list[Departure]:
        """Send the error of the router at `stop` back to whoever sent the packet."""
        legs, source = flight.way.legs, flight.header.source
        if not icmp.may_provoke_error(flight.packet, flight.header):
            return self._drop("error about an error")
        there_ns = self._cross(flight.way, stop.turns_at)
        if there_ns is None:
            return self._drop("lost")
        leg = legs[stop.leg]
        router = self._topology.router(leg.node)
        refusal = self._refusal(router, leg.node, source, flight.now_ns + there_ns, what)
        if refusal is not None:
            return self._drop(refusal)
        own = self._topology.error_address(leg)
        ttl = ROUTER_TTL - (stop.turns_at - stop.leg)
        reply = icmp.icmp_error(what, own, flight.packet, ttl, labels=stop.labels, mtu=mtu)
        return self._return(flight, reply, legs[stop.turns_at], router, there_ns)

    def _refusal(
        self, router: Router | None, node: str, to: bytes, at_ns: int, what: IcmpError
    ) -> str | None:
        """Return why a router sends no error, None where it does."""
        if router is None:
            return None
        if not self._topology.answers(node):
            return "silent"
        if what is not IcmpError.TOO_BIG and not self._limits.allow(router, to, at_ns):
            return "limited"
        return None

    def _deliver(self, flight: _Flight) -> list[Departure]:
        way, header = flight.way, flight.header
        end = way.legs[-1]
        if end.kind is Kind.AGENT:
            return self._hand_on(flight, end.node[2:])
        host, router = self._topology.host(end.address), self._topology.router(end.node)
        name = end.node if host is None else host.name
        if not self._topology.answers(name):
            return self._drop("silent")
        if header.is_fragment:
            whole = self._fragments.add(flight.packet, header, flight.now_ns)
            if whole is None:
                return self._drop("incomplete")
            header = packets.parse(whole)
            flight = flight._replace(packet=whole, header=header)
        arrived = packets.with_ttl(flight.packet, header.ttl - way.spent)
        outcome = self._hosts.meet(arrived, header, end, host)
        if outcome is None:
            return self._drop("unanswered")
        if outcome.nature is Nature.HANDED_ON:
            return self._hand_on(flight, SERVERS)
        there_ns = self._cross(way, len(way.legs) - 1)
        if there_ns is None:
            return self._drop("lost")
        if self._is_limited(outcome, router, header.source, flight.now_ns + there_ns):
            return self._drop("limited")
        return self._return(flight, outcome.packet, end, router, there_ns)

    def _is_limited(self, outcome: Outcome, router: Router | None, to: bytes, at_ns: int) -> bool:
        if outcome.nature is not Nature.ERROR or router is None:
            return False
        return not self._limits.allow(router, to, at_ns)

    def _hand_on(self, flight: _Flight, port: str) -> list[Departure]:
        way = flight.way
        delay_ns = self._cross(way, len(way.legs) - 1)
        if delay_ns is None:
            return self._drop("lost")
        arrived = packets.with_ttl(flight.packet, flight.header.ttl - way.spent)
        return self._depart(flight.now_ns + delay_ns, port, arrived, way)

    def _depart(self, at_ns: int, port: str, packet: bytes, way: Way) -> list[Departure]:
        """Hand on a packet, in pieces where it does not fit into the narrowest link."""
        mtu = min(way.mtu, _DEVICE_MTU)
        if len(packet) <= mtu:
            return [Departure(at_ns, port, packet)]
        self._identification += 1
        pieces = cut(packet, packets.parse(packet), mtu, self._identification)
        return [Departure(at_ns, port, piece) for piece in pieces]

    def _return(
        self, flight: _Flight, reply: bytes, turn: Leg, router: Router | None, there_ns: int
    ) -> list[Departure]:
        """Send what the node at `turn` answers to the sender, by the way back of its own flow."""
        header = flight.header
        way = self._topology.way(turn.node, header.source, _own_key(reply, header.version))
        if way is None:
            return self._drop("no way back")
        first_ttl = reply[8] if header.version == packets.FOUR else reply[7]
        if first_ttl < len(way.stops):
            return self._drop("expired on the way back")
        back_ns = self._cross(way, len(way.legs) - 1)
        if back_ns is None:
            return self._drop("lost")
        worn = packets.with_ttl(reply, first_ttl - way.spent)
        slow_ns = 0 if router is None else self._slow_ns(router)
        port = self._topology.port_of(header.source)
        at_ns = flight.now_ns + there_ns + slow_ns + back_ns
        return self._depart(at_ns, port or SERVERS, worn, way)

    def _slow_ns(self, router: Router) -> int:
        slow_ms = router.slow_ms
        if router.slow_jitter_ms:
            slow_ms += router.slow_jitter_ms * self._chance()
        return ns(slow_ms) if slow_ms else 0

    def _cross(self, way: Way, last: int) -> int | None:
        """Return how long the legs up to `last` take in nanoseconds, None where one loses it."""
        total_ns = way.delays_ns[last]
        for index in way.risks:
            if index > last:
                break
            leg = way.legs[index]
            if leg.loss_ratio and self._chance() < leg.loss_ratio:
                return None
            if leg.jitter_ns:
                total_ns += int(leg.jitter_ns * self._share(heavy=leg.heavy))
        return total_ns

    def _share(self, *, heavy: bool) -> float:
        """Return which share of its jitter a crossing takes: evenly, or as Lomax with shape 1.5."""
        chance = self._chance()
        if not heavy:
            return chance
        return min(_TAIL_LONGEST, _TAIL_SCALE * (math.pow(1 - chance, _TAIL_SHAPE) - 1))

    def _drop(self, why: str) -> list[Departure]:
        self.counts[why] += 1
        return []


def _own_key(packet: bytes, version: int) -> bytes:
    """Return the flow key of a packet that the box made itself, without a look at its header.

    An error has no flow but its addresses: its checksum depends on what it quotes.
    """
    if version == packets.FOUR:
        start, key = packets.IPV4_OCTETS, packet[12:20] + packet[9:10]
    else:
        start, key = packets.IPV6_OCTETS, packet[8:40] + packet[6:7]
    if key[-1] in {packets.UDP, packets.TCP}:
        return key + packet[start : start + 4]
    if packet[start] in {icmp.ECHO_REPLY, icmp.ECHO_REPLY_6}:
        return key + packet[start + 2 : start + 4]
    return key


def _reversed(packet: bytes, header: Header) -> bytes:
    """Return the flow key of the packets that this one answers."""
    key = header.destination + header.source + bytes((header.protocol,))
    ports = packet[header.octets : header.octets + 4]
    return key + ports[2:] + ports[:2]
