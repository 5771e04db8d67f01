"""Decider: the parts of a scenario as packets meet them: links, interfaces and hosts by address."""

from ipaddress import ip_address
from typing import NamedTuple

from deploy.lab.packets import FOUR, IPV4_ADDRESS_OCTETS, SIX
from deploy.lab.routes import Kind
from deploy.lab.world import NS_PER_MS, Agent, Link, Resolver, Scenario, Service, Target


class Host(NamedTuple):
    """Something that hangs on one router, or on several where it is anycast."""

    kind: Kind
    name: str
    routers: tuple[str, ...]
    access_ns: int
    serves: tuple[Service, ...] = ()
    is_silent_to_udp: bool = False


class Edge(NamedTuple):
    """One direction of a link, as it stands at one moment."""

    link: Link
    cost: int
    delay_ns: int
    mtu: int
    loss_ratio: float
    jitter_ns: int


def ns(milliseconds: float) -> int:
    """Return a time in whole nanoseconds."""
    return round(milliseconds * NS_PER_MS)


def family_of(address: bytes) -> int:
    """Return the version of IP that an address is of."""
    return FOUR if len(address) == IPV4_ADDRESS_OCTETS else SIX


def packed(*addresses: str | None) -> dict[int, bytes]:
    """Return the octets of each address that is given, by its family."""
    parsed = [ip_address(address) for address in addresses if address is not None]
    return {address.version: address.packed for address in parsed}


def interfaces(scenario: Scenario) -> dict[bytes, str]:
    """Give the router of every address that a router has."""
    return {
        octets: f"r:{row.id}"
        for row in scenario.routers
        for pair in ((row.address, row.address6), (row.replies_from, row.replies_from6))
        for octets in packed(*pair).values()
    }


def edges(scenario: Scenario) -> dict[str, dict[str, Edge]]:
    """Return both directions of every link, by the nodes of its routers."""
    found: dict[str, dict[str, Edge]] = {f"r:{router.id}": {} for router in scenario.routers}
    for link in scenario.links:
        first, second = (f"r:{end}" for end in link.between)
        there, back = scenario.link_costs(link)
        like = Edge(
            link, there, scenario.link_delay_ns(link), link.mtu, link.loss_ratio, ns(link.jitter_ms)
        )
        found[first][second] = like
        found[second][first] = like._replace(cost=back)
    return found


def hosts(scenario: Scenario) -> dict[bytes, Host]:
    """Return everything that hangs on a router, by each of its addresses."""
    rows: list[Target | Resolver | Agent] = [
        *scenario.targets,
        scenario.resolver,
        *scenario.agents,
    ]
    return {
        octets: _host(row) for row in rows for octets in packed(row.address, row.address6).values()
    }


def _host(row: Target | Resolver | Agent) -> Host:
    access_ns = ns(row.access_ms)
    match row:
        case Target():
            routers = tuple(f"r:{router}" for router in (row.router, *row.also_at))
            silent = row.udp == "silent"
            return Host(Kind.TARGET, row.address, routers, access_ns, row.serves, silent)
        case Resolver():
            routers = (f"r:{row.router}",)
            return Host(Kind.RESOLVER, row.address, routers, access_ns, ("dns",))
        case Agent():
            return Host(Kind.AGENT, row.name, (f"r:{row.gateway}",), access_ns)
