"""What becomes of one packet, at a time that the test gives."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.lab import icmp, packets, transport
from deploy.lab.forwarding import Departure, Forwarding
from deploy.lab.hosts import Hosts
from deploy.lab.scenario import load
from deploy.lab.story import Event
from deploy.lab.topology import Topology
from tests.fakes.lab_worlds import write_world

NOW_NS = 5_000_000_000
ONE, TWO, TARGET = "192.0.2.10", "192.0.2.20", "192.0.2.80"
NEVER = 0.999


def packed(address: str) -> bytes:
    """The four octets of an address."""
    return IPv4Address(address).packed


def make(tmp_path: Path, old: str = "", new: str = "", chance: float = NEVER) -> Forwarding:
    """Forwarding over the small world, with a constant chance and an echoing name server."""
    topology = Topology(load(write_world(tmp_path, old, new)))
    return Forwarding(topology, Hosts(lambda _: None, servers=True), lambda: chance)


def echo(destination: str = TARGET, ttl: int = 64, source: str = ONE, data: bytes = b"x") -> bytes:
    """An echo request."""
    return icmp.echo_request(packed(source), packed(destination), ttl, b"\0\1\0\2", data)


SEEDS = [
    *(echo(ttl=ttl) for ttl in (2, 64)),
    echo("198.51.100.2", data=bytes(60)),
    transport.udp(packed(ONE), packed(TARGET), 9, transport.Datagram(1, 53, b"x")),
    transport.tcp(packed(ONE), packed(TARGET), 9, transport.Segment(1, 7, 0, 0, 2, 9)),
]


def with_checksum(packet: bytearray) -> bytes:
    """The packet with an IPv4 header checksum that is right, whatever stands in it."""
    octets = min(len(packet), (packet[0] & 15) * 4)
    head = bytes(packet[:10]) + bytes(2) + bytes(packet[12:octets])
    return head[:10] + packets.checksum(head).to_bytes(2, "big") + bytes(packet[12:])


def only(departures: list[Departure]) -> tuple[int, str, str, int, int]:
    """Delay in ns, port, source, TTL and ICMP type of the one departure."""
    (departure,) = departures
    header = packets.parse(departure.packet)
    source = str(IPv4Address(header.source))
    kind = departure.packet[header.octets]
    return departure.deadline_ns - NOW_NS, departure.port, source, header.ttl, kind


@pytest.mark.parametrize(
    ("ttl", "delay_ns", "source", "left", "kind"),
    [
        (1, 400_000, "192.168.1.1", 255, icmp.TIME_EXCEEDED),
        (2, 1_000_000, "198.51.100.1", 254, icmp.TIME_EXCEEDED),
        (3, 3_000_000, "198.51.100.2", 253, icmp.TIME_EXCEEDED),
        (4, 4_000_000, TARGET, 61, icmp.ECHO_REPLY),
        (64, 4_000_000, TARGET, 61, icmp.ECHO_REPLY),
    ],
)
def test_every_ttl(
    tmp_path: Path, ttl: int, delay_ns: int, source: str, left: int, kind: int
) -> None:
    """Each TTL is answered by its hop, after twice the one-way delay, its reply's TTL worn."""
    departures = make(tmp_path).accept("one", echo(ttl=ttl), NOW_NS)
    assert only(departures) == (delay_ns, "one", source, left, kind)


def test_the_quoted_packet_is_as_it_arrived(tmp_path: Path) -> None:
    """A router quotes the packet with the TTL that it saw, which is 1."""
    sent = echo(ttl=3)
    (departure,) = make(tmp_path).accept("one", sent, NOW_NS)
    assert departure.packet[28:] == packets.with_ttl(sent, 1)


def test_echo_to_a_router_and_to_the_gateway(tmp_path: Path) -> None:
    """Routers answer echoes to their own address with 255 at first."""
    forwarding = make(tmp_path)
    to_router = only(forwarding.accept("one", echo("198.51.100.2"), NOW_NS))
    assert to_router == (3_000_000, "one", "198.51.100.2", 253, icmp.ECHO_REPLY)
    to_gateway = only(forwarding.accept("one", echo("192.168.1.1"), NOW_NS))
    assert to_gateway == (400_000, "one", "192.168.1.1", 255, icmp.ECHO_REPLY)


