"""Which way packets go, and how events change it."""

from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest

from deploy.lab.routes import Kind, Way
from deploy.lab.scenario import load
from deploy.lab.story import Event
from deploy.lab.topology import Topology
from deploy.lab.truth import icmp_flow
from tests.fakes.lab_meshes import ONE, ONE_6, RESOLVER, TARGET, TARGET_6, TWO, mesh
from tests.fakes.lab_worlds import write_world


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    """The small world with every link up."""
    return Topology(load(write_world(tmp_path)))


def packed(address: str) -> bytes:
    """The octets of an address."""
    return ip_address(address).packed


def found(topology: Topology, agent: str, destination: str, checksum: int = 0) -> Way:
    """The way of an echo request."""
    source = {4: ONE, 6: ONE_6}[ip_address(destination).version]
    flow = icmp_flow(source, destination, checksum)
    way = topology.way(f"a:{agent}", packed(destination), flow)
    assert way is not None
    return way


def hops(topology: Topology, agent: str, destination: str, checksum: int = 0) -> list[str]:
    """The addresses of a way."""
    way = found(topology, agent, destination, checksum)
    return [str(ip_address(leg.address)) for leg in way.legs]


def nodes(way: Way | None) -> str:
    """The routers of a way, as one word."""
    assert way is not None
    return "".join(leg.node[2:] for leg in way.legs if leg.kind is Kind.ROUTER)


def link(*ends: str, up: bool | None = None, loss: float | None = None) -> Event:
    """An event of the link between two routers."""
    first, second = ends
    return Event(at_s=0, link=(first, second), up=up, loss_ratio=loss)


def test_the_shortest_way(topology: Topology) -> None:
    """A target is reached through the gateway and the routers of least delay."""
    expected = ["192.168.1.1", "198.51.100.1", "198.51.100.2", "192.0.2.80"]
    assert hops(topology, "one", "192.0.2.80") == expected


def test_delays_of_the_legs(topology: Topology) -> None:
    """Each leg carries its own one-way delay, from the site to the access of the target."""
    way = found(topology, "one", "192.0.2.80")
    assert [leg.delay_ns for leg in way.legs] == [200_000, 300_000, 1_000_000, 500_000]
    kinds = [Kind.GATEWAY, Kind.ROUTER, Kind.ROUTER, Kind.TARGET]
    assert [leg.kind for leg in way.legs] == kinds


def test_a_detour_and_the_way_back(topology: Topology) -> None:
    """A link that is down is gone around; up again, the short way returns."""
    topology.play(link("b", "a", up=False))
    long_way = ["192.168.1.1", "198.51.100.1", "198.51.100.3", "198.51.100.2", "192.0.2.80"]
    assert hops(topology, "one", "192.0.2.80") == long_way
    topology.play(link("a", "b", up=True))
    assert len(hops(topology, "one", "192.0.2.80")) == 4


def test_a_gateway_answers_its_own_site(topology: Topology) -> None:
    """Both sites call their gateway the same; each reaches its own, one leg away, and back."""
    for agent, address, delay_ns in (("one", ONE, 200_000), ("two", TWO, 100_000)):
        assert found(topology, agent, "192.168.1.1").delays_ns == (delay_ns,)
        back = topology.way(f"g:{agent}", packed(address), b"")
        assert back is not None
        assert (back.delays_ns, back.legs[0].node) == ((delay_ns,), f"a:{agent}")


def test_routers_and_the_resolver_are_reached(topology: Topology) -> None:
    """Every router and the resolver are destinations too."""
    assert hops(topology, "two", "198.51.100.2")[-2:] == ["198.51.100.3", "198.51.100.2"]
    assert hops(topology, "one", RESOLVER) == ["192.168.1.1", "198.51.100.1", RESOLVER]


def test_what_does_not_exist_has_no_way(topology: Topology) -> None:
    """An unknown address, and a target that is cut off, have no way."""
    flow = icmp_flow(ONE, TARGET)
    assert topology.way("a:one", packed("192.0.2.99"), flow) is None
    topology.play(link("a", "b", up=False))
    topology.play(link("c", "b", up=False))
    assert topology.way("a:one", packed(TARGET), flow) is None


def test_both_families_each_by_its_own_links(tmp_path: Path) -> None:
    """A link for IPv4 alone sends IPv6 another way; addresses are those of the family."""
    world = mesh(tmp_path, "a-z a-b b-z", last="z", words={"a-z": "families = [4]\n"})
    topology = Topology(world)
    assert nodes(found(topology, "one", TARGET)) == "az"
    assert nodes(found(topology, "one", TARGET_6)) == "abz"
    assert hops(topology, "one", TARGET_6)[:2] == ["fd00:1::1", "2001:db8:1::1"]


