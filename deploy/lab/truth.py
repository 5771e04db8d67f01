"""Decider: what a scenario makes true, for tests: the hops and times an honest tool must see.

Borne itself never reads this; a test compares it with what Borne found.
"""

from ipaddress import IPv4Address
from typing import NamedTuple

from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_MS, Scenario


class Hop(NamedTuple):
    """One hop as a traceroute must show it; the RTT is the median over the jitter."""

    address: str
    name: str | None
    country: str
    rtt_ms: float


def expected_hops(scenario: Scenario, agent: str, destination: str, at_s: float = 0.0) -> list[Hop]:
    """List the hops from `agent` to an address, the destination last, at a time of the story.

    An empty list where nothing leads there.
    """
    topology = Topology(scenario)
    for event in scenario.events:
        if event.at_s <= at_s and event.link is not None and event.up is not None:
            topology.set_link(event.link, up=event.up)
    route = topology.route(agent, IPv4Address(destination).packed) or ()
    countries, names = _countries(scenario), scenario.host_names()
    hops, one_way_ns = [], 0.0
    for leg in route:
        one_way_ns += leg.delay_ns + leg.jitter_ns / 2
        address = str(IPv4Address(leg.address))
        rtt_ms = 2 * one_way_ns / NS_PER_MS
        hops.append(Hop(address, names.get(address), countries[address], rtt_ms))
    return hops


def crossings(scenario: Scenario, agent: str, destination: str) -> list[tuple[float, set[str]]]:
    """List the moments at which the countries of a path change, in seconds, and the countries."""
    found: list[tuple[float, set[str]]] = []
    for at_s in (0.0, *(event.at_s for event in scenario.events)):
        countries = {hop.country for hop in expected_hops(scenario, agent, destination, at_s)}
        if not found or found[-1][1] != countries:
            found.append((at_s, countries))
    return found


def _countries(scenario: Scenario) -> dict[str, str]:
    """Give the country of every address; a gateway stands where its agent does."""
    rows = [(row.address, row.city) for row in scenario.routers if row.address is not None]
    rows += [(row.address, row.place) for row in scenario.targets]
    rows += [(row.address, row.city) for row in scenario.agents]
    rows += [(row.gateway_address, row.city) for row in scenario.agents]
    found = {address: scenario.city(city).country for address, city in rows}
    resolver = scenario.router(scenario.resolver.router)
    return {**found, scenario.resolver.address: scenario.city(resolver.city).country}
