"""The DNS stub: real datagrams on loopback, strangers and silence included."""

import asyncio

import pytest

from agent.clock import SystemClock
from agent.dns import Kind, reverse_name
from agent.errors import DnsError
from agent.namecache import Name, NameCache
from agent.records import Hop, PathReply, Protocol
from agent.records import Path as Trace
from agent.resolvconf import ResolvConf
from agent.resolver import Names, Resolver
from tests.fakes import name_server
from tests.fakes.agent_edges import FakeResolver, named
from tests.fakes.agent_probing import FakeClock

PARIS, PARIS_6, ROUTER = "192.0.2.1", "2001:db8::1", "ae1.par.example"


def stub(
    *servers: FakeResolver,
    timeout_s: float = 0.2,
    attempts: int = 2,
    search: tuple[str, ...] = (),
) -> Resolver:
    """Return a resolver that asks the fakes."""
    conf = ResolvConf(servers=tuple(server.address for server in servers), search=search)
    return Resolver(conf, timeout_s=timeout_s, attempts=attempts)


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


async def test_an_address_is_found_in_each_family() -> None:
    """The first A or AAAA record is the address of its family."""
    records = {("t.example", Kind.A): [PARIS, "192.0.2.8"], ("t.example", Kind.AAAA): [PARIS_6]}
    async with FakeResolver(records) as server:
        found = [await stub(server).address("t.example", family) for family in (4, 6)]
    assert found == [PARIS, PARIS_6]


async def test_an_address_is_kept_while_it_is_an_answer() -> None:
    """Servers shuffle what they answer; a target moves only when its address is gone."""
    async with FakeResolver({}) as server:
        resolver, found = stub(server), []
        for answer in ([PARIS, "192.0.2.8"], ["192.0.2.8", PARIS], ["192.0.2.9", "192.0.2.8"], []):
            server.records["t.example", Kind.A] = answer
            found.append(await resolver.address("t.example", 4))
    assert found == [PARIS, PARIS, "192.0.2.9", None]


@pytest.mark.parametrize(
    ("kind", "lie"),
    [
        (Kind.A, "0.0.0.0"),
        (Kind.A, "127.0.0.1"),
        (Kind.A, "224.0.0.1"),
        (Kind.AAAA, "::"),
        (Kind.AAAA, "::1"),
        (Kind.AAAA, "fe80::1"),
        (Kind.AAAA, "::ffff:192.0.2.1"),
    ],
)
async def test_an_address_of_this_host_or_of_nobody_is_none(kind: Kind, lie: str) -> None:
    """As resolvers say it that block a name; another record beside it counts."""
    truth, family = {Kind.A: (PARIS, 4), Kind.AAAA: (PARIS_6, 6)}[kind]
    async with FakeResolver({("t.example", kind): [lie]}) as server:
        found = [await stub(server).address("t.example", family)]
        server.records["t.example", kind] = [lie, truth]
        found.append(await stub(server).address("t.example", family))
    assert [None, truth] == found


async def test_a_name_without_address_is_none() -> None:
    """No such name, a failing server and silence all end as None."""
    names = ("no.example", "mute.example", "a b")
    async with FakeResolver({}) as server:
        server.mute.add("mute.example")
        found = [await stub(server, timeout_s=0.05).address(name, 4) for name in names]
        server.code = 2
        found.append(await stub(server).address("no.example", 4))
    assert found == [None] * 4


async def test_silence_and_failure_are_told_apart() -> None:
    """Nobody answered is one thing; that the servers could not find out is another."""
    async with FakeResolver({}) as mute, FakeResolver({}) as failing:
        mute.mute.add("t.example")
        failing.code = 2
        reasons = []
        for asked in ((mute,), (failing,), (mute, failing)):
            with pytest.raises(DnsError) as caught:
                await stub(*asked, timeout_s=0.05).ask("t.example", Kind.A)
            reasons.append((caught.value.reason, str(caught.value)))
    silence = f"asked 127.0.0.1:{mute.address[1]} for t.example: no usable answer came"
    failure = ("failed", "asked for t.example: the resolver failed")
    assert reasons == [("timeout", silence), failure, failure]


async def test_servers_are_asked_in_turn() -> None:
    """One that is gone, one that is silent and one that fails lead to the one that knows."""
    async with (
        FakeResolver({}) as gone,
        FakeResolver({}) as mute,
        FakeResolver({}) as failing,
        FakeResolver({("t.example", Kind.A): [PARIS]}) as knowing,
    ):
        await gone.__aexit__()
        mute.mute.add("t.example")
        failing.code = 2
        resolver = stub(gone, mute, failing, knowing, timeout_s=0.3)
        assert await resolver.address("t.example", 4) == PARIS
    assert [len(each.asked) for each in (mute, failing, knowing)] == [1, 1, 1]


async def test_only_the_silent_are_asked_twice() -> None:
    """A server that said it could not find out is left alone in that look-up."""
    async with FakeResolver({}) as mute, FakeResolver({}) as failing:
        mute.mute.add("t.example")
        failing.code = 2
        await stub(failing, mute, timeout_s=0.05).address("t.example", 4)
    assert (len(failing.asked), len(mute.asked)) == (1, 2)