def test_agents_reach_each_other(tmp_path: Path) -> None:
    """A packet for an agent leaves at that agent's port, one way later, four hops worn."""
    (departure,) = make(tmp_path).accept("one", echo(TWO), NOW_NS)
    header = packets.parse(departure.packet)
    assert (departure.port, header.ttl) == ("two", 60)
    assert departure.packet == packets.with_ttl(echo(TWO), 60)
    world = load(write_world(tmp_path))
    expected_ns = 200_000 + 300_000 + world.link_delay_ns(world.links[1]) + 400_000 + 100_000
    assert departure.deadline_ns - NOW_NS == expected_ns


def test_no_route_is_answered_by_the_gateway(tmp_path: Path) -> None:
    """An unknown destination is net unreachable; with TTL 1 time runs out first."""
    forwarding = make(tmp_path)
    unreachable = only(forwarding.accept("one", echo("8.8.8.8"), NOW_NS))
    assert unreachable == (400_000, "one", "192.168.1.1", 255, icmp.UNREACHABLE)
    exceeded = only(forwarding.accept("one", echo("8.8.8.8", ttl=1), NOW_NS))
    assert exceeded[-1] == icmp.TIME_EXCEEDED


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"\x60" + bytes(60), "damaged"),
        (echo(source=TWO), "foreign source"),
        (echo("224.0.0.1"), "not unicast"),
        (echo("255.255.255.255"), "not unicast"),
        (echo(ttl=0), "not unicast"),
        (packets.ip(packed(ONE), packed(TARGET), 132, 64, b"sctp"), "unanswered"),
        (echo()[:-1] + b"y", "unanswered"),
    ],
)
def test_what_is_dropped_is_counted(tmp_path: Path, packet: bytes, why: str) -> None:
    """Every packet that leads to nothing is counted under its reason."""
    forwarding = make(tmp_path)
    assert forwarding.accept("one", packet, NOW_NS) == []
    assert forwarding.counts == {"packets": 1, why: 1}


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_packet_ends_the_lab(tmp_path: Path, data: st.DataObject) -> None:
    """Octets of chance, and good packets with some octets changed, are answered or counted."""
    packet = bytearray(data.draw(st.sampled_from(SEEDS)))
    for place in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=4)):
        packet[place] = data.draw(st.integers(0, 255))
    forwarding = make(tmp_path)
    for octets in (bytes(packet), with_checksum(packet), data.draw(st.binary(max_size=120))):
        dropped = forwarding.counts.total()
        departures = forwarding.accept("one", octets, NOW_NS)
        assert len(departures) + forwarding.counts.total() - dropped == 2


def test_no_error_about_an_error(tmp_path: Path) -> None:
    """An ICMP error that runs out of TTL is dropped."""
    what = (icmp.TIME_EXCEEDED, 0)
    packet = icmp.icmp(packed(ONE), packed(TARGET), 1, what, bytes(4), b"")
    forwarding = make(tmp_path)
    assert forwarding.accept("one", packet, NOW_NS) == []
    assert forwarding.counts["error about an error"] == 1


def test_loss_follows_chance(tmp_path: Path) -> None:
    """A leg that loses half of its packets loses those whose number is below a half."""
    lossy = ("delay_ms = 1.0", "delay_ms = 1.0\nloss_ratio = 0.5")
    assert make(tmp_path, *lossy, chance=0.49).accept("one", echo(), NOW_NS) == []
    assert len(make(tmp_path, *lossy, chance=0.5).accept("one", echo(), NOW_NS)) == 1


def test_a_hop_before_the_lossy_leg_is_not_touched(tmp_path: Path) -> None:
    """Loss strikes only what crosses the leg."""
    lossy = make(tmp_path, "delay_ms = 1.0", "delay_ms = 1.0\nloss_ratio = 1.0")
    assert len(lossy.accept("one", echo(ttl=2), NOW_NS)) == 1
    assert lossy.accept("one", echo(ttl=3), NOW_NS) == []


def test_jitter_adds_delay_both_ways(tmp_path: Path) -> None:
    """Jitter adds a share of itself at every crossing."""
    jittery = make(tmp_path, "delay_ms = 1.0", "delay_ms = 1.0\njitter_ms = 0.4", chance=0.5)
    delay_ns, *_ = only(jittery.accept("one", echo(), NOW_NS))
    assert delay_ns == 4_400_000


def test_an_event_changes_the_next_packet(tmp_path: Path) -> None:
    """After a link goes down the third hop is another router."""
    forwarding = make(tmp_path)
    before = only(forwarding.accept("one", echo(ttl=3), NOW_NS))
    forwarding._topology.play(Event(at_s=0, link=("a", "b"), up=False))
    after = only(forwarding.accept("one", echo(ttl=3), NOW_NS))
    assert (before[2], after[2]) == ("198.51.100.2", "198.51.100.3")
