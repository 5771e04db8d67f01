"""ICMP and ICMPv6 messages, and what a router says about a packet."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab import icmp, packets, transport
from deploy.lab.errors import PacketError
from deploy.lab.icmp import IcmpError, Label

FOUR = (b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50", b"\xc6\x33\x64\x01")
SIX = tuple(b"\x20\x01\x0d\xb8" + bytes(11) + bytes((last,)) for last in (1, 2, 3))
FAMILIES = [pytest.param(FOUR, id="4"), pytest.param(SIX, id="6")]
REQUEST = {4: icmp.ECHO_REQUEST, 16: icmp.ECHO_REQUEST_6}
REPLY = {4: icmp.ECHO_REPLY, 16: icmp.ECHO_REPLY_6}
labels = st.tuples(st.integers(0, 2**20 - 1), st.integers(0, 7), st.integers(0, 255))


def echo(nodes: tuple[bytes, ...], data: bytes = b"borne", ttl: int = 64) -> bytes:
    """An echo request from the first node to the second."""
    return icmp.echo_request(nodes[0], nodes[1], ttl, b"\x12\x34\x00\x07", data)


def message_of(packet: bytes) -> bytes:
    """The ICMP message in `packet`, after its checksum was found right."""
    header = packets.parse(packet)
    message = packet[header.octets : header.total_octets]
    pseudo = b""
    if header.version == 6:
        pseudo = header.source + header.destination
        pseudo += struct.pack("!IBBBB", len(message), 0, 0, 0, packets.ICMPV6)
    assert packets.checksum(pseudo + message) == 0
    return message


@pytest.mark.parametrize("nodes", FAMILIES)
@pytest.mark.parametrize("kind", list(IcmpError))
def test_an_error_quotes_the_packet(nodes: tuple[bytes, ...], kind: IcmpError) -> None:
    """It comes from the router, goes to the sender and quotes the whole small packet."""
    packet = echo(nodes, ttl=1)
    error = icmp.icmp_error(kind, nodes[2], packet, 255)
    header = packets.parse(error)
    assert (nodes[2], nodes[0], 255) == (header.source, header.destination, header.ttl)
    message = message_of(error)
    assert bytes(kind.in_ipv4 if len(nodes[0]) == 4 else kind.in_ipv6) == message[:2]
    assert bytes(4) == message[4:8]
    assert packet == message[8:]


def test_numbers_of_both_families() -> None:
    """The types and codes of RFC 792, RFC 1812 and RFC 4443."""
    assert {
        "TTL_EXCEEDED": ((11, 0), (3, 0)),
        "NO_ROUTE": ((3, 0), (1, 0)),
        "HOST_UNREACHABLE": ((3, 1), (1, 3)),
        "PORT_UNREACHABLE": ((3, 3), (1, 4)),
        "PROHIBITED": ((3, 13), (1, 1)),
        "TOO_BIG": ((3, 4), (2, 0)),
    } == {kind.name: (kind.in_ipv4, kind.in_ipv6) for kind in IcmpError}


@pytest.mark.parametrize(("nodes", "limit"), [(FOUR, 576), (SIX, 1280)])
@pytest.mark.parametrize("stack", [(), ((3, 0, 1),)])
def test_a_long_packet_is_quoted_up_to_the_limit(
    nodes: tuple[bytes, ...], limit: int, stack: tuple[Label, ...]
) -> None:
    """The error packet as a whole holds 576 or 1,280 octets, its extension included."""
    packet = echo(nodes, data=bytes(1400))
    error = icmp.icmp_error(IcmpError.TTL_EXCEEDED, nodes[2], packet, 255, labels=stack)
    assert limit - 8 < len(error) <= limit


@pytest.mark.parametrize("nodes", FAMILIES)
def test_link_padding_is_not_quoted(nodes: tuple[bytes, ...]) -> None:
    """Octets after the total length belong to the link and stay there."""
    packet = echo(nodes)
    error = icmp.icmp_error(IcmpError.TTL_EXCEEDED, nodes[2], packet + bytes(9), 255)
    assert packet == message_of(error)[8:]


@pytest.mark.parametrize(
    ("nodes", "rest"), [(FOUR, b"\0\0\x05\x78"), (SIX, b"\0\0\x05\x78")], ids=["4", "6"]
)
def test_too_big_says_the_next_mtu(nodes: tuple[bytes, ...], rest: bytes) -> None:
    """The next hop's MTU stands in the last two (RFC 1191) or in all four octets (RFC 4443)."""
    packet = echo(nodes, data=bytes(1452))
    error = icmp.icmp_error(IcmpError.TOO_BIG, nodes[2], packet, 255, mtu=1400)
    assert rest == message_of(error)[4:8]


