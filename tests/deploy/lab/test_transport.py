"""UDP and TCP as the lab speaks them, and the flows of its routers."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab import icmp, packets, transport
from deploy.lab.errors import PacketError
from deploy.lab.transport import ACK, FIN, RST, SYN, Datagram, Segment

FOUR = (b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50")
SIX = (b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\2")
FAMILIES = [pytest.param(FOUR, id="4"), pytest.param(SIX, id="6")]
nodes_of_a_family = st.sampled_from([FOUR, SIX])
port = st.integers(0, 65535)
number = st.integers(0, 2**32 - 1)
segments = st.builds(
    Segment,
    *(port, port, number, number, st.integers(0, 255), port),
    data=st.binary(max_size=60),
    options=st.integers(0, 10).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
)


@given(nodes_of_a_family, port, port, st.binary(max_size=100))
def test_udp_round_trip(
    nodes: tuple[bytes, bytes], source_port: int, destination_port: int, data: bytes
) -> None:
    """A datagram survives its packet."""
    words = Datagram(source_port, destination_port, data)
    packet = transport.udp(*nodes, 64, words)
    header = packets.parse(packet)
    assert words == transport.datagram(packet, header)


@pytest.mark.parametrize("nodes", FAMILIES)
def test_a_checksum_that_comes_to_zero_is_written_as_ones(nodes: tuple[bytes, bytes]) -> None:
    """Zero would mean that there is none (RFC 768)."""
    packet = transport.udp(*nodes, 64, Datagram(1, 2, b"\0\0"))
    start = packets.parse(packet).octets + 6
    complement = packet[start : start + 2]
    packet = transport.udp(*nodes, 64, Datagram(1, 2, complement))
    assert b"\xff\xff" == packet[start : start + 2]
    assert complement == transport.datagram(packet, packets.parse(packet)).data


@given(nodes_of_a_family, segments)
def test_tcp_round_trip(nodes: tuple[bytes, bytes], words: Segment) -> None:
    """A segment survives its packet."""
    packet = transport.tcp(*nodes, 64, words)
    assert words == transport.tcp_segment(packet, packets.parse(packet))


@given(nodes_of_a_family, st.binary(max_size=60))
def test_garbage_raises_only_packet_error(nodes: tuple[bytes, bytes], octets: bytes) -> None:
    """Whatever a packet carries is a datagram or a segment within it, or a PacketError."""
    for protocol, read in (
        (packets.UDP, transport.datagram),
        (packets.TCP, transport.tcp_segment),
    ):
        packet = packets.ip(*nodes, protocol, 64, octets)
        try:
            words = read(packet, packets.parse(packet))
        except PacketError:
            continue
        assert len(words.data) <= len(octets)


@pytest.mark.parametrize("nodes", FAMILIES)
def test_what_is_damaged_is_refused(nodes: tuple[bytes, bytes]) -> None:
    """One wrong octet of a datagram or a segment is found."""
    datagram = transport.udp(*nodes, 64, Datagram(1, 53, b"question"))[:-1] + b"!"
    with pytest.raises(PacketError, match="UDP datagram whose checksum is wrong"):
        transport.datagram(datagram, packets.parse(datagram))
    segment = transport.tcp(*nodes, 64, Segment(1, 2, 3, 4, ACK, 5, b"data"))[:-1] + b"!"
    with pytest.raises(PacketError, match="TCP segment whose checksum is wrong"):
        transport.tcp_segment(segment, packets.parse(segment))


def test_a_datagram_without_checksum() -> None:
    """Zero means none in IPv4 (RFC 768) and is an error in IPv6 (RFC 8200 §8.1)."""
    bare = struct.pack("!HHHH", 1, 2, 12, 0) + b"data"
    four = packets.ip(*FOUR, packets.UDP, 64, bare)
    assert Datagram(1, 2, b"data") == transport.datagram(four, packets.parse(four))
    six = packets.ip(*SIX, packets.UDP, 64, bare)
    with pytest.raises(PacketError, match="checksum is wrong"):
        transport.datagram(six, packets.parse(six))


@pytest.mark.parametrize("nodes", FAMILIES)
@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (Segment(9, 80, 2**32 - 1, 0, SYN, 99), Segment(80, 9, 0, 0, RST | ACK, 0)),
        (Segment(9, 80, 5, 0, SYN | FIN, 99, b"abc"), Segment(80, 9, 0, 10, RST | ACK, 0)),
        (Segment(9, 80, 5, 77, ACK, 99, b"abc"), Segment(80, 9, 77, 0, RST, 0)),
        (Segment(9, 80, 5, 0, RST, 0), None),
    ],
)
def test_a_closed_port_resets(
    nodes: tuple[bytes, bytes], asked: Segment, answered: Segment | None
) -> None:
    """The numbers of a reset are those of RFC 9293 §3.5.2; a reset is not answered."""
    packet = transport.tcp(*nodes, 64, asked)
    reset = transport.reset(packet, packets.parse(packet), 61)
    if answered is None:
        assert reset is None
        return
    assert reset is not None
    header = packets.parse(reset)
    assert (*nodes[::-1], 61) == (header.source, header.destination, header.ttl)
    assert answered == transport.tcp_segment(reset, header)


def key_of(packet: bytes, by: transport.IcmpHash = "checksum") -> bytes:
    """The flow key of a packet."""
    return transport.flow_key(packet, packets.parse(packet), icmp=by)


@pytest.mark.parametrize("nodes", FAMILIES)
def test_udp_and_tcp_flows_are_five_tuples(nodes: tuple[bytes, bytes]) -> None:
    """Data, TTL and numbers do not matter; ports, protocol and direction do."""
    one = transport.udp(*nodes, 64, Datagram(1, 2, b"a"))
    same = transport.udp(*nodes, 3, Datagram(1, 2, b"other"))
    stream = transport.tcp(*nodes, 64, Segment(1, 2, 3, 4, SYN, 5))
    later = transport.tcp(*nodes, 64, Segment(1, 2, 30, 40, ACK, 50, b"data"))
    others = [
        stream,
        transport.udp(*nodes, 64, Datagram(3, 2, b"a")),
        transport.udp(*nodes, 64, Datagram(1, 3, b"a")),
        transport.udp(*nodes[::-1], 64, Datagram(1, 2, b"a")),
    ]
    assert key_of(one) == key_of(same)
    assert key_of(stream) == key_of(later)
    assert 5 == len({key_of(one), *map(key_of, others)})


@pytest.mark.parametrize("nodes", FAMILIES)
def test_icmp_flows_follow_the_router(nodes: tuple[bytes, bytes]) -> None:
    """By checksum a compensated probe stays in its flow; by addresses every probe does."""
    probes = [
        icmp.echo_request(*nodes, 64, rest, data)
        for rest, data in ((b"\0\1\0\5", b"\0\2"), (b"\0\1\0\2", b"\0\5"), (b"\0\1\0\2", b"\0\7"))
    ]
    first, compensated, other = map(key_of, probes)
    assert first == compensated
    assert first != other
    assert 1 == len({key_of(probe, "addresses") for probe in probes})


@pytest.mark.parametrize("nodes", FAMILIES)
def test_fragments_and_other_protocols_flow_by_addresses(nodes: tuple[bytes, bytes]) -> None:
    """Where there are no ports, the first octets do not count."""
    keys = {key_of(packets.ip(*nodes, 132, 64, data)) for data in (b"abcdefgh", b"ijklmnop")}
    assert {nodes[0] + nodes[1] + b"\x84"} == keys


def test_pieces_of_a_datagram_stay_together() -> None:
    """First and later pieces share a flow, though the later ones show no ports."""
    first = packets.ip(*SIX, 44, 64, struct.pack("!BBHI", 17, 0, 1, 7) + b"\0\1\0\2....")
    later = packets.ip(*SIX, 44, 64, struct.pack("!BBHI", 17, 0, 8, 7) + b"anything")
    assert key_of(first) == key_of(later)
