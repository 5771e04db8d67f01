"""Which way packets go."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from deploy.lab.scenario import load
from deploy.lab.topology import Kind, Topology
from tests.fakes.lab_worlds import write_world


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    """The small world with every link up."""
    return Topology(load(write_world(tmp_path)))


def packed(address: str) -> bytes:
    """The four octets of an address."""
    return IPv4Address(address).packed


def way(topology: Topology, agent: str, destination: str) -> list[str]:
    """The addresses of a route."""
    route = topology.route(agent, packed(destination))
    assert route is not None
    return [str(IPv4Address(leg.address)) for leg in route]


def test_the_shortest_way(topology: Topology) -> None:
    """A target is reached through the gateway and the routers of least delay."""
    expected = ["192.168.1.1", "198.51.100.1", "198.51.100.2", "192.0.2.80"]
    assert way(topology, "one", "192.0.2.80") == expected


def test_delays_of_the_legs(topology: Topology) -> None:
    """Each leg carries its own one-way delay, from the site to the access of the target."""
    route = topology.route("one", packed("192.0.2.80"))
    assert route is not None
    assert [leg.delay_ns for leg in route] == [200_000, 300_000, 1_000_000, 500_000]
    kinds = [Kind.ROUTER, Kind.ROUTER, Kind.ROUTER, Kind.TARGET]
    assert [leg.kind for leg in route] == kinds


def test_a_detour_and_the_way_back(topology: Topology) -> None:
    """A link that is down is gone around; up again, the short way returns."""
    topology.set_link(("b", "a"), up=False)
    long_way = ["192.168.1.1", "198.51.100.1", "198.51.100.3", "198.51.100.2", "192.0.2.80"]
    assert way(topology, "one", "192.0.2.80") == long_way
    topology.set_link(("a", "b"), up=True)
    assert len(way(topology, "one", "192.0.2.80")) == 4


def test_agents_reach_each_other_by_one_way(topology: Topology) -> None:
    """The routes between two agents are each other's reverse, with the same delay."""
    there = topology.route("one", packed("192.0.2.20"))
    back = topology.route("two", packed("192.0.2.10"))
    assert there is not None
    assert back is not None
    assert way(topology, "one", "192.0.2.20") == [
        *("192.168.1.1", "198.51.100.1", "198.51.100.3", "192.168.1.1", "192.0.2.20")
    ]
    assert sum(leg.delay_ns for leg in there) == sum(leg.delay_ns for leg in back)
    assert [leg.address for leg in there[1:3]] == [leg.address for leg in back[2:0:-1]]


def test_a_gateway_answers_its_own_site(topology: Topology) -> None:
    """Both sites call their gateway the same; each reaches its own, one leg away."""
    delays = []
    for agent in ("one", "two"):
        route = topology.route(agent, packed("192.168.1.1"))
        assert route is not None
        delays.append([leg.delay_ns for leg in route])
    assert delays == [[200_000], [100_000]]


def test_routers_and_the_resolver_are_reached(topology: Topology) -> None:
    """Every router and the resolver are destinations too."""
    assert way(topology, "two", "198.51.100.2")[-2:] == ["198.51.100.3", "198.51.100.2"]
    assert way(topology, "one", "192.0.2.53") == ["192.168.1.1", "198.51.100.1", "192.0.2.53"]


def test_what_does_not_exist_has_no_route(topology: Topology) -> None:
    """An unknown address, and a target that is cut off, have no route."""
    assert topology.route("one", packed("192.0.2.99")) is None
    topology.set_link(("a", "b"), up=False)
    topology.set_link(("c", "b"), up=False)
    assert topology.route("one", packed("192.0.2.80")) is None