def test_packet_too_big_has_no_extension() -> None:
    """ICMPv6 packet too big has no length field; in IPv4 MTU and labels stand together."""
    too_big = [
        icmp.icmp_error(
            IcmpError.TOO_BIG, nodes[2], echo(nodes), 255, mtu=1400, labels=((3, 0, 1),)
        )
        for nodes in (FOUR, SIX)
    ]
    four, six = map(message_of, too_big)
    assert (b"\0\x20\x05\x78", 8 + 128 + 12) == (four[4:8], len(four))
    assert echo(SIX) == six[8:]


@given(
    st.sampled_from([FOUR, SIX]),
    st.binary(max_size=1400),
    st.lists(labels, min_size=1, max_size=6),
    st.sampled_from([IcmpError.TTL_EXCEEDED, IcmpError.NO_ROUTE]),
)
def test_label_stacks_round_trip(
    nodes: tuple[bytes, ...], data: bytes, stack: list[tuple[int, int, int]], kind: IcmpError
) -> None:
    """A reader that follows RFC 4884 and RFC 4950 finds the quote and the stack."""
    packet = echo(nodes, data)
    message = message_of(icmp.icmp_error(kind, nodes[2], packet, 255, labels=stack))
    quote_octets = message[5] * 4 if len(nodes[0]) == 4 else message[4] * 8
    assert quote_octets >= 128
    quote, extension = message[8 : 8 + quote_octets], message[8 + quote_octets :]
    assert packet[:quote_octets].ljust(quote_octets, b"\0") == quote
    assert (0x2000, 0) == (struct.unpack_from("!H", extension)[0], packets.checksum(extension))
    length, kind_of_object = struct.unpack_from("!HH", extension, 4)
    assert (len(extension) - 4, 0x0101) == (length, kind_of_object)
    words = [word for (word,) in struct.iter_unpack("!I", extension[8:])]
    assert stack == [(word >> 12, word >> 9 & 7, word & 0xFF) for word in words]
    assert [0] * (len(stack) - 1) + [1] == [word >> 8 & 1 for word in words]


def test_a_known_label_stack() -> None:
    """Labels 24001 and 3 with their TTLs, octet for octet (RFC 4950 §3, RFC 4884 §7)."""
    extension = icmp.label_stack((Label(24001, 0, 1), Label(3, 5, 255)))
    assert bytes.fromhex("2000 8d16 000c 0101 05dc1001 00003bff") == extension


@given(st.sampled_from([FOUR, SIX]), st.binary(max_size=100))
def test_echo_reply_gives_back_what_was_sent(nodes: tuple[bytes, ...], data: bytes) -> None:
    """Identifier, sequence and data return, from the address that was asked."""
    request = echo(nodes, data)
    header = packets.parse(request)
    assert icmp.is_echo_request(request, header)
    reply = icmp.echo_reply(request, header, 60)
    back = packets.parse(reply)
    assert (nodes[1], nodes[0], 60) == (back.source, back.destination, back.ttl)
    assert REPLY[len(nodes[0])] == message_of(reply)[0]
    assert b"\x12\x34\x00\x07" + data == message_of(reply)[4:]


