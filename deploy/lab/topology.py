"""Decider: which nodes a packet crosses from where it is to where it goes.

Rules
- The way back is found like any other way, so that unequal costs make it another one.
- Hosts carry no transit. A site's gateway is a node of its own between the host and its router;
  its private address leads only from that site.
- A link carries a family where both its routers have an address of it.
- Ways are kept by flow until an event changes the network, and not more than a bound of them.
"""

from collections import defaultdict
from itertools import pairwise

from deploy.lab import choices
from deploy.lab.choices import NextRouters
from deploy.lab.packets import ICMP, ICMPV6
from deploy.lab.routes import Kind, Leg, Way, way
from deploy.lab.story import Event
from deploy.lab.wiring import Host, edges, family_of, hosts, interfaces, ns, packed
from deploy.lab.world import Router, Scenario, Tunnel

KEPT_WAYS = 100_000
_ICMP_PROTOCOLS = frozenset({ICMP, ICMPV6})


class Topology:
    """The routers, links and hosts of a scenario, as they stand at one moment."""

    def __init__(self, scenario: Scenario) -> None:
        """Take the network of `scenario` with every link up."""
        self._routers = {f"r:{row.id}": row for row in scenario.routers}
        self._agents = {row.name: row for row in scenario.agents}
        self._own = {row.name: packed(row.address, row.address6) for row in scenario.agents}
        self._gateways = {
            row.name: packed(row.gateway_address, row.gateway_address6) for row in scenario.agents
        }
        self._addresses = {
            f"r:{row.id}": packed(row.address, row.address6) for row in scenario.routers
        }
        self._replies = {
            (f"r:{row.id}", family): address
            for row in scenario.routers
            for family, address in packed(row.replies_from, row.replies_from6).items()
        }
        self._interfaces = interfaces(scenario)
        self._hosts = hosts(scenario)
        self._edges = edges(scenario)
        self._tunnels: dict[str, list[Tunnel]] = defaultdict(list)
        for tunnel in scenario.tunnels:
            self._tunnels[f"r:{tunnel.routers[0]}"].append(tunnel)
        self._down: set[frozenset[str]] = set()
        self._mute = {f"r:{row.id}" for row in scenario.routers if not row.answers}
        self._mute |= {row.address for row in scenario.targets if not row.answers}
        self._costs: dict[int, choices.Costs] = {}
        self._next: dict[tuple[int, tuple[str, ...]], NextRouters] = {}
        self._ways: dict[tuple[str, bytes, bytes], Way | None] = {}
        self._only_ways: dict[tuple[str, bytes], Way | None] = {}
        self._along: dict[tuple[str, bytes, tuple[str, ...]], Way | None] = {}

    def play(self, event: Event) -> None:
        """Change the network as `event` says; every way is found anew afterwards."""
        if event.link is not None:
            self._change_link(event.link, event)
        else:
            subject = event.target if event.router is None else f"r:{event.router}"
            (self._mute.discard if event.answers else self._mute.add)(str(subject))
        self._costs.clear()
        self._next.clear()
        self._ways.clear()
        self._only_ways.clear()
        self._along.clear()

    def owns(self, agent: str, address: bytes) -> bool:
        """Tell whether `address` is one of the agent's own."""
        return address in self._own[agent].values()

    def port_of(self, address: bytes) -> str | None:
        """Return the agent that has this address, None where none has."""
        host = self._hosts.get(address)
        return host.name if host is not None and host.kind is Kind.AGENT else None

    def standing(self, client: str, address: bytes, flow: bytes) -> str | None:
        """Return the node of the host at `address` that `flow` from `client` reaches."""
        found = self.way(client, address, flow)
        return None if found is None else found.legs[-1].node

    def way_to_gateway(self, agent: str, family: int) -> Way:
        """Return the way from an agent's host to the gateway of its site."""
        return way(f"a:{agent}", [self._gateway_leg(agent, family)], {})

    def error_address(self, leg: Leg) -> bytes:
        """Return the address that the errors of the node at the end of `leg` come from."""
        return self._replies.get((leg.node, family_of(leg.address)), leg.address)

    def host(self, address: bytes) -> Host | None:
        """Return the host that has this address, None where there is none."""
        return self._hosts.get(address)

    def router(self, node: str) -> Router | None:
        """Return the router that a node is, None for gateways and hosts."""
        return self._routers.get(node)

    def answers(self, name: str) -> bool:
        """Tell whether a router's node, or the host of this name, says anything at present."""
        return name not in self._mute

    def way(self, start: str, destination: bytes, flow: bytes) -> Way | None:
        """Return the way of `flow` from a node to an address, None where nothing leads there.

        `flow` is a packet's key with the ICMP checksum (`transport.flow_key`); routers that hash
        ICMP by addresses leave the checksum out by themselves.
        """
        pair = (start, destination)
        if pair in self._only_ways:
            return self._only_ways[pair]
        key = (start, destination, flow)
        if key not in self._ways:
            if len(self._ways) + len(self._only_ways) >= KEPT_WAYS:
                self._ways.clear()
                self._only_ways.clear()
                self._along.clear()
            found, chosen = self._find(start, destination, flow)
            if not chosen:
                self._only_ways[pair] = found
                return found
            self._ways[key] = found
        return self._ways[key]

    def way_along(self, start: str, path: list[str], destination: bytes) -> Way | None:
        """Return the way from a node over the routers of `path`; None from a node to itself."""
        family = family_of(destination)
        middle = [self._router_leg(*pair, family) for pair in pairwise(path)]
        tail = self._tail(path[-1], destination, family)
        legs = [*self._head(start, family), *middle, *tail]
        return way(start, legs, self._tunnels) if legs else None

    def equals(self, start: str, destination: bytes) -> tuple[str, NextRouters]:
        """Return the router behind `start` and the equal next routers on the ways from there."""
        family = family_of(destination)
        head = self._head(start, family)
        ends = self._ends(destination)
        return head[-1].node if head else start, self._next_routers(family, ends)

    def _change_link(self, ends: tuple[str, str], event: Event) -> None:
        if event.up is not None:
            (self._down.discard if event.up else self._down.add)(frozenset(ends))
        first, second = (f"r:{end}" for end in ends)
        for before, after in ((first, second), (second, first)):
            edge = self._edges[before][after]
            if event.loss_ratio is not None:
                edge = edge._replace(loss_ratio=event.loss_ratio)
            if event.jitter_ms is not None:
                edge = edge._replace(jitter_ns=ns(event.jitter_ms))
            self._edges[before][after] = edge

    def _find(self, start: str, destination: bytes, flow: bytes) -> tuple[Way | None, bool]:
        """Find a way; tell whether some router had a choice, so that other flows may differ."""
        family = family_of(destination)
        near = self._next_door(start, destination, family)
        if near is not None:
            return way(start, [near], {}), False
        head = self._head(start, family)
        path, chosen = self._walk(head[-1].node if head else start, destination, flow)
        if path is None:
            return None, False
        along = (start, destination, tuple(path))
        if along not in self._along:
            self._along[along] = self.way_along(start, path, destination)
        return self._along[along], chosen

    def _next_door(self, start: str, destination: bytes, family: int) -> Leg | None:
        """Return the one leg between a host and its gateway, in either direction."""
        name = start[2:]
        if start[:2] == "a:" and self._gateways[name].get(family) == destination:
            return self._gateway_leg(name, family)
        if start[:2] == "g:" and self._own[name].get(family) == destination:
            return self._tail_of_agent(name, family)[-1]
        return None

    def _head(self, start: str, family: int) -> list[Leg]:
        """Return the legs from a node up to its router; a router itself has none."""
        kind, name = start[:2], start[2:]
        if kind == "r:":
            return []
        if kind == "t:":
            address, _, router = name.partition("@")
            host = self._hosts[bytes.fromhex(address)]
            return [self._up_to(f"r:{router}", family, host.access_ns)]
        agent = self._agents[name]
        first = self._up_to(f"r:{agent.gateway}", family, ns(agent.access_ms))
        return [self._gateway_leg(name, family), first] if kind == "a:" else [first]

    def _up_to(self, router: str, family: int, delay_ns: int) -> Leg:
        return Leg(router, self._address(router, family), Kind.ROUTER, delay_ns)

    def _gateway_leg(self, agent: str, family: int) -> Leg:
        address = self._gateways[agent][family]
        return Leg(f"g:{agent}", address, Kind.GATEWAY, ns(self._agents[agent].site_ms))

    def _tail(self, router: str, destination: bytes, family: int) -> list[Leg]:
        """Return the legs from the last router down to a host; to the router itself none."""
        host = self._hosts.get(destination)
        if host is None:
            return []
        if host.kind is Kind.AGENT:
            return self._tail_of_agent(host.name, family)
        node = f"t:{destination.hex()}@{router[2:]}"
        return [Leg(node, destination, host.kind, host.access_ns)]

    def _tail_of_agent(self, name: str, family: int) -> list[Leg]:
        agent = self._agents[name]
        gateway = self._gateway_leg(name, family)._replace(delay_ns=ns(agent.access_ms))
        return [gateway, Leg(f"a:{name}", self._own[name][family], Kind.AGENT, ns(agent.site_ms))]

    def _router_leg(self, before: str, after: str, family: int) -> Leg:
        edge = self._edges[before][after]
        return Leg(
            node=after,
            address=self._address(after, family),
            kind=Kind.ROUTER,
            delay_ns=edge.delay_ns,
            mtu=edge.mtu,
            loss_ratio=edge.loss_ratio,
            jitter_ns=edge.jitter_ns,
            heavy=edge.link.jitter == "pareto",
        )

    def _address(self, router: str, family: int) -> bytes:
        """Return a router's own address of a family, empty where it has none."""
        return self._addresses[router].get(family, b"")

    def _ends(self, destination: bytes) -> tuple[str, ...]:
        host = self._hosts.get(destination)
        if host is not None:
            return host.routers
        router = self._interfaces.get(destination)
        return () if router is None else (router,)

    def _walk(self, router: str, destination: bytes, flow: bytes) -> tuple[list[str] | None, bool]:
        ahead = self._next_routers(family_of(destination), self._ends(destination))
        if router not in ahead:
            return None, False
        path, chosen = [router], False
        while equals := ahead[path[-1]]:
            chosen |= len(equals) > 1
            key = self._key(flow, path[-1]) if len(equals) > 1 else b""
            path.append(choices.choose(key, path[-1], equals) if key else equals[0])
        return path, chosen

    def _key(self, flow: bytes, router: str) -> bytes:
        """Return what `router` hashes of a flow: of ICMP perhaps without the checksum."""
        octets = 2 * (4 if len(flow) < 2 * 16 else 16)
        if flow[octets] in _ICMP_PROTOCOLS and self._routers[router].icmp_hash == "addresses":
            return flow[: octets + 1]
        return flow

    def _next_routers(self, family: int, ends: tuple[str, ...]) -> NextRouters:
        key = (family, ends)
        if key not in self._next:
            speaking = [end for end in ends if self._address(end, family)]
            if family not in self._costs:
                self._costs[family] = self._costs_back(family)
            self._next[key] = choices.next_routers(self._costs[family], speaking)
        return self._next[key]

    def _costs_back(self, family: int) -> choices.Costs:
        """Return for each router the neighbours that reach it, by what the link there costs."""
        return {
            router: {
                before: self._edges[before][router].cost
                for before, edge in neighbours.items()
                if frozenset(edge.link.between) not in self._down
                and family in edge.link.families
                and self._address(before, family)
            }
            for router, neighbours in self._edges.items()
        }
