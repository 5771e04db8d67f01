"""Decider: which nodes a packet crosses, by least delay over the links that are up.

Rules
- A route from A to B is the reverse of the route from B to A; equal delays are settled by the
  ids of the routers, so that a scenario has one answer.
- Hosts carry no transit. A site's gateway is a node of its own between the host and its router;
  its private address leads only from that site.
- Routes are kept until a link changes.
"""

import enum
import heapq
from ipaddress import IPv4Address
from itertools import pairwise
from typing import NamedTuple

from deploy.lab.world import NS_PER_MS, Agent, Scenario


class Kind(enum.Enum):
    """What stands at the end of a leg."""

    ROUTER = "router"
    TARGET = "target"
    RESOLVER = "resolver"
    AGENT = "agent"


class Leg(NamedTuple):
    """One step of a route: the node it reaches and what the way there does to a packet."""

    address: bytes
    kind: Kind
    delay_ns: int
    loss_ratio: float = 0.0
    jitter_ns: int = 0


class _Edge(NamedTuple):
    delay_ns: int
    loss_ratio: float
    jitter_ns: int


class _Host(NamedTuple):
    """Something that hangs on a router: the legs from that router down to it."""

    router: str
    legs: tuple[Leg, ...]


Route = tuple[Leg, ...]


class Topology:
    """The routers, links and hosts of a scenario, as they stand at one moment."""

    def __init__(self, scenario: Scenario) -> None:
        """Take the network of `scenario` with every link up."""
        self._address = {
            row.id: _packed(row.address) for row in scenario.routers if row.address is not None
        }
        self._edges = _edges(scenario)
        self._hosts = _hosts(scenario)
        self._agents = {agent.name: _packed(agent.address) for agent in scenario.agents}
        self._gateways = {agent.name: _packed(agent.gateway_address) for agent in scenario.agents}
        self._down: set[frozenset[str]] = set()
        self._routes: dict[tuple[str, bytes], Route | None] = {}

    def set_link(self, link: tuple[str, str], *, up: bool) -> None:
        """Bring a link up or down; every route is found anew afterwards."""
        (self._down.discard if up else self._down.add)(frozenset(link))
        self._routes.clear()

    def address_of(self, agent: str) -> bytes:
        """Return the four octets of the address of `agent`."""
        return self._agents[agent]

    def gateway_leg(self, agent: str) -> Leg:
        """Return the leg from `agent` to the gateway of its site."""
        host = self._hosts[self._agents[agent]]
        return host.legs[0]._replace(delay_ns=host.legs[-1].delay_ns)

    def route(self, agent: str, destination: bytes) -> Route | None:
        """Return the legs from `agent` to an address, or None where nothing leads there."""
        key = (agent, destination)
        if key not in self._routes:
            self._routes[key] = self._find(agent, destination)
        return self._routes[key]

    def _find(self, agent: str, destination: bytes) -> Route | None:
        gateway = self.gateway_leg(agent)
        if destination == self._gateways[agent]:
            return (gateway,)
        end = self._hosts.get(destination)
        if end is None:
            return self._through(agent, gateway, self._router_at(destination), ())
        return self._through(agent, gateway, end.router, end.legs)

    def _through(
        self, agent: str, gateway: Leg, last: str | None, tail: tuple[Leg, ...]
    ) -> Route | None:
        site = self._hosts[self._agents[agent]]
        path = self._least(site.router, last) if last is not None else None
        if path is None:
            return None
        first = Leg(self._address[path[0]], Kind.ROUTER, site.legs[0].delay_ns)
        middle = [self._leg(*pair) for pair in pairwise(path)]
        return (gateway, first, *middle, *tail)

    def _leg(self, before: str, after: str) -> Leg:
        edge = self._edges[before][after]
        return Leg(self._address[after], Kind.ROUTER, *edge)

    def _router_at(self, address: bytes) -> str | None:
        return next((name for name, own in self._address.items() if own == address), None)

    def _least(self, start: str, end: str) -> list[str] | None:
        """Find the path of least delay (Dijkstra 1959) between two routers, both ways alike."""
        if start > end:
            path = self._least(end, start)
            return path and path[::-1]
        frontier: list[tuple[int, list[str]]] = [(0, [start])]
        settled: set[str] = set()
        while frontier:
            delay_ns, path = heapq.heappop(frontier)
            if path[-1] == end:
                return path
            if path[-1] in settled:
                continue
            settled.add(path[-1])
            for neighbour, edge in self._edges[path[-1]].items():
                if neighbour not in settled and frozenset((path[-1], neighbour)) not in self._down:
                    heapq.heappush(frontier, (delay_ns + edge.delay_ns, [*path, neighbour]))
        return None


def _packed(address: str) -> bytes:
    return IPv4Address(address).packed


def _edges(scenario: Scenario) -> dict[str, dict[str, _Edge]]:
    edges: dict[str, dict[str, _Edge]] = {router.id: {} for router in scenario.routers}
    for link in scenario.links:
        edge = _Edge(
            scenario.link_delay_ns(link), link.loss_ratio, round(link.jitter_ms * NS_PER_MS)
        )
        first, second = link.between
        edges[first][second] = edge
        edges[second][first] = edge
    return edges


def _hosts(scenario: Scenario) -> dict[bytes, _Host]:
    resolver = scenario.resolver
    plain = [(row.address, Kind.TARGET, row.router, row.access_ms) for row in scenario.targets]
    plain.append((resolver.address, Kind.RESOLVER, resolver.router, resolver.access_ms))
    hosts = {
        _packed(address): _Host(
            router, (Leg(_packed(address), kind, round(access_ms * NS_PER_MS)),)
        )
        for address, kind, router, access_ms in plain
    }
    for agent in scenario.agents:
        hosts[_packed(agent.address)] = _Host(agent.gateway, _site(agent))
    return hosts


def _site(agent: Agent) -> tuple[Leg, Leg]:
    """Return the legs from the router down to the gateway, and from there to the host."""
    return (
        Leg(_packed(agent.gateway_address), Kind.ROUTER, round(agent.access_ms * NS_PER_MS)),
        Leg(_packed(agent.address), Kind.AGENT, round(agent.site_ms * NS_PER_MS)),
    )
