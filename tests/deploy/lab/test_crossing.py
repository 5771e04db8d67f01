"""What routers and links make of packets of both families: labels, limits, sizes, ways back.

`test_forwarding.py` holds the same decider to the plain cases.
"""

from ipaddress import ip_address
from pathlib import Path

import pytest

from deploy.lab import icmp, packets, transport
from deploy.lab.forwarding import Departure, Forwarding
from deploy.lab.fragments import Fragments, cut
from deploy.lab.hosts import Hosts
from deploy.lab.topology import Topology
from deploy.lab.transport import ACK, RST, SYN, Datagram, Segment
from deploy.lab.world import SERVERS, Scenario
from tests.fakes.lab_meshes import ONE, ONE_6, TARGET, TARGET_6, TWO, mesh

NOW_NS = 5_000_000_000
MS = 1_000_000
FAMILIES = [pytest.param(ONE, TARGET, id="4"), pytest.param(ONE_6, TARGET_6, id="6")]
OVERHEAD = {ONE: 28, ONE_6: 48}


def packed(address: str) -> bytes:
    """The octets of an address."""
    return ip_address(address).packed


def over(world: Scenario, chance: float = 0.999) -> Forwarding:
    """Forwarding over a mesh with a constant chance."""
    return Forwarding(Topology(world), Hosts(lambda _: None, servers=True), lambda: chance)


def echo(source: str, destination: str, ttl: int = 64, data: bytes = b"x") -> bytes:
    """An echo request."""
    return icmp.echo_request(packed(source), packed(destination), ttl, b"\0\1\0\2", data)


def udp(source: str, destination: str, ports: tuple[int, int], ttl: int = 64) -> bytes:
    """A datagram."""
    data = bytes(ports[0] % 64)  # equal sizes would make the errors' checksums equal
    return transport.udp(packed(source), packed(destination), ttl, Datagram(*ports, data))


def seen(departures: list[Departure]) -> tuple[float, str, str, int]:
    """Delay in ms, port, source and TTL of the one departure."""
    (departure,) = departures
    header = packets.parse(departure.packet)
    source = str(ip_address(header.source))
    return (departure.deadline_ns - NOW_NS) / MS, departure.port, source, header.ttl


def trace(forwarding: Forwarding, source: str, destination: str, hops: int) -> list[str]:
    """The sources of the answers to each TTL, empty where nothing came."""
    found = []
    for ttl in range(1, hops + 1):
        departures = forwarding.accept("one", echo(source, destination, ttl), NOW_NS)
        found.append(seen(departures)[2] if departures else "")
    return found


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_both_families_alike(tmp_path: Path, source: str, target: str) -> None:
    """Hops, delays and TTLs are the same in both families."""
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z"))
    answers = [seen(forwarding.accept("one", echo(source, target, t), NOW_NS)) for t in range(1, 6)]
    assert [row[0] for row in answers] == [1.0, 2.0, 4.0, 6.0, 7.0]
    assert [row[3] for row in answers] == [255, 254, 253, 252, 60]
    assert [row[2] for row in answers][-1] == target


def test_a_gateway_of_ipv6_has_no_route(tmp_path: Path) -> None:
    """What leads nowhere is refused by the site's own gateway, unique local in IPv6."""
    forwarding = over(mesh(tmp_path, "a-z", last="z"))
    departures = forwarding.accept("one", echo(ONE_6, "2001:db8::dead"), NOW_NS)
    assert seen(departures) == (1.0, "one", "fd00:1::1", 255)
    assert departures[0].packet[40:42] == bytes(icmp.IcmpError.NO_ROUTE.in_ipv6)


