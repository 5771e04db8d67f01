"""The contract's words: what older programs have stored must mean the same tomorrow."""

import msgspec
import pytest

from agent import records
from agent.records import Hop, Outcome, Path, PathReply, Protocol, Series, Stamp

FROZEN = [
    word
    for word in vars(records).values()
    if isinstance(word, type) and issubclass(word, msgspec.Struct) and word is not msgspec.Struct
]


def test_outcomes_keep_their_numbers() -> None:
    """They are octets in journals and on the wire: a number is never given to another word."""
    assert {
        0: "REPLY",
        1: "LOST",
        2: "UNREACHABLE",
        3: "PROHIBITED",
        4: "TTL_EXCEEDED",
        5: "SEND_FAILED",
        6: "UNRESOLVED",
        7: "REJECTED",
        8: "SKIPPED",
    } == {outcome.value: outcome.name for outcome in Outcome}


def test_stamps_and_protocols_are_the_words_of_the_contract() -> None:
    """They are labels of metrics and keys of JSON."""
    assert {"kernel", "kernel_rx", "tcp_info", "user"} == set(Stamp)
    assert {"icmp", "udp", "tcp"} == set(Protocol)


@pytest.mark.parametrize("word", FROZEN)
def test_words_are_frozen_and_named(word: type[msgspec.Struct]) -> None:
    """Nobody changes what was measured, and no value is known by its place alone."""
    assert word.__struct_config__.frozen
    with pytest.raises(TypeError):
        word(1)


def test_a_path_is_written_as_its_format_says() -> None:
    """`borne-path/1`: a loss is one key; what is not known is left out of replies, not of paths."""
    answer = PathReply(address="192.0.2.1", rtt_ns=7, icmp=(11, 0), stamp=Stamp.KERNEL)
    path = Path(
        id="t@x",
        tool="borne-agent",
        origin=None,
        rtt_resolution_ns=1,
        target="t",
        address="192.0.2.9",
        zone=None,
        family=4,
        protocol=Protocol.ICMP,
        reached=False,
        started_at="2026-01-02T03:04:05.000000006Z",
        hops=(Hop(ttl=1, replies=(answer, PathReply(lost=True))),),
    )
    found = msgspec.json.decode(msgspec.json.encode(path))
    assert ("borne-path/1", None, []) == (found["format"], found["zone"], found["links"])
    assert found["hops"][0]["replies"] == [
        {"address": "192.0.2.1", "rtt_ns": 7, "flow": 0, "icmp": [11, 0], "stamp": "kernel"},
        {"lost": True, "flow": 0},
    ]
    assert path == msgspec.json.decode(msgspec.json.encode(path), type=Path)


def test_a_series_is_told_apart_by_its_stamp() -> None:
    """Qualities are never mixed: two stamps, two series."""
    one = Series(id=1, zone="a/b", target="t", family=4, protocol=Protocol.ICMP, stamp=Stamp.KERNEL)
    assert one != msgspec.structs.replace(one, stamp=Stamp.USER)


@pytest.mark.parametrize(
    "address",
    ["62.115.134.138", "2001:2034:0:1::1", "2a01:e0a::1"],
)
def test_global_unicast_may_be_pinged(address: str) -> None:
    """Both families."""
    assert records.is_reachable(address)


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.0.1", "192.0.2.1", "224.0.0.5"),
        *("240.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "fe80::1", "fd00::1", "ff0e::1"),
        *("2001:db8::1", "::ffff:62.115.0.1", "64:ff9b::3e73:1", "2002:3e73:1::1", "2001:0:1::1"),
        *(
            "fe80::1%eth0",
            "2001:2034:0:1::1%eth0",
            "62.115.134.138 ",
            "ldn-b1",
            "",
            "2001:2034:0:1:0::1",
        ),
    ],
)
def test_nothing_else_may_be_pinged(address: str) -> None:
    """Private, shared, documentation, multicast, mapped or tunnelled, and what is no plain form."""
    assert not records.is_reachable(address)