@pytest.mark.parametrize("nodes", FAMILIES)
def test_only_whole_echo_requests_are_echo_requests(nodes: tuple[bytes, ...]) -> None:
    """A reply, another code, a damaged or short request and the other family's are none."""
    here, there, _ = nodes
    size = len(here)
    family = {4: packets.ICMP, 16: packets.ICMPV6}[size]
    request = echo(nodes)
    others = [
        icmp.icmp(here, there, 64, (REPLY[size], 0), bytes(4), b"borne"),
        icmp.icmp(here, there, 64, (REQUEST[size], 1), bytes(4), b"borne"),
        request[:-1] + b"!",
        packets.ip(here, there, family, 64, request[-13:-7]),
        packets.ip(here, there, packets.ICMP + packets.ICMPV6 - family, 64, request[-13:]),
    ]
    seen = [icmp.is_echo_request(packet, packets.parse(packet)) for packet in (request, *others)]
    assert [True, False, False, False, False, False] == seen


def fragment(nodes: tuple[bytes, ...], offset: int) -> bytes:
    """A piece of an echo request, `offset` times 8 octets into it."""
    if len(nodes[0]) == 16:
        piece = struct.pack("!BBHI", packets.ICMPV6, 0, offset << 3 | 1, 7) + echo(nodes)[40:]
        return packets.ip(nodes[0], nodes[1], 44, 64, piece)
    packet = bytearray(echo(nodes))
    packet[6:8], packet[10:12] = struct.pack("!H", 0x2000 | offset), b"\0\0"
    packet[10:12] = packets.checksum(bytes(packet[:20])).to_bytes(2, "big")
    return bytes(packet)


@pytest.mark.parametrize("nodes", FAMILIES)
def test_a_fragment_is_no_whole_echo_request(nodes: tuple[bytes, ...]) -> None:
    """Even a first piece that looks whole is not answered."""
    piece = fragment(nodes, 0)
    assert not icmp.is_echo_request(piece, packets.parse(piece))


@pytest.mark.parametrize("nodes", FAMILIES)
def test_no_errors_about_errors_nor_later_fragments(nodes: tuple[bytes, ...]) -> None:
    """An error answers neither an error nor a later piece (RFC 1812 §4.3.2.7, RFC 4443 §2.4)."""
    here, there, _ = nodes
    request = echo(nodes)
    family = {4: packets.ICMP, 16: packets.ICMPV6}[len(here)]
    cases = {
        request: True,
        icmp.echo_reply(request, packets.parse(request), 64): True,
        transport.udp(here, there, 1, transport.Datagram(1, 2, b"")): True,
        packets.ip(here, there, family, 1, b""): True,
        fragment(nodes, 0): True,
        fragment(nodes, 1): False,
    }
    for kind in IcmpError:
        cases[icmp.icmp_error(kind, here, request, 64)] = False
    answers = {packet: icmp.may_provoke_error(packet, packets.parse(packet)) for packet in cases}
    assert cases == answers


def test_no_error_about_a_redirect() -> None:
    """Redirects are informational by number in ICMPv6 and yet provoke nothing."""
    redirects = [
        icmp.icmp(FOUR[0], FOUR[1], 64, (5, 1), bytes(4), b""),
        icmp.icmp(SIX[0], SIX[1], 255, (137, 0), bytes(4), bytes(32)),
    ]
    assert [False, False] == [
        icmp.may_provoke_error(packet, packets.parse(packet)) for packet in redirects
    ]


@given(st.binary(max_size=120), st.sampled_from([None, 0x45, 0x60]))
def test_garbage_raises_only_packet_error(octets: bytes, first: int | None) -> None:
    """An error about anything is an error packet or a PacketError."""
    packet = octets if first is None else bytes((first,)) + octets
    try:
        error = icmp.icmp_error(IcmpError.TTL_EXCEEDED, SIX[2], packet, 255)
    except PacketError:
        return
    assert packets.parse(packet).source == packets.parse(error).destination