def test_no_multicast_of_ipv6(tmp_path: Path) -> None:
    """A group of neighbours is nobody's destination here."""
    forwarding = over(mesh(tmp_path, "a-z", last="z"))
    assert forwarding.accept("one", echo(ONE_6, "ff02::1"), NOW_NS) == []
    assert forwarding.counts["not unicast"] == 1


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_labels_in_errors(tmp_path: Path, source: str, target: str) -> None:
    """The second router inside a tunnel shows its stack and quotes the TTL of the ingress."""
    tunnel = '[[tunnels]]\nrouters = ["a", "b", "c", "z"]\nlabels = [24001, [24002, 17]]\n'
    forwarding = over(mesh(tmp_path, "a-b b-c c-z", last="z", more=tunnel))
    (departure,) = forwarding.accept("one", echo(source, target, 4), NOW_NS)
    expected = icmp.label_stack([(24002, 0, 1), (17, 0, 2)])
    assert departure.packet.endswith(expected)
    quoted = departure.packet[OVERHEAD[source] :]
    assert quoted[8 if source == ONE else 7] == 2


def test_a_tunnel_that_hides(tmp_path: Path) -> None:
    """Hops inside are missing, the target is two TTLs nearer, and its delay is not."""
    tunnel = (
        '[[tunnels]]\nrouters = ["a", "b", "c", "z"]\nlabels = [16, 17]\npropagate_ttl = false\n'
    )
    forwarding = over(mesh(tmp_path, "a-b b-c c-z", last="z", more=tunnel))
    assert trace(forwarding, ONE, TARGET, 4) == [
        *("192.168.1.1", "198.51.100.1", "198.51.100.4", TARGET)
    ]
    assert seen(forwarding.accept("one", echo(ONE, TARGET), NOW_NS))[0] == 9.0


def test_replies_by_the_end_of_the_tunnel(tmp_path: Path) -> None:
    """An inner hop's error takes as long as that of the tunnel's end."""
    tunnel = (
        '[[tunnels]]\nrouters = ["a", "b", "c", "z"]\nlabels = [16, 17]\nreplies_via_end = true\n'
    )
    forwarding = over(mesh(tmp_path, "a-b b-c c-z", last="z", more=tunnel))
    answers = [seen(forwarding.accept("one", echo(ONE, TARGET, t), NOW_NS)) for t in (3, 4, 5)]
    assert [(row[0], row[3]) for row in answers] == [(8.0, 249), (8.0, 250), (8.0, 251)]


def test_a_silent_router_forwards(tmp_path: Path) -> None:
    """Neither errors nor echo replies, but what is behind it answers."""
    words = {"b": "answers = false\n"}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words))
    assert trace(forwarding, ONE, TARGET, 5)[2:] == ["", "198.51.100.3", TARGET]
    assert forwarding.accept("one", echo(ONE, "198.51.100.2"), NOW_NS) == []
    assert forwarding.counts["silent"] == 2


def test_a_limited_router(tmp_path: Path) -> None:
    """After its burst a router sends no more errors; it still answers echoes and forwards."""
    words = {"b": "limit_per_s = 1.0\nlimit_burst = 2\n"}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words))
    answered = [len(forwarding.accept("one", echo(ONE, TARGET, 3), NOW_NS)) for _ in range(4)]
    assert answered == [1, 1, 0, 0]
    assert len(forwarding.accept("one", echo(ONE, "198.51.100.2"), NOW_NS)) == 1
    assert len(forwarding.accept("one", echo(ONE, TARGET, 3), NOW_NS + 1000 * MS)) == 1
    unreachable = udp(ONE, "198.51.100.2", (1, 2))
    assert forwarding.accept("one", unreachable, NOW_NS + 1000 * MS) == []
    assert forwarding.counts["limited"] == 3


def test_a_slow_router_delays_its_own_answers_alone(tmp_path: Path) -> None:
    """Errors and replies wait 2 ms and half of 4 ms more; what passes does not."""
    words = {"b": "slow_ms = 2.0\nslow_jitter_ms = 4.0\n"}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words), chance=0.5)
    assert seen(forwarding.accept("one", echo(ONE, TARGET, 3), NOW_NS))[0] == 8.0
    assert seen(forwarding.accept("one", echo(ONE, "198.51.100.2"), NOW_NS))[0] == 8.0
    assert seen(forwarding.accept("one", echo(ONE, TARGET, 4), NOW_NS))[0] == 6.0


