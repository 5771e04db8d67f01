"""The batch format: what was encoded comes back, and garbage raises only WireError."""

import contextlib
import struct
import zlib
from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.errors import WireError
from agent.records import (
    AddressChange,
    AgentId,
    Batch,
    Descriptors,
    Hop,
    Outcome,
    Path,
    PathReply,
    Protocol,
    Series,
    SpoolId,
    Stamp,
    WitnessReply,
)

GOLDEN = Batch(
    agent_id=AgentId(bytes(range(16))),
    boot_id=bytes(range(16, 32)),
    spool_id=SpoolId(bytes(range(32, 48))),
    sequence=7,
    base_ns=1_700_000_000_000_000_000,
    clock_error_ns=-1,
    series_ids=[3, 9],
    offsets=[0, 2, 3],
    rtt_s=[0.25, 0.5, 1.5],
    reply_dt_ms=[0, 1000, 65535],
    event_series=[9],
    event_dt_ms=[500],
    event_outcome=[Outcome.LOST],
    descriptors=Descriptors(
        series=(
            Series(
                id=9,
                zone="ovh/gra",
                target="a.example",
                family=4,
                protocol=Protocol.ICMP,
                stamp=Stamp.KERNEL,
            ),
        ),
        addresses=(AddressChange(series=9, dt_ms=5, address="192.0.2.1"),),
        dropped_batches=2,
    ),
)

GOLDEN_HEX = (
    "424f524e01000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f070000000000000000002a36fe9c9717ffffffffffffffff"
    "0200000003000000010000008d00000003000000090000000000000002000000030000000000803e"
    "0000003f0000c03f090000000000e803fffff4010183a67365726965739186a2696409a47a6f6e65"
    "a76f76682f677261a6746172676574a9612e6578616d706c65a666616d696c7904a870726f746f63"
    "6f6ca469636d70a57374616d70a66b65726e656ca96164647265737365739183a673657269657309"
    "a564745f6d7305a761646472657373a93139322e302e322e31af64726f707065645f626174636865"
    "7302"
)

PATH_HEX = (
    "424f524e01000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f080000000000000000002a36fe9c9717f401000000000000"
    "000000000000000000000000de0100000000000081a57061746873918ea6666f726d6174ac626f72"
    "6e652d706174682f31a26964d9207440323032332d31312d31345432323a31333a32302e30303030"
    "30303030305aa4746f6f6cab626f726e652d6167656e74a66f726967696e83a86c61746974756465"
    "cb40486ccccccccccda96c6f6e676974756465cb4002cccccccccccda97261646975735f6b6dcb40"
    "3e000000000000b17274745f7265736f6c7574696f6e5f6e7301a6746172676574a174a761646472"
    "657373a93139322e302e322e39a47a6f6e65a76f76682f677261a666616d696c7904a870726f746f"
    "636f6ca469636d70a772656163686564c3aa737461727465645f6174be323032332d31312d313454"
    "32323a31333a32302e3030303030303030305aa4686f70739282a374746c01a77265706c69657392"
    "81a46c6f7374c387a761646472657373a93139322e302e322e31a46e616d65a9722e6578616d706c"
    "65ae6e616d655f636f6e6669726d6564c3a67274745f6e7307a469636d70920b00a97265706c795f"
    "74746c40a57374616d70a66b65726e656c82a374746c02a77265706c6965739185a7616464726573"
    "73a93139322e302e322e39a67274745f6e7309a469636d70920000a97265706c795f74746c3fa573"
    "74616d70a66b65726e656ca56c696e6b7390"
)
"""A batch that an agent of the first release, which knew one flow and IPv4 alone, sent."""


def decoded_alike(batch: Batch) -> Batch:
    """Return `batch` with its columns as plain lists, as equality needs them."""
    columns = (
        "series_ids",
        "offsets",
        "rtt_s",
        "reply_dt_ms",
        "event_series",
        "event_dt_ms",
        "event_outcome",
    )
    return msgspec.structs.replace(batch, **{name: list(getattr(batch, name)) for name in columns})


