"""The DNS stub: real datagrams on loopback, strangers and silence included."""

import asyncio
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.dns import Kind, reverse_name
from agent.errors import ConfigError, DnsError
from agent.namecache import NameCache
from agent.records import Hop, PathReply, Protocol
from agent.records import Path as Trace
from agent.resolver import Names, Resolver, system_server
from tests.fakes.agent_edges import FakeResolver, named
from tests.fakes.agent_probing import FakeClock

PARIS, ROUTER = "192.0.2.1", "ae1.par.example"


def stub(server: FakeResolver, timeout_s: float = 0.2, attempts: int = 2) -> Resolver:
    """Return a resolver that asks the fake."""
    return Resolver(server.address, timeout_s=timeout_s, attempts=attempts)


def trace(*addresses: str | None) -> Trace:
    """Return a path with one hop for each address."""
    return Trace(
        id="x",
        tool="borne-agent",
        origin=None,
        rtt_resolution_ns=1,
        target="t",
        address="192.0.2.99",
        zone="a/b",
        family=4,
        protocol=Protocol.ICMP,
        reached=True,
        started_at="2023-11-14T22:13:20.000000000Z",
        hops=tuple(
            Hop(ttl=ttl, replies=(PathReply(address=address, lost=address is None),))
            for ttl, address in enumerate(addresses, start=1)
        ),
    )


def names_in(path: Trace) -> list[tuple[str | None, bool | None]]:
    """Return (name, confirmed) of each hop."""
    return [(reply.name, reply.name_confirmed) for hop in path.hops for reply in hop.replies]


async def test_an_address_is_found() -> None:
    """The first A record is the address."""
    async with FakeResolver({("t.example", Kind.A): ["192.0.2.7", "192.0.2.8"]}) as server:
        assert await stub(server).address("t.example", 4) == "192.0.2.7"


async def test_a_name_without_address_is_none() -> None:
    """No such name, a failing server and silence all end as None."""
    async with FakeResolver({}) as server:
        server.mute.add("mute.example")
        found = [
            await stub(server, 0.05).address(name, 4) for name in ("no.example", "mute.example")
        ]
        server.code = 2
        found.append(await stub(server).address("no.example", 4))
    assert found == [None, None, None]


async def test_nobody_there_is_silence_not_an_endless_wait() -> None:
    """A closed port answers with an ICMP error that asyncio-dgram keeps to itself: time ends it."""
    async with FakeResolver({}) as server:
        pass
    async with asyncio.timeout(2):
        with pytest.raises(DnsError) as caught:
            await stub(server, 0.1).ask("t.example", Kind.A)
    assert caught.value.reason == "timeout"


async def test_a_server_that_fails_is_told_apart() -> None:
    """SERVFAIL is no answer: nothing was learnt."""
    async with FakeResolver({}) as server:
        server.code = 2
        with pytest.raises(DnsError) as caught:
            await stub(server).ask("t.example", Kind.A)
    assert caught.value.reason == "failed"


async def test_strangers_are_passed_over() -> None:
    """Garbage and answers to other questions before the right one do no harm."""
    async with FakeResolver({("t.example", Kind.A): ["192.0.2.7"]}) as server:
        server.noise = [b"", b"garbage", b"\0" * 12]
        assert await stub(server).address("t.example", 4) == "192.0.2.7"


async def test_a_flood_is_bounded() -> None:
    """Nobody can keep a query busy: after a few strange datagrams the attempt is over."""
    async with FakeResolver({("t.example", Kind.A): ["192.0.2.7"]}) as server:
        server.noise = [b"garbage"] * 100
        with pytest.raises(DnsError):
            await stub(server, timeout_s=5).ask("t.example", Kind.A)
    assert len(server.asked) == 2


async def test_a_truncated_answer_is_none() -> None:
    """A truncated answer is asked for again and then given up."""
    async with FakeResolver({("t.example", Kind.A): ["192.0.2.7"]}) as server:
        server.truncated = True
        assert await stub(server, 0.05).address("t.example", 4) is None
    assert len(server.asked) == 2


async def test_every_query_has_its_own_id() -> None:
    """The id of each attempt comes from the source of chance."""
    ids = iter([5, 6, 7])
    async with FakeResolver({}) as server:
        server.mute.add("t.example")
        resolver = Resolver(server.address, timeout_s=0.05, random_id=lambda: next(ids))
        await resolver.address("t.example", 4)
    assert next(ids) == 7


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (("192.0.2.9", PARIS), (ROUTER, True)),
        (("192.0.2.9",), (ROUTER, False)),
        ((), (ROUTER, False)),
    ],
)
async def test_a_name_is_confirmed_by_its_own_address(
    forward: tuple[str, ...], expected: tuple[str, bool]
) -> None:
    """A name counts as confirmed where its A records contain the address it was found for."""
    async with FakeResolver(named(PARIS, ROUTER, *forward)) as server:
        names = Names(stub(server), NameCache(), SystemClock())
        assert await names.name_of(PARIS) == expected


