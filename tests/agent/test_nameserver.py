"""One name server: real datagrams and connections on loopback, strangers and silence included."""

import asyncio

import dns.rcode
import pytest

from agent.dns import DATAGRAM_OCTETS, Answer, Kind
from agent.errors import DnsError
from agent.nameserver import NameServer
from agent.resolvconf import Server
from tests.fakes import name_server
from tests.fakes.agent_edges import FakeResolver
from tests.fakes.name_server import Asked

NAME, ADDRESS = "t.example", "192.0.2.7"
ONE = {(NAME, "A"): [ADDRESS], (NAME, "AAAA"): ["2001:db8::7"]}
MANY = {(NAME, "AAAA"): [f"2001:db8::{number:x}" for number in range(1, 101)]}
SOME = {(NAME, "A"): [f"192.0.2.{number}" for number in range(1, 61)]}


def stub(server: Server) -> NameServer:
    """Return a stub that asks `server` with ids in a row."""
    ids = iter(range(100, 1000))
    return NameServer(server, lambda: next(ids))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("kind", "expected"), [(Kind.A, (ADDRESS,)), (Kind.AAAA, ("2001:db8::7",))]
)
async def test_addresses_over_both_families(
    family: int, kind: Kind, expected: tuple[str, ...]
) -> None:
    """A server on IPv4 or IPv6 is asked for addresses of either."""
    async with name_server.NameServer(ONE, family) as server:
        answer = await stub(server.server).ask(NAME, kind, 2)
    assert answer == Answer(code=0, truncated=False, records=expected, ttl_s=300)
    assert server.asked == [Asked("udp", NAME, kind.name, DATAGRAM_OCTETS)]


async def test_edns_saves_a_connection() -> None:
    """Sixty addresses are beyond 512 octets and within 1232: one datagram brings them."""
    async with name_server.NameServer(SOME) as server:
        answer = await stub(server.server).ask(NAME, Kind.A, 2)
    assert answer is not None
    assert (len(answer.records), [asked.way for asked in server.asked]) == (60, ["udp"])


async def test_what_is_cut_is_asked_for_by_tcp() -> None:
    """A hundred IPv6 addresses fit no datagram: all come over a connection."""
    async with name_server.NameServer(MANY) as server:
        answer = await stub(server.server).ask(NAME, Kind.AAAA, 2)
    assert answer is not None
    assert sorted(answer.records) == sorted(MANY[NAME, "AAAA"])
    assert [asked.way for asked in server.asked] == ["udp", "tcp"]


async def test_no_connection_no_answer() -> None:
    """Where TCP is refused, or breaks off, part of an answer is not taken for the whole."""
    deaf, broken = name_server.NameServer(MANY), name_server.NameServer(MANY)
    deaf.listens_by_tcp, broken.cuts_by_tcp = False, True
    found = []
    for fake in (deaf, broken):
        async with fake as server:
            found.append(await stub(server.server).ask(NAME, Kind.AAAA, 2))
    assert found == [None, None]


@pytest.mark.parametrize("bare", [False, True])
async def test_a_server_without_edns(bare: bool) -> None:
    """FORMERR, also as a header alone, is asked again without OPT; the next query has none."""
    async with name_server.NameServer(ONE) as server:
        server.understands_edns, server.bare_refusals = False, bare
        asking = stub(server.server)
        found = [await asking.ask(NAME, Kind.A, 2) for _ in range(2)]
    assert [answer and answer.records for answer in found] == [(ADDRESS,), (ADDRESS,)]
    assert [asked.octets for asked in server.asked] == [DATAGRAM_OCTETS, 0, 0]


async def test_a_server_that_understands_nothing() -> None:
    """FORMERR to a query without OPT is the answer: no third query follows."""
    async with name_server.NameServer(ONE) as server:
        server.response_code = dns.rcode.FORMERR
        answer = await stub(server.server).ask(NAME, Kind.A, 2)
    assert answer is not None
    assert (answer.code, len(server.asked)) == (1, 2)


async def test_a_closed_port_is_noticed_at_once() -> None:
    """The ICMP error that asyncio-dgram keeps to itself is asked for: time need not end."""
    async with name_server.NameServer(ONE) as server:
        pass
    async with asyncio.timeout(5):
        assert await stub(server.server).ask(NAME, Kind.A, 60) is None


async def test_silence_ends_with_its_time() -> None:
    """A server that never answers costs the time-out and no more."""
    async with FakeResolver({}) as server:
        server.mute.add(NAME)
        async with asyncio.timeout(5):
            assert await stub(server.address).ask(NAME, Kind.A, 0.12) is None


async def test_strangers_are_passed_over() -> None:
    """Garbage and answers to other questions before the right one do no harm."""
    async with FakeResolver({(NAME, Kind.A): [ADDRESS]}) as server:
        server.noise = [b"", b"garbage", b"\0" * 12]
        answer = await stub(server.address).ask(NAME, Kind.A, 2)
    assert answer is not None
    assert answer.records == (ADDRESS,)


async def test_a_flood_is_bounded() -> None:
    """Nobody can keep a query busy: after a few strange datagrams it is over."""
    async with FakeResolver({(NAME, Kind.A): [ADDRESS]}) as server:
        server.noise = [b"garbage"] * 100
        assert await stub(server.address).ask(NAME, Kind.A, 60) is None


async def test_somebody_else_is_not_heard() -> None:
    """The right answer from another address than the one asked is never seen."""
    async with FakeResolver({(NAME, Kind.A): [ADDRESS]}) as server:
        server.from_elsewhere = True
        assert await stub(server.address).ask(NAME, Kind.A, 0.12) is None


async def test_every_query_has_its_own_id() -> None:
    """The datagram and the connection of one question have an id each."""
    ids = iter([5, 6, 7])
    async with name_server.NameServer(MANY) as server:
        await NameServer(server.server, lambda: next(ids)).ask(NAME, Kind.AAAA, 2)
    assert next(ids) == 7


async def test_what_is_no_name_is_not_sent() -> None:
    """A text that DNS cannot carry is refused before anything is sent."""
    async with FakeResolver({}) as server:
        with pytest.raises(DnsError) as caught:
            await stub(server.address).ask("a b", Kind.A, 2)
    assert (caught.value.reason, server.asked) == ("name", [])