async def test_no_such_name_is_final() -> None:
    """What one server knows not to exist is not asked of the next."""
    async with FakeResolver({}) as first, FakeResolver({("t.example", Kind.A): [PARIS]}) as second:
        assert await stub(first, second).address("t.example", 4) is None
    assert second.asked == []


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("gra", ["gra.corp.example"], PARIS),
        ("gra.", ["gra"], None),
        ("sbg.ovh", ["sbg.ovh", "sbg.ovh.corp.example", "sbg.ovh.example"], "192.0.2.8"),
        ("gone", ["gone.corp.example", "gone.example", "gone"], None),
        ("six", ["six.corp.example"], None),
    ],
)
async def test_the_search_list(name: str, asked: list[str], expected: str | None) -> None:
    """Names are completed in order; one that exists without such an address ends the search."""
    records = {
        ("gra.corp.example", Kind.A): [PARIS],
        ("sbg.ovh.example", Kind.A): ["192.0.2.8"],
        ("six.example", Kind.A): ["192.0.2.9"],
    }
    async with FakeResolver(records) as server:
        server.empty.add("six.corp.example")
        resolver = stub(server, search=("corp.example", "example"))
        assert await resolver.address(name, 4) == expected
    assert [question for question, _ in server.asked] == asked


async def test_a_failing_search_domain_hides_no_name() -> None:
    """Where the servers fail for one completed name, the next is still asked for."""
    async with FakeResolver({("gra.example", Kind.A): [PARIS]}) as server:
        server.failing.add("gra.corp.example")
        resolver = stub(server, search=("corp.example", "example"))
        assert await resolver.address("gra", 4) == PARIS


async def test_silence_ends_the_search() -> None:
    """Where nobody answers, no further name is asked for."""
    async with FakeResolver({}) as server:
        server.mute.add("gra.corp.example")
        resolver = stub(server, timeout_s=0.05, search=("corp.example", "example"))
        assert await resolver.address("gra", 4) is None
    assert {question for question, _ in server.asked} == {"gra.corp.example"}


async def test_a_whole_look_up_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many servers are silent, the look-up ends; both ways of asking say so."""
    monkeypatch.setattr("agent.resolver.WHOLE_TIMEOUTS", 0.1)
    async with FakeResolver({}) as server:
        server.mute.add("t.example")
        resolver = stub(server, timeout_s=1.0, attempts=1000)
        async with asyncio.timeout(5):
            found = await resolver.address("t.example", 4)
            with pytest.raises(DnsError) as caught:
                await resolver.ask("t.example", Kind.A)
    assert (found, caught.value.reason) == (None, "timeout")


async def test_the_hosts_own_names_come_first() -> None:
    """A name of hosts(5) is not asked for; its other family is."""
    async with FakeResolver({("gra", Kind.AAAA): [PARIS_6]}) as server:
        resolver = Resolver(ResolvConf(servers=(server.address,)), hosts={("gra", 4): "127.0.0.7"})
        found = [await resolver.address("GRA.", 4), await resolver.address("gra", 6)]
    assert (found, server.asked) == (["127.0.0.7", PARIS_6], [("gra", Kind.AAAA)])


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (("2001:db8::9", PARIS_6), (ROUTER, True)),
        (("2001:db8::9",), (ROUTER, False)),
        ((), (ROUTER, False)),
    ],
)
async def test_a_name_of_ipv6_is_confirmed_by_ipv6(
    forward: tuple[str, ...], expected: tuple[str, bool]
) -> None:
    """The AAAA records count, in whatever notation the hop's address came; A records do not."""
    records = named(PARIS_6, ROUTER, *forward) | {(ROUTER, Kind.A): [PARIS]}
    async with FakeResolver(records) as server:
        names = Names(stub(server), NameCache(), SystemClock())
        assert await names.name_of("2001:DB8:0::1") == expected
    assert server.asked == [(reverse_name(PARIS_6), Kind.PTR), (ROUTER, Kind.AAAA)]


async def test_a_chain_of_aliases_over_tcp_leads_to_every_address() -> None:
    """A real server: aliases and a hundred addresses, cut by UDP, whole by TCP; then a PTR."""
    many = [f"2001:db8::{number:x}" for number in range(1, 101)]
    records = {
        ("www.example", "CNAME"): ["a.example."],
        ("a.example", "CNAME"): ["b.example."],
        ("b.example", "AAAA"): many,
        (reverse_name(many[99]), "PTR"): ["b.example."],
    }
    async with name_server.NameServer(records, family=6) as server:
        resolver = Resolver(ResolvConf(servers=(server.server,)))
        found = await resolver.address("www.example", 6)
        name, _ = await resolver.name(many[99])
    assert (found in many, name) == (True, Name("b.example", confirmed=True))
    assert [asked.way for asked in server.asked] == ["udp", "tcp", "udp", "udp", "tcp"]


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
        names = Names(stub(server, timeout_s=0.05), NameCache(), SystemClock())
        assert await names.name_of(PARIS) == (ROUTER, None)


async def test_a_confirmation_that_was_lost_is_asked_for_again() -> None:
    """A minute later, not an hour: a name without it shows nothing."""
    clock = FakeClock()
    async with FakeResolver(named(PARIS, ROUTER, PARIS)) as server:
        names = Names(stub(server, timeout_s=0.05), NameCache(), clock)
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
