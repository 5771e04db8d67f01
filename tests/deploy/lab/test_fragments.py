"""Pieces of packets: cut, put together, and spoilt."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab import packets
from deploy.lab.fragments import KEPT, PATIENCE_NS, Fragments, cut
from deploy.lab.packets import FRAGMENT_OFFSET, MORE_FRAGMENTS, UDP

ENDS_4 = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50"
ENDS_6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"
ENDS = [pytest.param(ENDS_4, id="4"), pytest.param(ENDS_6, id="6")]
DATA = bytes(n % 251 for n in range(3000))


def whole(ends: tuple[bytes, bytes], data: bytes = DATA) -> bytes:
    """A packet that is too large for a link."""
    return packets.ip(*ends, UDP, 9, data)


def in_pieces(packet: bytes, mtu: int = 1280, identification: int = 7) -> list[bytes]:
    """The pieces of a packet."""
    return cut(packet, packets.parse(packet), mtu, identification)


def put(pieces: list[bytes], now_ns: int = 0, into: Fragments | None = None) -> list[bytes | None]:
    """What comes of each piece in turn."""
    fragments = into or Fragments()
    return [fragments.add(piece, packets.parse(piece), now_ns) for piece in pieces]


@pytest.mark.parametrize("ends", ENDS)
def test_in_any_order(ends: tuple[bytes, bytes]) -> None:
    """The last piece to come completes the packet, whichever it is."""
    pieces = in_pieces(whole(ends))
    assert len(pieces) == 3
    for order in permutations(pieces):
        assert put(list(order)) == [None, None, whole(ends)]


@given(st.binary(min_size=1, max_size=4000), st.integers(576, 1500), st.integers(576, 1500))
def test_what_is_cut_twice_comes_together(data: bytes, wide: int, narrow: int) -> None:
    """Pieces that meet a narrower link are cut again and still make the packet (RFC 791 §3.2)."""
    sent = whole(ENDS_4, data)
    pieces = [again for piece in in_pieces(sent, wide) for again in in_pieces(piece, narrow)]
    assert all(len(piece) <= narrow for piece in pieces)
    made = put(pieces)[-1] if len(pieces) > 1 else pieces[0]
    assert made == sent


def test_the_octets_of_pieces() -> None:
    """As RFC 791 §3.1 and RFC 8200 §4.5 draw them, by hand."""
    first, last = in_pieces(whole(ENDS_4, bytes(1300)), 1300, 0x1234)
    assert first[:8].hex() == "4500" + f"{20 + 1280:04x}" + "1234" + "2000"
    assert last[:8].hex() == "4500" + f"{20 + 20:04x}" + "1234" + "00a0"
    first, last = in_pieces(whole(ENDS_6, bytes(1300)), 1300, 0x12345678)
    assert (first[4:8].hex(), first[40:48].hex()) == ("04e82c09", "1100000112345678")
    assert (last[4:8].hex(), last[40:48].hex()) == ("003c2c09", "110004e012345678")


@pytest.mark.parametrize("ends", ENDS)
def test_pieces_of_two_packets_do_not_mix(ends: tuple[bytes, bytes]) -> None:
    """The identification tells them apart."""
    one, two = (in_pieces(whole(ends), identification=number) for number in (1, 2))
    assert put([one[0], two[1], one[2], two[0], one[1], two[2]])[-2:] == [whole(ends)] * 2


@pytest.mark.parametrize("ends", ENDS)
def test_who_comes_too_late_waits_alone(ends: tuple[bytes, bytes]) -> None:
    """Pieces are kept for half a minute."""
    fragments, (*early, late) = Fragments(), in_pieces(whole(ends))
    put(early, into=fragments)
    assert put([late], PATIENCE_NS + 1, into=fragments) == [None]
    assert put(early, PATIENCE_NS + 2, into=fragments) == [None, whole(ends)]


def test_too_many_packets_push_out_the_oldest() -> None:
    """A flood of first pieces takes bounded room."""
    fragments, (first, *rest) = Fragments(), in_pieces(whole(ENDS_4))
    put([first], into=fragments)
    flood = [in_pieces(whole(ENDS_4), identification=100 + n)[0] for n in range(KEPT)]
    put(flood, into=fragments)
    assert put(rest, into=fragments) == [None, None]


def test_overlaps_and_wrong_sizes_spoil_a_packet() -> None:
    """A piece twice, one beyond the end, two ends, a crooked size, none: nothing comes of them."""
    first, middle, last = in_pieces(whole(ENDS_4))
    overlapping = bytearray(middle)
    overlapping[6:8] = (packets.parse(middle).fragment - 1).to_bytes(2, "big")
    beyond = bytearray(last)
    beyond[6:8] = FRAGMENT_OFFSET.to_bytes(2, "big")
    other_end = bytearray(middle)
    other_end[6:8] = (packets.parse(middle).fragment & ~MORE_FRAGMENTS).to_bytes(2, "big")
    crooked = bytearray(first[:-1])
    crooked[2:4] = len(crooked).to_bytes(2, "big")
    empty = bytearray(middle[:20])
    empty[2:4] = b"\0\x14"
    for bad in (overlapping, beyond, other_end, crooked, empty, bytearray(first)):
        bad[10:12] = b"\0\0"
        bad[10:12] = packets.checksum(bytes(bad[:20])).to_bytes(2, "big")
        assert whole(ENDS_4) not in put([first, bytes(bad), middle, last])


def test_a_fragment_header_behind_another_is_lost() -> None:
    """An IPv6 piece with options before its fragment header is not put together."""
    piece = in_pieces(whole(ENDS_6))[0]
    options = bytes((44, 0)) + bytes(6)
    longer = piece[:4] + (len(piece) - 32).to_bytes(2, "big") + b"\0" + piece[7:40]
    assert put([longer + options + piece[40:]]) == [None]