async def test_a_name_that_could_not_be_checked_is_neither() -> None:
    """Where the forward look-up got no answer the name is neither confirmed nor refuted."""
    async with FakeResolver(named(PARIS, ROUTER, PARIS)) as server:
        server.mute.add(ROUTER)
        names = Names(stub(server, 0.05), NameCache(), SystemClock())
        assert await names.name_of(PARIS) == (ROUTER, None)


async def test_a_confirmation_that_was_lost_is_asked_for_again() -> None:
    """A minute later, not an hour: a name without it shows nothing."""
    clock = FakeClock()
    async with FakeResolver(named(PARIS, ROUTER, PARIS)) as server:
        names = Names(stub(server, 0.05), NameCache(), clock)
        server.mute.add(ROUTER)
        await names.name_of(PARIS)
        server.mute.clear()
        clock.advance(59 * 1_000_000_000)
        found = [await names.name_of(PARIS)]
        clock.advance(1_000_000_000)
        found.append(await names.name_of(PARIS))
    assert found == [(ROUTER, None), (ROUTER, True)]


@pytest.mark.parametrize("name", ["a\x1bb.example", "a" * 63 + ("." + "b" * 63) * 3, "10.0.0.1"])
async def test_implausible_names_are_dropped(name: str) -> None:
    """Control characters, overlong names and bare addresses are no names."""
    async with FakeResolver({(reverse_name(PARIS), Kind.PTR): [name]}) as server:
        names = Names(stub(server), NameCache(), SystemClock())
        assert await names.name_of(PARIS) == (None, None)


async def test_look_ups_are_shared_and_remembered() -> None:
    """Two paths over one router ask once, and a third asks nothing."""
    async with FakeResolver(named(PARIS, ROUTER, PARIS)) as server:
        names = Names(stub(server), NameCache(), SystemClock())
        paths = await asyncio.gather(
            names.named(trace(PARIS, None)), names.named(trace(PARIS, "192.0.2.2"))
        )
        paths.append(await names.named(trace(PARIS, "192.0.2.2")))
    assert [names_in(path) for path in paths] == [
        [(ROUTER, True), (None, None)],
        [(ROUTER, True), (None, None)],
        [(ROUTER, True), (None, None)],
    ]
    assert sorted(server.asked) == sorted(
        [
            (reverse_name(PARIS), Kind.PTR),
            (ROUTER, Kind.A),
            (reverse_name("192.0.2.2"), Kind.PTR),
        ]
    )


async def test_a_path_goes_without_names_when_patience_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A silent resolver delays a path by the patience, not by its time-outs."""
    monkeypatch.setattr("agent.resolver.PATIENCE_S", 0.05)
    async with FakeResolver({}) as server:
        server.mute.add(reverse_name(PARIS))
        names = Names(stub(server, timeout_s=30), NameCache(), SystemClock())
        async with asyncio.timeout(2):
            found = names_in(await names.named(trace(PARIS)))
            await names.close()
    assert found == [(None, None)]


async def test_a_flood_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound addresses stay without a name for now, and are asked for later."""
    monkeypatch.setattr("agent.resolver.MAX_LOOKUPS", 1)
    async with FakeResolver(named(PARIS, ROUTER, PARIS)) as server:
        names = Names(stub(server), NameCache(), SystemClock())
        await names.named(trace("192.0.2.2", PARIS, "192.0.2.3"))
        first = len(server.asked)
        assert first <= 2
        assert names_in(await names.named(trace(PARIS))) == [(ROUTER, True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# none\nsearch x\nnameserver 2001:db8::1\nnameserver 192.0.2.53\n", ("192.0.2.53", 53)),
        ("nameserver\nnameserver 127.0.0.53 # local\n", ("127.0.0.53", 53)),
    ],
)
def test_the_hosts_own_resolver(tmp_path: Path, text: str, expected: tuple[str, int]) -> None:
    """The first IPv4 name server of the host's file is taken."""
    (tmp_path / "resolv.conf").write_text(text)
    assert system_server(tmp_path / "resolv.conf") == expected


def test_a_host_without_resolver(tmp_path: Path) -> None:
    """Where there is none the message says which key to set."""
    with pytest.raises(ConfigError) as caught:
        system_server(tmp_path / "absent")
    assert str(caught.value) == (
        f"looked for an IPv4 name server in {tmp_path / 'absent'} and found none;"
        " give one as [resolver] address"
    )