def test_third_party_replies(tmp_path: Path) -> None:
    """Errors come from the other interface, which answers echoes as itself."""
    words = {"b": 'replies_from = "203.0.113.9"\n'}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words))
    assert seen(forwarding.accept("one", echo(ONE, TARGET, 3), NOW_NS))[2] == "203.0.113.9"
    assert seen(forwarding.accept("one", echo(ONE, "203.0.113.9"), NOW_NS))[2] == "203.0.113.9"
    assert seen(forwarding.accept("one", echo(ONE_6, TARGET_6, 3), NOW_NS))[2] == "2001:db8:1::2"


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_a_packet_that_does_not_fit(tmp_path: Path, source: str, target: str) -> None:
    """The router before the narrow link says so, with the MTU; one octet less passes."""
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words={"b-z": "mtu = 1400\n"}))
    room = 1400 - OVERHEAD[source]
    (departure,) = forwarding.accept("one", echo(source, target, data=bytes(room + 1)), NOW_NS)
    header = packets.parse(departure.packet)
    error = icmp.IcmpError.TOO_BIG
    assert tuple(departure.packet[header.octets : header.octets + 2]) == (
        error.in_ipv4 if source == ONE else error.in_ipv6
    )
    assert departure.packet[header.octets + 6 : header.octets + 8] == (1400).to_bytes(2, "big")
    assert header.source[-1] == 2
    fitting = forwarding.accept("one", echo(source, target, data=bytes(room)), NOW_NS)
    assert seen(fitting)[2] == target


def test_time_runs_out_before_the_narrow_link(tmp_path: Path) -> None:
    """What expires at the router before the link is TTL exceeded."""
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words={"b-z": "mtu = 1400\n"}))
    (departure,) = forwarding.accept("one", echo(ONE, TARGET, 3, bytes(1400)), NOW_NS)
    assert departure.packet[20] == icmp.TIME_EXCEEDED


def test_what_may_be_cut_arrives_in_pieces(tmp_path: Path) -> None:
    """A packet without the bit DF crosses a narrow link in two pieces that fit."""
    forwarding = over(mesh(tmp_path, "a-z", last="z", words={"a-z": "mtu = 1400\n"}))
    sent = bytearray(echo(ONE, TWO, data=bytes(1400)))
    sent[6:8], sent[10:12] = b"\0\0", b"\0\0"
    sent[10:12] = packets.checksum(bytes(sent[:20])).to_bytes(2, "big")
    departures = forwarding.accept("one", bytes(sent), NOW_NS)
    headers = [packets.parse(departure.packet) for departure in departures]
    assert [departure.port for departure in departures] == ["two", "two"]
    assert [(one.total_octets, one.fragment, one.ttl) for one in headers] == [
        (1396, packets.MORE_FRAGMENTS, 60),
        (52, 1376 // 8, 60),
    ]


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_pieces_are_put_together_and_answered_in_pieces(
    tmp_path: Path, source: str, target: str
) -> None:
    """An echo that its sender cut is answered when it is whole; the answer carries its octets."""
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words={"b-z": "mtu = 1400\n"}))
    data = bytes(n % 251 for n in range(3000))
    whole = echo(source, target, data=data)
    first, *rest = cut(whole, packets.parse(whole), 1400, 7)
    assert forwarding.accept("one", first, NOW_NS) == []
    assert forwarding.counts["incomplete"] == 1
    departures = [one for piece in rest for one in forwarding.accept("one", piece, NOW_NS)]
    assert all(len(departure.packet) <= 1400 for departure in departures)
    together, answer = Fragments(), None
    for departure in departures:
        answer = together.add(departure.packet, packets.parse(departure.packet), NOW_NS)
    assert answer == icmp.echo_reply(whole, packets.parse(whole), 60)


