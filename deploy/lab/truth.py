"""Decider: what a scenario makes true of its paths, for tests: what an honest tool must see.

Borne itself never reads this; a test compares it with what Borne found.
"""

import itertools
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from deploy.lab.packets import ICMP, ICMPV6, IPV4_ADDRESS_OCTETS
from deploy.lab.routes import Leg, Stop, Way
from deploy.lab.topology import Topology
from deploy.lab.wiring import ns
from deploy.lab.world import NS_PER_MS, Scenario

_ICMP_OF = {4: ICMP, 16: ICMPV6}
_LOMAX_MEDIAN = 0.25 * (2 ** (1 / 1.5) - 1)
_EVEN_MEDIAN = 0.5


class Hop(NamedTuple):
    """One hop as a traceroute must show it; the RTT is the middle over the jitter.

    `labels` is the stack that its error names, the outermost first; a `silent` hop shows nothing
    of all this.
    """

    address: str
    name: str | None
    country: str
    rtt_ms: float
    labels: tuple[int, ...] = ()
    silent: bool = False


class Multipath(NamedTuple):
    """All flows of one pair together: addresses by TTL, and which follows which."""

    hops: tuple[frozenset[str], ...]
    links: frozenset[tuple[str, str]]


def icmp_flow(source: str, destination: str, checksum: int = 0) -> bytes:
    """Return the flow key of echo requests whose ICMP checksum is `checksum`."""
    return _flow(source, destination, None, checksum.to_bytes(2, "big"))


def port_flow(source: str, destination: str, protocol: int, ports: tuple[int, int]) -> bytes:
    """Return the flow key of UDP or TCP; `ports` are those of source and destination."""
    return _flow(source, destination, protocol, b"".join(port.to_bytes(2, "big") for port in ports))


