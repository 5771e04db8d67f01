"""What a scenario makes true of its paths equals what the lab itself does."""

import itertools
from ipaddress import ip_address
from pathlib import Path

import pytest

from deploy.lab import icmp, packets, transport
from deploy.lab.forwarding import Forwarding
from deploy.lab.hosts import Hosts
from deploy.lab.topology import Topology
from deploy.lab.transport import Datagram
from deploy.lab.truth import Hop, expected_hops, icmp_flow, multipath, port_flow
from deploy.lab.world import Scenario
from tests.fakes.lab_meshes import ONE, ONE_6, TARGET, TARGET_6, mesh

FAMILIES = [pytest.param(ONE, TARGET, id="4"), pytest.param(ONE_6, TARGET_6, id="6")]
NESTED = "a-b b-c b-d c-e d-e e-f b-g g-h h-f f-z"
"""An uneven diamond b..f with a diamond b..e inside one branch, of equal length."""
WORDS = {
    "c": "slow_ms = 2.0\n",
    "d": 'replies_from = "203.0.113.9"\nreplies_name = "else.example.org"\n',
    "h": "answers = false\n",
    "e-f": "jitter_ms = 0.5\n",
}
TUNNEL = '[[tunnels]]\nrouters = ["e", "f", "z"]\nlabels = [[24001, 17]]\n'


def story(folder: Path) -> Scenario:
    """A mesh with everything in it."""
    return mesh(folder, NESTED, last="z", words=WORDS, more=TUNNEL)


def measured(world: Scenario, source: str, target: str, ports: tuple[int, int]) -> list[Hop | None]:
    """Trace one UDP flow through the lab's own decider, jitter in its middle."""
    forwarding = Forwarding(Topology(world), Hosts(lambda _: None, servers=False), lambda: 0.5)
    names, found = world.host_names(), list[Hop | None]()
    for ttl in range(1, 10):
        ends = ip_address(source).packed, ip_address(target).packed
        packet = transport.udp(*ends, ttl, Datagram(*ports, b""))
        departures = forwarding.accept("one", packet, 0)
        if not departures:
            found.append(None)
            continue
        header = packets.parse(departures[0].packet)
        address = str(ip_address(header.source))
        labels = ()
        if departures[0].packet.endswith(icmp.label_stack([(24001, 0, 1), (17, 0, 1)])):
            labels = (24001, 17)
        rtt_ms = departures[0].deadline_ns / 1e6
        found.append(Hop(address, names.get(address), "FR", rtt_ms, labels))
        if address == target:
            break
    return found


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_expected_hops_are_those_of_the_lab(tmp_path: Path, source: str, target: str) -> None:
    """For many flows of both families: addresses, names, labels, silence and times."""
    world = story(tmp_path)
    for port in range(33434, 33450):
        flow = port_flow(source, target, packets.UDP, (4000, port))
        expected = expected_hops(world, "one", target, flow=flow)
        shown = [None if hop.silent else hop for hop in expected]
        assert shown == measured(world, source, target, (4000, port))


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_all_flows_together(tmp_path: Path, source: str, target: str) -> None:
    """The multipath holds exactly the hops and links that many flows show one by one."""
    world = story(tmp_path)
    traces = [
        [
            hop.address
            for hop in expected_hops(world, "one", target, flow=icmp_flow(source, target, n))
        ]
        for n in range(64)
    ]
    together = multipath(world, "one", target)
    assert together.hops == tuple(frozenset(at_ttl) for at_ttl in zip(*traces, strict=True))
    assert together.links == {pair for trace in traces for pair in itertools.pairwise(trace)}
    assert [len(hops) for hops in together.hops] == [1, 1, 1, 3, 2, 1, 1, 1]


def test_nothing_leads_there(tmp_path: Path) -> None:
    """An unknown address has neither hops nor links."""
    world = story(tmp_path)
    assert expected_hops(world, "one", "192.0.2.99") == []
    assert multipath(world, "one", "192.0.2.99") == ((), frozenset())