def test_a_reply_is_cut_where_the_way_back_is_narrow(tmp_path: Path) -> None:
    """The way back by unequal costs is narrower: the reply comes in two pieces."""
    words = {"a-z": "cost = [1, 9]\n", "a-b": "cost = 1\nmtu = 1400\n", "b-z": "cost = 1\n"}
    forwarding = over(mesh(tmp_path, "a-z a-b b-z", last="z", words=words))
    departures = forwarding.accept("one", echo(ONE, TARGET, data=bytes(1400)), NOW_NS)
    assert [len(departure.packet) for departure in departures] == [1396, 52]


def test_the_way_back_by_unequal_costs(tmp_path: Path) -> None:
    """The reply takes the long branch, and its TTL and time show it."""
    words = {"a-z": "cost = [1, 9]\n", "a-b": "cost = 1\n", "b-z": "cost = 1\n"}
    forwarding = over(mesh(tmp_path, "a-z a-b b-z", last="z", words=words))
    assert seen(forwarding.accept("one", echo(ONE, TARGET), NOW_NS)) == (6.0, "one", TARGET, 60)


def test_flows_see_one_branch_and_errors_one_way_back(tmp_path: Path) -> None:
    """UDP ports choose the branch there; the errors of one router all come back by one branch."""
    words = {"b-z": "delay_ms = 2.0\ncost = 1\n", "c-z": "cost = 1\n"}
    words |= {"a-b": "cost = 1\n", "a-c": "cost = 1\n"}
    forwarding = over(mesh(tmp_path, "a-b a-c b-z c-z", last="z", words=words))
    sent = [udp(ONE, TARGET, (40000 + port, 33434), ttl) for port in range(32) for ttl in (3, 4)]
    met = [seen(forwarding.accept("one", packet, NOW_NS)) for packet in sent]
    assert {row[2] for row in met[::2]} == {"198.51.100.2", "198.51.100.3"}
    first, second = sorted({row[0] for row in met[1::2]})
    assert second - first == pytest.approx(1.0)


