"""IP headers of both versions, as the lab reads and writes them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab import packets
from deploy.lab.errors import PacketError

pairs = st.sampled_from([4, 16]).flatmap(
    lambda size: st.tuples(*[st.binary(min_size=size, max_size=size)] * 2)
)
HERE, THERE = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50"
HERE_6, THERE_6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"
PADDING = b"\1\4\0\0\0\0"
"""What fills an extension header of 8 octets: PadN (RFC 8200 §4.2)."""


def slow_checksum(octets: bytes) -> int:
    """RFC 1071 as it is written: add 16-bit words, fold the carries, complement."""
    padded = octets + b"\0" * (len(octets) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack("!H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def cut(offset: int, *, more: bool, following: int = packets.UDP) -> bytes:
    """An IPv6 fragment header; its reserved octet means nothing (RFC 8200 §4.5)."""
    return struct.pack("!BBHI", following, 9, offset << 3 | more, 7)


@given(st.binary(max_size=200))
def test_checksum_equals_the_rfc(octets: bytes) -> None:
    """The short checksum is the one that RFC 1071 spells out."""
    assert slow_checksum(octets) == packets.checksum(octets)


@given(pairs, st.sampled_from([1, 6, 17, 58, 132]), st.integers(0, 255), st.binary(max_size=100))
def test_round_trip(addresses: tuple[bytes, bytes], protocol: int, ttl: int, data: bytes) -> None:
    """What is built is what is read, in both versions."""
    source, destination = addresses
    packet = packets.ip(source, destination, protocol, ttl, data)
    header = packets.parse(packet)
    assert (source, destination) == (header.source, header.destination)
    assert (protocol, ttl, 0) == (header.protocol, header.ttl, header.flow_label)
    assert {4: 4, 16: 6}[len(source)] == header.version
    assert data == packet[header.octets : header.total_octets]
    assert (False, False, False) == (
        header.is_fragment,
        header.is_later_fragment,
        header.may_be_cut,
    )


@given(st.binary(max_size=120), st.sampled_from([None, 0x45, 0x60]))
def test_garbage_raises_only_packet_error(octets: bytes, first: int | None) -> None:
    """Whatever arrives is a header within its packet or a PacketError."""
    packet = octets if first is None else bytes((first,)) + octets
    try:
        header = packets.parse(packet)
    except PacketError:
        return
    assert header.octets <= header.total_octets <= len(packet)


@given(st.lists(st.sampled_from([0, 43, 44, 60]), min_size=1), st.binary(max_size=80))
def test_garbage_extensions_raise_only_packet_error(chain: list[int], octets: bytes) -> None:
    """Extension headers may claim anything; nothing is read outside the packet."""
    data = b"".join(bytes((following,)) + b"\0" * 7 for following in chain[1:]) + octets
    packet = packets.ip(HERE_6, THERE_6, chain[0], 64, data)
    try:
        header = packets.parse(packet)
    except PacketError:
        return
    assert header.octets <= header.total_octets == len(packet)


@given(pairs, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))
def test_another_ttl(addresses: tuple[bytes, bytes], before: int, after: int, data: bytes) -> None:
    """A packet whose TTL was changed is the packet built with that TTL (RFC 1624)."""
    first = packets.ip(*addresses, packets.UDP, before, data)
    second = packets.ip(*addresses, packets.UDP, after, data)
    changed = packets.with_ttl(first, after)
    assert packets.parse(second) == packets.parse(changed)
    assert second[12:] == changed[12:]


def test_a_damaged_header_is_refused() -> None:
    """One wrong bit in an IPv4 header is found."""
    packet = bytearray(packets.ip(HERE, THERE, packets.UDP, 64, b"borne"))
    packet[15] ^= 1
    with pytest.raises(PacketError, match="checksum is wrong"):
        packets.parse(bytes(packet))


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b"", "version 0 in 0 octets"),
        (b"\x50" + bytes(40), "version 5"),
        (b"\x45" + bytes(10), "11 octets are too few for an IPv4 header"),
        (b"\x60" + bytes(38), "39 octets are too few for an IPv6 header"),
        (packets.ip(HERE_6, THERE_6, 17, 64, b"cut")[:-1], "a payload of 3 in 42 octets"),
        (packets.ip(HERE_6, THERE_6, 60, 64, b"\x11\0"), "ends within extension header 60"),
        (packets.ip(HERE_6, THERE_6, 60, 64, b"\x11\1" + PADDING), "headers need 56"),
    ],
)
def test_the_refusal_says_what_was_found(packet: bytes, words: str) -> None:
    """Each kind of damage has its words."""
    with pytest.raises(PacketError, match=words):
        packets.parse(packet)


def test_extension_headers_are_skipped() -> None:
    """Hop-by-hop, routing, destination and fragment headers lead to the upper layer."""
    chain = b"\x2b\0" + PADDING + b"\x3c\0" + PADDING + b"\x2c\1" + PADDING + bytes(8)
    packet = packets.ip(HERE_6, THERE_6, 0, 64, chain + cut(0, more=False) + b"data")
    header = packets.parse(packet)
    assert (packets.UDP, b"data") == (header.protocol, packet[header.octets :])
    assert not header.is_fragment


def test_fragments_are_told_apart_alike_in_both_versions() -> None:
    """First, middle and last piece say so; what is no piece does not."""
    offsets = [(0, True), (2, True), (2, False), (0, False)]
    six = [
        packets.parse(packets.ip(HERE_6, THERE_6, 44, 64, cut(offset, more=more) + bytes(16)))
        for offset, more in offsets
    ]
    four = []
    for offset, more in offsets:
        packet = bytearray(packets.ip(HERE, THERE, packets.UDP, 64, bytes(16)))
        packet[6:8], packet[10:12] = struct.pack("!H", more << 13 | offset), b"\0\0"
        packet[10:12] = struct.pack("!H", packets.checksum(bytes(packet[:20])))
        four.append(packets.parse(bytes(packet)))
    expected = [(True, False), (True, True), (True, True), (False, False)]
    assert expected == [(header.is_fragment, header.is_later_fragment) for header in six]
    assert expected == [(header.is_fragment, header.is_later_fragment) for header in four]
    assert [False] * 4 == [header.may_be_cut for header in six]
    assert [True] * 4 == [header.may_be_cut for header in four]


def test_a_later_fragment_has_no_further_headers() -> None:
    """Behind a fragment header with an offset stands data, whatever its first octets look like."""
    packet = packets.ip(HERE_6, THERE_6, 44, 64, cut(3, more=True, following=60) + bytes(16))
    header = packets.parse(packet)
    assert (60, 48) == (header.protocol, header.octets)


def test_the_flow_label_is_read() -> None:
    """The last 20 bits of the first word, without version and traffic class."""
    packet = packets.ip(HERE_6, THERE_6, packets.UDP, 64, b"")
    marked = b"\x6a\xbc\xde\xf0" + packet[4:]
    assert packets.parse(marked).flow_label == 0xCDEF0
