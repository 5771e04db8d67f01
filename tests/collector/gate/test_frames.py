"""Frames of the journal: exact round trips, and damage that is named and never taken for data."""

import random
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.gate import frames
from collector.gate.frames import HEADER_OCTETS, Damage, Entry, Tail
from tests.fakes.collector_durable import vantage

BARE = msgspec.structs.replace(vantage(0), token_sha256="")


def entry(number: int, body: bytes = b"") -> Entry:
    """Return an entry as a scan gives it back."""
    return Entry(received_ns=number, vantage=BARE, body=body or b"body %d" % number)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=300)), max_size=5))
def test_what_is_written_is_read(parts: list[tuple[int, bytes]]) -> None:
    """A scan of encoded entries gives the entries, in order, and nothing else."""
    entries = [Entry(received_ns=ns, vantage=BARE, body=body) for ns, body in parts]
    content = b"".join(map(frames.encode, entries))
    assert entries == list(frames.scan(memoryview(content)))


def test_the_octets_of_a_frame_are_fixed() -> None:
    """The layout of the docstring, octet by octet."""
    frame = frames.encode(entry(5, b"xyz"))
    vantage_octets = msgspec.msgpack.encode(BARE)
    payload = (
        (5).to_bytes(8, "little") + len(vantage_octets).to_bytes(4, "little") + vantage_octets
    ) + b"xyz"
    head = b"BJ\x01\x00" + len(payload).to_bytes(4, "little")
    head += zlib.crc32(payload).to_bytes(4, "little")
    assert head + zlib.crc32(head).to_bytes(4, "little") + payload == frame


def test_the_token_is_not_written() -> None:
    """Not even the digest of a token reaches the journal."""
    original = Entry(received_ns=1, vantage=vantage(0), body=b"x")
    assert vantage(0).token_sha256.encode() not in frames.encode(original)


@given(st.binary(max_size=400))
def test_garbage_is_damage_or_tail(garbage: bytes) -> None:
    """Random octets never become an entry, and all of them are accounted for."""
    found = list(frames.scan(memoryview(garbage)))
    assert [] == [one for one in found if isinstance(one, Entry)]
    assert len(garbage) == sum(one.octets for one in found if isinstance(one, Damage | Tail))


def test_every_cut_leaves_a_prefix_and_a_tail() -> None:
    """A file that ends anywhere gives the whole frames before that, and one tail."""
    whole = [frames.encode(entry(number)) for number in range(3)]
    content = b"".join(whole)
    ends = [0, len(whole[0]), len(whole[0] + whole[1]), len(content)]
    for length in range(len(content)):
        count = sum(end <= length for end in ends) - 1
        expected: list[Entry | Tail] = [entry(number) for number in range(count)]
        if length not in ends:
            expected.append(Tail(offset=ends[count], octets=length - ends[count]))
        assert expected == list(frames.scan(memoryview(content[:length])))


def test_a_flipped_body_costs_one_frame() -> None:
    """Where the header holds, the frames behind a damaged body are found."""
    parts = [bytearray(frames.encode(entry(number))) for number in range(3)]
    parts[1][-1] ^= 1
    found = list(frames.scan(memoryview(b"".join(parts))))
    damage = Damage(
        offset=len(parts[0]),
        octets=len(parts[1]),
        says="a frame does not match its checksum",
    )
    assert [entry(0), damage, entry(2)] == found


def test_a_flipped_header_costs_the_rest() -> None:
    """Where the header does not hold, its length is not believed."""
    parts = [bytearray(frames.encode(entry(number))) for number in range(3)]
    parts[1][5] ^= 1
    found = list(frames.scan(memoryview(b"".join(parts))))
    damage = Damage(
        offset=len(parts[0]),
        octets=len(parts[1]) + len(parts[2]),
        says="the header of a frame does not match its checksum",
    )
    assert [entry(0), damage] == found


def test_another_version_is_named() -> None:
    """A frame of another version is reported with both numbers, and passed over."""
    content = bytearray(frames.encode(entry(0)))
    content[2] = 2
    content[12:16] = zlib.crc32(content[:12]).to_bytes(4, "little")
    first, second = frames.scan(memoryview(bytes(content) + frames.encode(entry(1))))
    assert isinstance(first, Damage)
    assert "a frame has version 2, this program reads 1" == first.says
    assert entry(1) == second


@pytest.mark.parametrize("payload", [b"", b"short", b"\0" * 8 + b"\xff\xff\0\0"])
def test_an_intact_frame_of_other_content_is_damage(payload: bytes) -> None:
    """A payload whose checksum holds and which no program of ours wrote is not used."""
    head = b"BJ\x01\x00" + len(payload).to_bytes(4, "little")
    head += zlib.crc32(payload).to_bytes(4, "little")
    content = head + zlib.crc32(head).to_bytes(4, "little") + payload
    (found,) = frames.scan(memoryview(content))
    assert isinstance(found, Damage)
    assert HEADER_OCTETS + len(payload) == found.octets


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_flipped_bits_are_never_returned_as_data(seed: int, flips: int) -> None:
    """Whatever bits flip, each entry of a scan is one that was written, in order, or reported."""
    dice = random.Random(seed)
    entries = [entry(number) for number in range(8)]
    content = bytearray(b"".join(map(frames.encode, entries)))
    for _ in range(flips):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    found = list(frames.scan(memoryview(content)))
    intact = [one for one in found if isinstance(one, Entry)]
    assert [one for one in entries if one in intact] == intact
    assert len(intact) == len(entries) or len(found) > len(intact)