def test_what_was_too_big_is_said_without_a_limit(tmp_path: Path) -> None:
    """A router that may send one error sends every word about the size of packets."""
    words = {"b-z": "mtu = 1400\n", "b": "limit_per_s = 1.0\nlimit_burst = 1\n"}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words))
    big = echo(ONE, TARGET, data=bytes(1400))
    assert [len(forwarding.accept("one", big, NOW_NS)) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(("source", "target"), FAMILIES)
def test_a_reply_may_run_out_of_ttl(tmp_path: Path, source: str, target: str) -> None:
    """A host answers with 64: who is 70 routers away hears routers, and never the host."""
    chain = " ".join(["a-n1", *(f"n{number}-n{number + 1}" for number in range(1, 69))])
    forwarding = over(mesh(tmp_path, chain, last="n69"))
    assert forwarding.accept("one", echo(source, target, 255), NOW_NS) == []
    assert forwarding.counts["expired on the way back"] == 1
    assert seen(forwarding.accept("one", echo(source, target, 70), NOW_NS))[3] == 255 - 69


def test_a_server_answers_where_the_flow_arrived(tmp_path: Path) -> None:
    """Of two instances as near, each flow's answer starts at the one that it was sent to."""
    words = {
        "target": 'serves = ["tcp"]\nalso_at = ["b"]\n',
        "a-b": "delay_ms = 3.0\ncost = 1000\n",
    }
    forwarding = over(mesh(tmp_path, "a-z a-b", last="z", words=words))
    there, back = set(), set()
    for port in range(32):
        opening = Segment(4000 + port, 7, 1, 0, SYN, 100)
        answer = Segment(7, 4000 + port, 1, 2, SYN | ACK, 9)
        sent = transport.tcp(packed(ONE), packed(TARGET), 64, opening)
        (arrived,) = forwarding.accept("one", sent, NOW_NS)
        said = transport.tcp(packed(TARGET), packed(ONE), 64, answer)
        (returned,) = forwarding.accept(SERVERS, said, NOW_NS)
        there.add(arrived.deadline_ns)
        back.add((arrived.deadline_ns, returned.deadline_ns))
    assert len(there) == 2
    assert back == {(at_ns, at_ns) for at_ns in there}


def test_tcp_of_a_serving_target_goes_to_the_servers(tmp_path: Path) -> None:
    """A segment leaves at the servers' port one way later, and the answer comes back."""
    forwarding = over(mesh(tmp_path, "a-z", last="z", words={"target": 'serves = ["tcp"]\n'}))
    opening = transport.tcp(packed(ONE), packed(TARGET), 64, Segment(4000, 7, 1, 0, SYN, 100))
    (departure,) = forwarding.accept("one", opening, NOW_NS)
    assert seen([departure]) == (2.5, SERVERS, ONE, 61)
    assert departure.packet == packets.with_ttl(opening, 61)
    answer = transport.tcp(packed(TARGET), packed(ONE), 64, Segment(7, 4000, 1, 2, SYN | ACK, 9))
    assert seen(forwarding.accept(SERVERS, answer, NOW_NS)) == (2.5, "one", TARGET, 61)


@pytest.mark.parametrize(("source", "destination"), [(TWO, ONE), (TARGET, ONE), (TARGET_6, TWO)])
def test_servers_do_not_lie_about_themselves(tmp_path: Path, source: str, destination: str) -> None:
    """Only a serving target speaks through the servers' port, to an agent of its family."""
    forwarding = over(mesh(tmp_path, "a-z", last="z"))
    if source == TARGET_6:
        destination = "2001:db8::53"
    assert forwarding.accept(SERVERS, echo(source, destination), NOW_NS) == []
    assert forwarding.counts["foreign source"] == 1


def test_an_error_about_a_servers_packet_reaches_the_servers(tmp_path: Path) -> None:
    """A router on the way back that finds a segment too big tells the server."""
    words = {"target": 'serves = ["tcp"]\n', "b-z": "mtu = 1400\n"}
    forwarding = over(mesh(tmp_path, "a-b b-z", last="z", words=words))
    big = Segment(7, 4000, 1, 2, ACK, 9, bytes(1400))
    departures = forwarding.accept(
        SERVERS, transport.tcp(packed(TARGET), packed(ONE), 64, big), NOW_NS
    )
    assert seen(departures)[1:3] == (SERVERS, "198.51.100.3")


def test_a_target_that_serves_nothing_resets(tmp_path: Path) -> None:
    """A segment to a closed host is reset by the box."""
    forwarding = over(mesh(tmp_path, "a-z", last="z"))
    opening = transport.tcp(packed(ONE), packed(TARGET), 64, Segment(4000, 7, 1, 0, SYN, 100))
    (departure,) = forwarding.accept("one", opening, NOW_NS)
    segment = transport.tcp_segment(departure.packet, packets.parse(departure.packet))
    assert (seen([departure])[0], segment.flags) == (5.0, RST | ACK)


def test_a_silent_target(tmp_path: Path) -> None:
    """A target that does not answer is crossed to and says nothing; its router does."""
    forwarding = over(mesh(tmp_path, "a-z", last="z", words={"target": "answers = false\n"}))
    assert trace(forwarding, ONE, TARGET, 4) == ["192.168.1.1", "198.51.100.1", "198.51.100.2", ""]


@pytest.mark.parametrize(
    ("chance", "extra_ms"), [(0.0, 0.0), (0.5, 0.294), (0.99, 10.272), (1 - 1e-9, 100)]
)
def test_heavy_tailed_jitter(tmp_path: Path, chance: float, extra_ms: float) -> None:
    """Both crossings of a Pareto link add its quantile, 50 times `jitter_ms` at most."""
    words = {"a-z": 'jitter_ms = 1.0\njitter = "pareto"\n'}
    forwarding = over(mesh(tmp_path, "a-z", last="z", words=words), chance)
    delay_ms = seen(forwarding.accept("one", echo(ONE, TARGET), NOW_NS))[0]
    assert delay_ms - 5.0 == pytest.approx(extra_ms, abs=0.001)
