"""What hosts and routers answer to a packet that reached them."""

import pytest

from deploy.lab import icmp, packets, transport
from deploy.lab.hosts import Hosts, Nature, Outcome
from deploy.lab.routes import Kind, Leg
from deploy.lab.transport import RST, SYN, Datagram, Segment
from deploy.lab.wiring import Host

ME, YOU = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x50"
ME_6, YOU_6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"
FAMILIES = [pytest.param((ME, YOU), id="4"), pytest.param((ME_6, YOU_6), id="6")]
PLAIN = Host(Kind.TARGET, "t", ("r:a",), 0)
SERVING = PLAIN._replace(serves=("http", "dns"))
SILENT = PLAIN._replace(is_silent_to_udp=True)
RESOLVER = Host(Kind.RESOLVER, "d", ("r:a",), 0, ("dns",))


def meet(packet: bytes, host: Host | None, *, servers: bool = True) -> Outcome | None:
    """What a host, or a router where there is none, makes of a packet."""
    header = packets.parse(packet)
    kind = Kind.ROUTER if host is None else host.kind
    known = Hosts(lambda query: b"answer to " + query if query != b"?" else None, servers=servers)
    return known.meet(packet, header, Leg("n", header.destination, kind, 0), host)


def nature(packet: bytes, host: Host | None, *, servers: bool = True) -> Nature | None:
    """The nature of what comes of a packet."""
    outcome = meet(packet, host, servers=servers)
    return None if outcome is None else outcome.nature


def udp(ends: tuple[bytes, bytes], port: int, data: bytes = b"q") -> bytes:
    """A datagram."""
    return transport.udp(*ends, 9, Datagram(4000, port, data))


def tcp(ends: tuple[bytes, bytes], flags: int = SYN) -> bytes:
    """A segment."""
    return transport.tcp(*ends, 9, Segment(4000, 80, 1, 0, flags, 10))


@pytest.mark.parametrize("ends", FAMILIES)
@pytest.mark.parametrize("host", [None, PLAIN, SERVING, RESOLVER])
def test_echoes_are_answered(ends: tuple[bytes, bytes], host: Host | None) -> None:
    """With 255 at a router and 64 at a host."""
    request = icmp.echo_request(*ends, 9, b"\0\1\0\2", b"x")
    expected = icmp.echo_reply(request, packets.parse(request), 255 if host is None else 64)
    assert meet(request, host) == (Nature.ANSWER, expected)


@pytest.mark.parametrize("ends", FAMILIES)
@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        (None, 33434, Nature.ERROR),
        (PLAIN, 33434, Nature.ERROR),
        (PLAIN, 53, Nature.ERROR),
        (SILENT, 33434, None),
        (SILENT._replace(serves=("dns",)), 53, Nature.HANDED_ON),
        (SILENT._replace(serves=("http",)), 53, None),
        (PLAIN._replace(serves=("http",)), 53, Nature.ERROR),
        (SERVING, 53, Nature.HANDED_ON),
        (SERVING, 54, Nature.ERROR),
        (RESOLVER, 53, Nature.ANSWER),
        (RESOLVER, 54, Nature.ERROR),
    ],
)
def test_datagrams(
    ends: tuple[bytes, bytes], host: Host | None, port: int, expected: Nature | None
) -> None:
    """A served port is served, another is unreachable, or silent where the host is."""
    assert nature(udp(ends, port), host) is expected


@pytest.mark.parametrize("ends", FAMILIES)
def test_port_unreachable(ends: tuple[bytes, bytes]) -> None:
    """The error is about the packet as it arrived, from the address that was asked."""
    packet = udp(ends, 33434)
    error = icmp.icmp_error(icmp.IcmpError.PORT_UNREACHABLE, ends[1], packet, 64)
    assert meet(packet, PLAIN) == (Nature.ERROR, error)


@pytest.mark.parametrize("ends", FAMILIES)
def test_the_resolver_answers_port_53(ends: tuple[bytes, bytes]) -> None:
    """A query comes back answered from port 53; what is no query stays unanswered."""
    outcome = meet(udp(ends, 53), RESOLVER)
    assert outcome is not None
    header = packets.parse(outcome.packet)
    assert transport.datagram(outcome.packet, header) == (53, 4000, b"answer to q")
    assert meet(udp(ends, 53, b"?"), RESOLVER) is None


@pytest.mark.parametrize("ends", FAMILIES)
@pytest.mark.parametrize(
    ("host", "flags", "servers", "expected"),
    [
        (None, SYN, True, Nature.ANSWER),
        (PLAIN, SYN, True, Nature.ANSWER),
        (PLAIN, RST, True, None),
        (SERVING, SYN, True, Nature.HANDED_ON),
        (SERVING, SYN, False, Nature.ANSWER),
        (RESOLVER, SYN, True, Nature.HANDED_ON),
    ],
)
def test_segments(
    ends: tuple[bytes, bytes],
    host: Host | None,
    flags: int,
    servers: bool,
    expected: Nature | None,
) -> None:
    """Where something is served the real servers speak; elsewhere a reset, but never to a reset."""
    assert nature(tcp(ends, flags), host, servers=servers) is expected


@pytest.mark.parametrize("ends", FAMILIES)
def test_the_damaged_is_not_answered(ends: tuple[bytes, bytes]) -> None:
    """A wrong checksum of any upper layer leads to nothing."""
    for packet in (udp(ends, 53), tcp(ends), icmp.echo_request(*ends, 9, b"\0\1\0\2", b"x")):
        damaged = packet[:-1] + bytes((packet[-1] ^ 1,))
        assert meet(damaged, PLAIN) is None


def test_other_protocols_are_not_answered() -> None:
    """Nothing but ICMP, UDP and TCP is spoken."""
    assert meet(packets.ip(ME, YOU, 132, 9, b"sctp"), PLAIN) is None