def test_a_router_without_the_family_is_gone_around(tmp_path: Path) -> None:
    """Where a router has no address of IPv6 its links carry none."""
    world = mesh(tmp_path, "a-m m-z a-b b-c c-z", last="z")
    routers = tuple(
        msgspec.structs.replace(row, address6=None) if row.id == "m" else row
        for row in world.routers
    )
    topology = Topology(msgspec.structs.replace(world, routers=routers))
    assert nodes(found(topology, "one", TARGET)) == "amz"
    assert nodes(found(topology, "one", TARGET_6)) == "abcz"


def test_unequal_costs_make_the_way_back_another(tmp_path: Path) -> None:
    """Out by b, where it is cheap; back by c, because b is dear in that direction."""
    words = {"a-b": "cost = [1, 9]\n", "b-z": "cost = [1, 9]\n", "a-c": "cost = 2\n"}
    topology = Topology(
        mesh(tmp_path, "a-b b-z a-c c-z", last="z", words={**words, "c-z": "cost = 2\n"})
    )
    assert nodes(found(topology, "one", TARGET)) == "abz"
    node = f"t:{packed(TARGET).hex()}@z"
    assert nodes(topology.way(node, packed(ONE), icmp_flow(TARGET, ONE))) == "zca"
    assert nodes(topology.way("r:z", packed(ONE), icmp_flow(TARGET, ONE))) == "ca"


def test_flows_part_and_stay(tmp_path: Path) -> None:
    """Over equal ways checksums choose both branches, each always the same one."""
    topology = Topology(mesh(tmp_path, "a-b b-z a-c c-z", last="z"))
    first = [nodes(found(topology, "one", TARGET, number)) for number in range(64)]
    assert set(first) == {"abz", "acz"}
    assert first == [nodes(found(topology, "one", TARGET, number)) for number in range(64)]


def test_a_router_may_hash_by_addresses_alone(tmp_path: Path) -> None:
    """Then every echo of a pair takes one branch, while ports still choose."""
    words = {"a": 'icmp_hash = "addresses"\n'}
    topology = Topology(mesh(tmp_path, "a-b b-z a-c c-z", last="z", words=words))
    assert len({nodes(found(topology, "one", TARGET, number)) for number in range(64)}) == 1
    assert len({nodes(found(topology, "one", TARGET_6, number)) for number in range(64)}) == 1
    ends = packed(ONE) + packed(TARGET) + b"\x11"
    flows = [ends + number.to_bytes(4, "big") for number in range(64)]
    assert {nodes(topology.way("a:one", packed(TARGET), flow)) for flow in flows} == {"abz", "acz"}


def test_an_anycast_target_is_the_nearest(tmp_path: Path) -> None:
    """Each agent reaches the instance of least cost; its answers start there."""
    world = mesh(tmp_path, "a-b b-c c-z", last="z", words={"target": 'also_at = ["b"]\n'})
    topology = Topology(world)
    flow = icmp_flow(ONE, TARGET)
    assert nodes(found(topology, "one", TARGET)) == "ab"
    assert nodes(topology.way("a:two", packed(TARGET), flow)) == "z"
    assert topology.standing("a:one", packed(TARGET), flow) == f"t:{packed(TARGET).hex()}@b"


def test_events_change_loss_and_jitter(tmp_path: Path) -> None:
    """A link's event changes both directions, and leaves alone what it does not name."""
    topology = Topology(mesh(tmp_path, "a-z", last="z", words={"a-z": "jitter_ms = 0.5\n"}))
    assert found(topology, "one", TARGET).legs[2][5:7] == (0.0, 500_000)
    topology.play(link("z", "a", loss=0.25))
    assert found(topology, "one", TARGET).legs[2][5:7] == (0.25, 500_000)
    topology.play(Event(at_s=0, link=("a", "z"), jitter_ms=2.0))
    back = topology.way("r:z", packed(ONE), icmp_flow(TARGET, ONE))
    assert back is not None
    assert back.legs[0][5:7] == (0.25, 2_000_000)


def test_events_silence_routers_and_targets(tmp_path: Path) -> None:
    """A silent router or target speaks again when an event says so."""
    topology = Topology(mesh(tmp_path, "a-z", last="z", words={"z": "answers = false\n"}))
    assert (topology.answers("r:z"), topology.answers(TARGET)) == (False, True)
    topology.play(Event(at_s=0, router="z", answers=True))
    topology.play(Event(at_s=0, target=TARGET, answers=False))
    assert (topology.answers("r:z"), topology.answers(TARGET)) == (True, False)


def test_a_way_without_a_choice_is_found_once(tmp_path: Path) -> None:
    """All flows share it, until an event."""
    topology = Topology(mesh(tmp_path, "a-b b-z", last="z"))
    first = found(topology, "one", TARGET, 1)
    assert found(topology, "one", TARGET, 2) is first
    topology.play(link("a", "b", loss=0.5))
    assert found(topology, "one", TARGET, 2) is not first


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many flows do not fill the memory."""
    monkeypatch.setattr("deploy.lab.topology.KEPT_WAYS", 10)
    topology = Topology(mesh(tmp_path, "a-b b-z a-c c-z", last="z"))
    for number in range(50):
        found(topology, "one", TARGET, number)
    assert len(topology._ways) <= 10
