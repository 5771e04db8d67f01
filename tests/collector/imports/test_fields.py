"""Times, addresses, protocols and TTLs as every program prints them."""

import math

import pytest

from agent.records import Hop, PathReply, Protocol
from collector.errors import UnreadableError
from collector.imports import fields


@pytest.mark.parametrize(
    ("milliseconds", "nanoseconds"),
    [
        (0, 0),
        (0.001, 1_000),
        (12.345, 12_345_000),
        (3_600_000, 3_600_000_000_000),
        (3_600_001, None),
        (-0.001, None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
    ],
)
def test_times(milliseconds: float | None, nanoseconds: int | None) -> None:
    """A time is whole nanoseconds; what no round trip can take is none."""
    assert nanoseconds == fields.nanoseconds(milliseconds)


def test_addresses() -> None:
    """An address passes as it is written, anything else is refused, cut to a line."""
    assert fields.address("2001:688::1") == "2001:688::1"
    with pytest.raises(UnreadableError, match=r"^'x{60}' is no IP address; "):
        fields.address("x" * 500)


@pytest.mark.parametrize(
    ("addresses", "family"),
    [(["2001:688::1"], 6), ([None, "name", "10.0.0.1", "::1"], 4), ([], 4)],
)
def test_family(addresses: list[str | None], family: int) -> None:
    """The first address that is one decides."""
    assert family == fields.family(addresses)


@pytest.mark.parametrize(
    ("word", "protocol"),
    [
        ("udp-paris", "udp"),
        ("UDP", "udp"),
        ("icmp-echo", "icmp"),
        ("tcp-ack", "tcp"),
        ("sctp", "icmp"),
        ("", "icmp"),
    ],
)
def test_protocol(word: str, protocol: str) -> None:
    """A program's word begins with the protocol."""
    assert Protocol(protocol) == fields.protocol(word)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1795692697.986104, "2026-11-26T11:31:37.986104000Z"),
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, ""),
        (1e30, ""),
        (math.inf, ""),
        (None, ""),
    ],
)
def test_started(seconds: float | None, text: str) -> None:
    """A Unix time becomes RFC 3339; an impossible one nothing."""
    assert text == fields.started(seconds)


def test_hops_are_ordered_and_checked() -> None:
    """Hops come in the order of TTL; a TTL that is none is refused."""
    found = fields.hops({2: [], 1: [fields.LOST]})
    assert (Hop(ttl=1, replies=(fields.LOST,)), Hop(ttl=2, replies=())) == found
    for ttl in (0, -1, 256):
        with pytest.raises(UnreadableError, match=f"^hop {ttl} is none"):
            fields.hops({ttl: []})


@pytest.mark.parametrize(
    ("target", "answered"),
    [("2001:0db8::1", True), ("2001:db8::2", False), ("name", False), (None, False)],
)
def test_answered(target: str | None, answered: bool) -> None:
    """An address is the same however it is written; an unknown target answered nothing."""
    hops = [Hop(ttl=1, replies=(fields.LOST, PathReply(address="2001:db8::1")))]
    assert answered == fields.answered(target, hops)