def _flow(source: str, destination: str, protocol: int | None, rest: bytes) -> bytes:
    ends = ip_address(source).packed + ip_address(destination).packed
    number = _ICMP_OF[len(ends) // 2] if protocol is None else protocol
    return ends + bytes((number,)) + rest


def topology_at(scenario: Scenario, at_s: float) -> Topology:
    """Return the network as it stands at a time of the story."""
    topology = Topology(scenario)
    for event in scenario.events:
        if event.at_s <= at_s:
            topology.play(event)
    return topology


def expected_hops(
    scenario: Scenario, agent: str, destination: str, at_s: float = 0.0, flow: bytes | None = None
) -> list[Hop]:
    """List the hops of a flow from `agent` to an address, the destination last, at a time.

    An empty list where nothing leads there. Without `flow` it is that of `icmp_flow`.
    """
    return hops_in(topology_at(scenario, at_s), scenario, agent, destination, flow)


def hops_in(
    topology: Topology, scenario: Scenario, agent: str, destination: str, flow: bytes | None = None
) -> list[Hop]:
    """List the hops of a flow as `expected_hops` does, in a network that is known already."""
    end = ip_address(destination).packed
    source = _source(scenario, agent, len(end))
    way = topology.way(f"a:{agent}", end, flow or icmp_flow(source, destination))
    if way is None:
        return []
    known, names = countries(scenario), scenario.host_names()
    return [
        _hop(topology, way, stop, ip_address(source).packed, known, names) for stop in way.stops
    ]


def _hop(
    topology: Topology,
    way: Way,
    stop: Stop,
    source: bytes,
    countries: dict[str, str],
    names: dict[str, str],
) -> Hop:
    leg = way.legs[stop.leg]
    is_end = stop is way.stops[-1]
    address = leg.address if is_end else topology.error_address(leg)
    turn = way.legs[stop.turns_at].node
    back = topology.way(turn, source, address + source + bytes((_ICMP_OF[len(source)],)))
    back_ns = 0.0 if back is None else _one_way_ns(back, len(back.legs) - 1)
    rtt_ns = _one_way_ns(way, stop.turns_at) + _slow_ns(topology, leg) + back_ns
    text = str(ip_address(address))
    labels = tuple(label for label, _, _ in stop.labels)
    return Hop(
        text,
        names.get(text),
        countries[text],
        rtt_ns / NS_PER_MS,
        labels,
        silent=back is None or not _answers(topology, leg),
    )


def _answers(topology: Topology, leg: Leg) -> bool:
    host = topology.host(leg.address)
    return topology.answers(leg.node if host is None else host.name)


def _one_way_ns(way: Way, last: int) -> float:
    """Return the time to the end of leg `last`, with the middle of every jitter."""
    middles = (
        leg.jitter_ns * (_LOMAX_MEDIAN if leg.heavy else _EVEN_MEDIAN)
        for leg in way.legs[: last + 1]
    )
    return way.delays_ns[last] + sum(middles)


def _slow_ns(topology: Topology, leg: Leg) -> float:
    router = topology.router(leg.node)
    return 0.0 if router is None else ns(router.slow_ms + router.slow_jitter_ms / 2)


def multipath(scenario: Scenario, agent: str, destination: str, at_s: float = 0.0) -> Multipath:
    """Return what all flows together show: every hop that some flow meets, and every link.

    Links join what stands at one TTL and the next; addresses are those of the routers' errors.
    """
    topology = topology_at(scenario, at_s)
    ways = all_ways(topology, f"a:{agent}", ip_address(destination).packed)
    shown = [[_shown(topology, way, stop) for stop in way.stops] for way in ways]
    depth = max((len(hops) for hops in shown), default=0)
    by_ttl = (frozenset(hops[ttl] for hops in shown if ttl < len(hops)) for ttl in range(depth))
    links = {pair for hops in shown for pair in itertools.pairwise(hops)}
    return Multipath(tuple(by_ttl), frozenset(links))


def _shown(topology: Topology, way: Way, stop: Stop) -> str:
    leg = way.legs[stop.leg]
    is_end = stop is way.stops[-1]
    return str(ip_address(leg.address if is_end else topology.error_address(leg)))


def all_ways(topology: Topology, start: str, destination: bytes) -> Iterator[Way]:
    """Yield every least way, each once."""
    router, ahead = topology.equals(start, destination)
    unfinished = [[router]] if router in ahead else []
    while unfinished:
        path = unfinished.pop()
        equals = ahead[path[-1]]
        if not equals:
            found = topology.way_along(start, path, destination)
            if found is not None:
                yield found
        unfinished += [[*path, one] for one in equals]


def crossings(scenario: Scenario, agent: str, destination: str) -> list[tuple[float, set[str]]]:
    """List the moments at which the countries of a path change, in seconds, and the countries."""
    found: list[tuple[float, set[str]]] = []
    for at_s in (0.0, *(event.at_s for event in scenario.events)):
        countries = {hop.country for hop in expected_hops(scenario, agent, destination, at_s)}
        if not found or found[-1][1] != countries:
            found.append((at_s, countries))
    return found


def _source(scenario: Scenario, agent: str, octets: int) -> str:
    row = scenario.agent(agent)
    return row.address if octets == IPV4_ADDRESS_OCTETS else str(row.address6)


def countries(scenario: Scenario) -> dict[str, str]:
    """Give the country of every address; a gateway stands where its agent does."""
    rows: list[tuple[str | None, str]] = []
    for router in scenario.routers:
        own = (router.address, router.address6, router.replies_from, router.replies_from6)
        rows += [(address, router.city) for address in own]
    for target in scenario.targets:
        rows += [(address, target.place) for address in (target.address, target.address6)]
    for agent in scenario.agents:
        sites = (agent.address, agent.address6, agent.gateway_address, agent.gateway_address6)
        rows += [(address, agent.city) for address in sites]
    place = scenario.router(scenario.resolver.router).city
    rows += [(scenario.resolver.address, place), (scenario.resolver.address6, place)]
    return {address: scenario.city(city).country for address, city in rows if address is not None}
