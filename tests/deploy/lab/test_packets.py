"""The octets of the lab's routers and hosts."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab import packets
from deploy.lab.errors import PacketError

addresses = st.binary(min_size=4, max_size=4)
HERE, THERE, ROUTER = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50", b"\xc6\x33\x64\x01"


def slow_checksum(octets: bytes) -> int:
    """RFC 1071 as it is written: add 16-bit words, fold the carries, complement."""
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack("!H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(ttl: int = 64, data: bytes = b"borne", kind: int = packets.ECHO_REQUEST) -> bytes:
    """An ICMP message from HERE to THERE."""
    message = packets.icmp(kind, 0, b"\x12\x34\x00\x07", data)
    return packets.ipv4(HERE, THERE, packets.ICMP, ttl, message)


@given(st.binary(max_size=200))
def test_checksum_equals_the_rfc(octets: bytes) -> None:
    """The short checksum is the one that RFC 1071 spells out."""
    assert packets.checksum(octets) == slow_checksum(octets)


@given(addresses, addresses, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=100))
def test_ipv4_round_trip(
    source: bytes, destination: bytes, protocol: int, ttl: int, data: bytes
) -> None:
    """What is built is what is read."""
    packet = packets.ipv4(source, destination, protocol, ttl, data)
    header = packets.parse(packet)
    assert (header.source, header.destination) == (source, destination)
    assert (header.protocol, header.ttl) == (protocol, ttl)
    assert packet[header.octets : header.total_octets] == data
    assert not header.is_fragment


@given(st.binary(max_size=120))
def test_garbage_raises_only_packet_error(octets: bytes) -> None:
    """Whatever arrives is a header or a PacketError."""
    try:
        header = packets.parse(octets)
    except PacketError:
        return
    assert packets.checksum(octets[: header.octets]) == 0


@given(st.binary(max_size=60))
def test_garbage_datagram_raises_only_packet_error(octets: bytes) -> None:
    """Whatever an IPv4 packet carries is a datagram or a PacketError."""
    packet = packets.ipv4(HERE, THERE, packets.UDP, 64, octets)
    try:
        read = packets.datagram(packet, packets.parse(packet))
    except PacketError:
        return
    assert len(read.data) <= len(octets) - packets.UDP_OCTETS


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))
def test_incremental_checksum_equals_a_new_one(before: int, after: int, data: bytes) -> None:
    """A packet whose TTL was changed is the packet built with that TTL (RFC 1624)."""
    first = packets.ipv4(HERE, THERE, packets.UDP, before, data)
    second = packets.ipv4(HERE, THERE, packets.UDP, after, data)
    assert packets.parse(packets.with_ttl(first, after)).ttl == after
    assert packets.with_ttl(first, after)[:10] == second[:10]
    assert packets.with_ttl(first, after)[12:] == second[12:]


@given(st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=100))
def test_udp_round_trip(source_port: int, destination_port: int, data: bytes) -> None:
    """A datagram survives its packet."""
    words = packets.Datagram(source_port, destination_port, data)
    packet = packets.udp(HERE, THERE, 64, words)
    assert packets.datagram(packet, packets.parse(packet)) == words


def test_udp_with_a_wrong_checksum_is_refused() -> None:
    """A damaged datagram is not read."""
    packet = packets.udp(HERE, THERE, 64, packets.Datagram(1, 53, b"question"))
    damaged = packet[:-1] + b"!"
    with pytest.raises(PacketError, match="UDP datagram whose checksum is wrong"):
        packets.datagram(damaged, packets.parse(damaged))


def test_a_damaged_header_is_refused() -> None:
    """One wrong bit in the header is found."""
    packet = bytearray(echo())
    packet[15] ^= 1
    with pytest.raises(PacketError, match="checksum is wrong"):
        packets.parse(bytes(packet))


def test_time_exceeded_quotes_the_packet() -> None:
    """The error comes from the router, goes to the sender and quotes the whole small packet."""
    packet = echo(ttl=1)
    error = packets.icmp_error(packets.TIME_EXCEEDED, 0, ROUTER, packet, 255)
    header = packets.parse(error)
    assert (header.source, header.destination, header.ttl) == (ROUTER, HERE, 255)
    message = error[header.octets :]
    assert packets.checksum(message) == 0
    assert message[:2] == bytes((packets.TIME_EXCEEDED, 0))
    assert message[8:] == packet


def test_a_long_packet_is_quoted_up_to_576_octets() -> None:
    """The error datagram as a whole holds 576 octets (RFC 1812 §4.3.2.3)."""
    error = packets.icmp_error(packets.TIME_EXCEEDED, 0, ROUTER, echo(data=bytes(1400)), 255)
    assert len(error) == 576


def test_link_padding_is_not_quoted() -> None:
    """Octets after the total length belong to the link and stay there."""
    packet = echo()
    error = packets.icmp_error(packets.TIME_EXCEEDED, 0, ROUTER, packet + bytes(9), 255)
    assert error.endswith(packet)


@given(st.binary(max_size=100))
def test_echo_reply_gives_back_what_was_sent(data: bytes) -> None:
    """Identifier, sequence and data return, from the address that was asked."""
    request = echo(data=data)
    reply = packets.echo_reply(request, packets.parse(request), 60)
    header = packets.parse(reply)
    assert (header.source, header.destination, header.ttl) == (THERE, HERE, 60)
    assert packets.checksum(reply[header.octets :]) == 0
    assert reply[header.octets] == packets.ECHO_REPLY
    assert reply[header.octets + 4 :] == b"\x12\x34\x00\x07" + data


def test_only_whole_echo_requests_are_echo_requests() -> None:
    """A reply, a damaged request and a request cut short are none."""
    request, reply = echo(), echo(kind=packets.ECHO_REPLY)
    short = packets.ipv4(HERE, THERE, packets.ICMP, 64, request[20:26])
    seen = [
        packets.is_echo_request(packet, packets.parse(packet))
        for packet in (request, reply, request[:-1] + b"!", short)
    ]
    assert seen == [True, False, False, False]


@pytest.mark.parametrize(
    ("packet", "allowed"),
    [
        (echo(), True),
        (echo(kind=packets.ECHO_REPLY), True),
        (echo(kind=packets.TIME_EXCEEDED), False),
        (echo(kind=packets.UNREACHABLE), False),
        (packets.ipv4(HERE, THERE, packets.UDP, 1, b""), True),
        (packets.ipv4(HERE, THERE, packets.ICMP, 1, b""), True),
    ],
)
def test_no_errors_about_errors(packet: bytes, allowed: bool) -> None:
    """A router never answers an ICMP error with an ICMP error (RFC 1812 §4.3.2.7)."""
    assert packets.may_provoke_error(packet, packets.parse(packet)) is allowed


def test_no_errors_about_later_fragments() -> None:
    """Only the first fragment of a packet may be answered with an error."""
    packet = bytearray(packets.ipv4(HERE, THERE, packets.UDP, 1, b"later piece"))
    packet[6:8], packet[10:12] = b"\x00\x10", b"\0\0"
    packet[10:12] = packets.checksum(bytes(packet[:20])).to_bytes(2, "big")
    header = packets.parse(bytes(packet))
    assert header.is_fragment
    assert packets.may_provoke_error(bytes(packet), header) is False