U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
TEXT = st.text(max_size=12)
REPLIES = st.builds(
    PathReply,
    address=st.none() | st.just("192.0.2.9"),
    name=st.none() | TEXT,
    name_confirmed=st.none() | st.booleans(),
    rtt_ns=st.none() | st.integers(0, 2**53),
    icmp=st.none() | st.tuples(st.integers(0, 255), st.integers(0, 255)),
    mpls=st.lists(st.tuples(U32, U16, U16, U16), max_size=2).map(tuple),
    stamp=st.none() | st.sampled_from(Stamp),
)
PATHS = st.builds(
    Path,
    id=TEXT,
    tool=TEXT,
    origin=st.none(),
    rtt_resolution_ns=st.integers(1, 10**6),
    target=st.none() | TEXT,
    address=st.none() | TEXT,
    zone=st.none() | TEXT,
    family=st.sampled_from([4, 6]),
    protocol=st.sampled_from(Protocol),
    reached=st.booleans(),
    started_at=TEXT,
    hops=st.lists(
        st.builds(Hop, ttl=st.integers(1, 64), replies=st.lists(REPLIES, max_size=2).map(tuple)),
        max_size=3,
    ).map(tuple),
    links=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)
SERIES = st.builds(
    Series,
    id=U32,
    zone=TEXT,
    target=TEXT,
    family=st.sampled_from([4, 6]),
    protocol=st.sampled_from(Protocol),
    stamp=st.sampled_from(Stamp),
)
IDENTITY = st.binary(min_size=16, max_size=16)
EVENTS = st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.REPLY])


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Draw any batch that an agent may make."""
    counts = draw(st.lists(st.integers(0, 4), max_size=5))
    offsets = [sum(counts[:index]) for index in range(len(counts) + 1)]
    n_replies, n_events = offsets[-1], draw(st.integers(0, 5))
    real = st.floats(width=32, allow_nan=False)

    def column(values: st.SearchStrategy[float], length: int) -> list[float]:
        return draw(st.lists(values, min_size=length, max_size=length))

    return Batch(
        agent_id=AgentId(draw(IDENTITY)),
        boot_id=draw(IDENTITY),
        spool_id=SpoolId(draw(IDENTITY)),
        sequence=draw(st.integers(0, 2**64 - 1)),
        base_ns=draw(st.integers(-(2**63), 2**63 - 1)),
        clock_error_ns=draw(st.integers(-1, 2**63 - 1)),
        series_ids=column(U32, len(counts)),
        offsets=offsets,
        rtt_s=column(real, n_replies),
        reply_dt_ms=column(U16, n_replies),
        event_series=column(U32, n_events),
        event_dt_ms=column(U16, n_events),
        event_outcome=column(EVENTS, n_events),
        descriptors=Descriptors(
            series=tuple(draw(st.lists(SERIES, max_size=2))),
            addresses=tuple(
                draw(
                    st.lists(
                        st.builds(AddressChange, series=U32, dt_ms=U16, address=TEXT), max_size=2
                    )
                )
            ),
            paths=tuple(draw(st.lists(PATHS, max_size=2))),
            dropped_batches=draw(st.integers(0, 9)),
        ),
    )


@given(batches())
def test_round_trip(batch: Batch) -> None:
    """Decoding gives back every value that was encoded."""
    assert decoded_alike(wire.decode(wire.encode(batch))) == decoded_alike(batch)


def test_golden_octets() -> None:
    """The format of version 1 never moves: these octets were kept when it was founded."""
    assert wire.encode(GOLDEN).hex() == GOLDEN_HEX
    assert decoded_alike(wire.decode(bytes.fromhex(GOLDEN_HEX))) == decoded_alike(GOLDEN)


def test_a_path_of_the_first_release_is_read() -> None:
    """What the descriptors did not know then has its default; each value keeps its meaning."""
    (path,) = wire.decode(bytes.fromhex(PATH_HEX)).descriptors.paths
    lost, router, target = (reply for hop in path.hops for reply in hop.replies)
    assert (4, Protocol.ICMP, True, ()) == (path.family, path.protocol, path.reached, path.links)
    assert (True, None, 0, ()) == (lost.lost, lost.address, lost.flow, lost.mpls)
    assert ("r.example", True, 7, (11, 0)) == (
        router.name,
        router.name_confirmed,
        router.rtt_ns,
        router.icmp,
    )
    assert ("192.0.2.9", 9, 63, Stamp.KERNEL) == (
        target.address,
        target.rtt_ns,
        target.reply_ttl,
        target.stamp,
    )


def test_columns_are_views_of_the_body() -> None:
    """Columns are not copied, and their item sizes are those of the layout."""
    batch = wire.decode(wire.encode(GOLDEN))
    found = {
        name: (type(getattr(batch, name)), getattr(batch, name).format)
        for name in ("series_ids", "offsets", "rtt_s", "reply_dt_ms", "event_outcome")
    }
    assert found == {
        "series_ids": (memoryview, "I"),
        "offsets": (memoryview, "I"),
        "rtt_s": (memoryview, "f"),
        "reply_dt_ms": (memoryview, "H"),
        "event_outcome": (memoryview, "B"),
    }


@given(st.binary(max_size=300))
def test_garbage_raises_only_wire_error(body: bytes) -> None:
    """Random octets, with and without a proper beginning, never raise anything else."""
    for candidate in (body, wire.MAGIC + b"\x01\0\0\0" + body):
        with pytest.raises(WireError):
            wire.decode(candidate)


@given(batches(), st.data())
def test_damage_raises_only_wire_error(batch: Batch, data: st.DataObject) -> None:
    """A batch with changed octets decodes or raises WireError, nothing else."""
    body = bytearray(wire.encode(batch))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        wire.decode(bytes(body))


def reason_of(body: bytes) -> str:
    """Return the reason for which `body` is refused."""
    with pytest.raises(WireError) as caught:
        wire.decode(body)
    return caught.value.reason


@given(st.data())
def test_every_cut_is_refused(data: st.DataObject) -> None:
    """A batch that lost its end, or won one, is refused for its length."""
    body = wire.encode(GOLDEN)
    cut = data.draw(st.integers(0, len(body) - 1))
    expected = "truncated" if cut < wire.HEADER_OCTETS else "length"
    assert (reason_of(body[:cut]), reason_of(body + b"\0")) == (expected, "length")


def test_huge_counts_are_refused_without_allocation() -> None:
    """Counts of four thousand million are compared with the length, never believed."""
    body = bytearray(wire.encode(GOLDEN))
    struct.pack_into("<4I", body, 80, *[2**32 - 1] * 4)
    assert reason_of(bytes(body)) == "length"


@pytest.mark.parametrize(
    ("at", "octets", "reason"),
    [
        (0, b"BURN", "magic"),
        (4, b"\x02", "version"),
        (6, b"\x01", "version"),
        (104, b"\x01", "columns"),
        (108, b"\x04", "columns"),
        (112, b"\x02", "columns"),
        (140, b"\x00", "columns"),
        (140, b"\x63", "columns"),
        (141, b"\xc1", "descriptors"),
    ],
)
def test_each_rule_has_its_reason(at: int, octets: bytes, reason: str) -> None:
    """Every rule of the format is checked, and its breach named by its word."""
    body = bytearray(wire.encode(GOLDEN))
    body[at : at + len(octets)] = octets
    assert reason_of(bytes(body)) == reason


@pytest.mark.parametrize(
    "descriptors",
    [
        {"series": [{"id": 2**32, "zone": "", "target": "", "family": 4}]},
        {"addresses": [{"series": -1, "dt_ms": 0, "address": ""}]},
        {"addresses": [{"series": 1, "dt_ms": 65536, "address": ""}]},
        {"dropped_batches": -1},
        {"paths": 3},
    ],
)
def test_descriptors_in_range(descriptors: dict[str, object]) -> None:
    """Descriptors of the wrong type or with numbers out of range are refused."""
    for series in descriptors.get("series", ()):
        series |= {"protocol": "icmp", "stamp": "kernel"}
    plain = msgspec.structs.replace(GOLDEN, descriptors=Descriptors())
    octets = msgspec.msgpack.encode(descriptors)
    body = bytearray(wire.encode(plain)[:-1] + octets)
    struct.pack_into("<I", body, 92, len(octets))
    assert reason_of(bytes(body)) == "descriptors"


def test_deep_descriptors_are_refused() -> None:
    """MessagePack nested a hundred thousand times ends in WireError, not in a crash."""
    octets = b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0"
    plain = msgspec.structs.replace(GOLDEN, descriptors=Descriptors())
    body = bytearray(wire.encode(plain)[:-1] + octets)
    struct.pack_into("<I", body, 92, len(octets))
    assert reason_of(bytes(body)) == "descriptors"


def test_identities_are_checked_when_encoded() -> None:
    """An identity of another length is a bug of the caller, not padded in silence."""
    with pytest.raises(AssertionError, match="16 octets, not 4"):
        wire.encode(msgspec.structs.replace(GOLDEN, boot_id=b"boot"))


@given(st.binary(max_size=2000))
def test_deflate_round_trip(body: bytes) -> None:
    """Inflating within the limit gives back what was deflated, at the exact limit too."""
    assert wire.inflate(wire.deflate(body), max(1, len(body))) == body


@given(st.binary(min_size=2, max_size=2000))
def test_inflation_stops_at_the_limit(body: bytes) -> None:
    """One octet over the limit is refused as inflated."""
    with pytest.raises(WireError) as caught:
        wire.inflate(wire.deflate(body), len(body) - 1)
    assert caught.value.reason == "inflated"


def test_a_bomb_costs_no_memory() -> None:
    """A thousandfold inflation stops at the limit."""
    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    with pytest.raises(WireError) as caught:
        wire.inflate(bomb, 1000)
    assert caught.value.reason == "inflated"


@given(st.binary(max_size=100))
def test_inflating_garbage(body: bytes) -> None:
    """Random octets, cut streams and trailing octets are refused as no stream."""
    whole = wire.deflate(b"borne" * 100)
    for wrong in (b"\xff" + body, whole[:-1], whole[:5], whole + body + b"x"):
        with pytest.raises(WireError) as caught:
            wire.inflate(wrong, 10_000)
        assert caught.value.reason == "deflate"


def test_columns_from_arrays_equal_lists() -> None:
    """The type of the sequences makes no difference to the octets."""
    typed = msgspec.structs.replace(
        GOLDEN, series_ids=array("I", [3, 9]), rtt_s=array("f", [0.25, 0.5, 1.5])
    )
    assert wire.encode(typed) == wire.encode(GOLDEN)


def test_replies_of_witnesses_are_passed_over_by_older_programs() -> None:
    """The version of the wire stays 1: what an older reader does not know it does not miss."""

    class Older(msgspec.Struct, frozen=True):
        paths: tuple[Path, ...] = ()
        dropped_batches: int = 0

    reply = WitnessReply(
        address="62.115.134.138",
        sent_at="2026-11-24T15:02:30.000000000Z",
        rtt_min_ns=700_000,
        samples=3,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )
    told = Descriptors(dropped_batches=2, witness=(reply,))
    batch = msgspec.structs.replace(GOLDEN, descriptors=told)
    assert told == wire.decode(wire.encode(batch)).descriptors
    octets = msgspec.msgpack.encode(told)
    assert Older(dropped_batches=2) == msgspec.msgpack.decode(octets, type=Older)
    assert b"witness" not in wire.encode(GOLDEN)
