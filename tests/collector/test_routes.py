"""Routes: paths judged as they come, impossible ones left out, one Statement per episode."""

from collections.abc import Sequence
from pathlib import Path as File

import msgspec
import pytest

from agent.records import Hop, Path, PathReply
from collector.errors import CorruptError
from collector.facts import knowledge
from collector.records import Place, Zone
from collector.routememory import Kept
from collector.routes import Routes
from tests.fakes.collector_durable import MARSEILLE, NOW_NS, PARIS, S_NS, ZONE, path, vantage
from tests.fakes.evidence import store_all, unstored

KNOWLEDGE = knowledge.load()


def _routes(kept: bytes | None = None, zones: Sequence[Zone] = (ZONE,)) -> Routes:
    return Routes(KNOWLEDGE, zones, kept)


def _round(routes: Routes, second: int, *, abroad: bool) -> None:
    """Let the agent's path of this second come in."""
    at_ns = NOW_NS + second * S_NS
    assert {} == routes.add(vantage(0), [path(at_ns, abroad=abroad)], at_ns, at_ns)


def test_two_rounds_abroad_make_one_statement_of_both() -> None:
    """The Statement holds the rounds that confirmed, and hides its episode until it is stored."""
    routes = _routes()
    _round(routes, 0, abroad=False)
    _round(routes, 10, abroad=True)
    assert () == routes.drafts
    _round(routes, 20, abroad=True)
    ((digest, statement),) = unstored(routes).items()
    read = msgspec.json.decode(statement)
    starts = [found["started_at"] for found in read["predicate"]["paths"]]
    assert ["2026-11-24T15:02:40.000000000Z", "2026-11-24T15:02:50.000000000Z"] == starts
    assert [] == routes.crossings()
    store_all(routes)
    (crossing,) = routes.crossings()
    assert (digest, NOW_NS + 10 * S_NS, NOW_NS + 20 * S_NS) == (
        crossing.evidence,
        crossing.first_seen_ns,
        crossing.confirmed_ns,
    )
    _round(routes, 30, abroad=True)
    _round(routes, 40, abroad=False)
    _round(routes, 50, abroad=False)
    assert () == routes.drafts
    (ended,) = routes.crossings()
    assert (digest, NOW_NS + 40 * S_NS) == (ended.evidence, ended.ended_ns)


def test_a_forgotten_suspicion_leaves_nothing_behind() -> None:
    """One round abroad between rounds at home is neither shown nor remembered."""
    routes = _routes()
    for second, abroad in enumerate([False, True, False, True, False]):
        _round(routes, second, abroad=abroad)
    assert ((), {}, []) == (routes.drafts, routes._statements.rounds, routes.crossings())


@pytest.mark.parametrize("cut", range(9))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    """Dump and load between any two rounds give the same episodes and the same Statements."""
    flags = [False, True, True, True, False, False, True, True, False]

    def played(restart_at: int | None) -> tuple[object, object, object]:
        routes, statements = _routes(), []
        for second, abroad in enumerate(flags):
            if second == restart_at:
                fresh = routes.fresh
                routes = _routes(routes.dump())
                routes.fresh = fresh
            _round(routes, second, abroad=abroad)
            statements += store_all(routes).items()
        return routes.crossings(), statements, routes.newest

    assert played(None) == played(cut)


def test_the_declared_position_is_the_one_that_counts() -> None:
    """What an agent says of its own place is replaced by what the settings declare."""
    routes = _routes()
    _round(routes, 0, abroad=False)
    (record,) = routes.fresh
    assert record.path.origin is not None
    assert (PARIS.latitude, PARIS.longitude) == (
        record.path.origin.latitude,
        record.path.origin.longitude,
    )


def test_the_zone_is_that_of_the_target_before_that_of_the_name() -> None:
    """A path to a declared target belongs to its zone, whatever zone the agent names."""
    abroad = Place(name="London", territory="GB", latitude=51.5, longitude=-0.1, radius_km=30)
    other = Zone(
        provider="ovh", region="mrs", place=abroad, group_country="GB", targets=("elsewhere",)
    )
    mine = msgspec.structs.replace(ZONE, provider="own", place=MARSEILLE)
    routes = _routes(zones=(other, mine))
    _round(routes, 0, abroad=False)
    assert "own/mrs" == routes.fresh[0].judgement.zone


def test_paths_without_a_zone_open_nothing() -> None:
    """Where no zone is declared there is no policy, and so no crossing."""
    routes = _routes(zones=())
    for second in range(4):
        _round(routes, second, abroad=True)
    assert ((), 4) == (routes.drafts, len(routes.fresh))


def test_the_newest_path_is_kept_whatever_comes_late() -> None:
    """A path that arrives late is kept for the segment, and is not the newest."""
    routes = _routes()
    for second in (0, 20, 10):
        _round(routes, second, abroad=False)
    (newest,) = routes.newest.values()
    assert NOW_NS + 20 * S_NS == newest.judgement.started_ns
    assert 3 == len(routes.fresh)
    routes.written(2)
    assert [NOW_NS + 10 * S_NS] == [record.judgement.started_ns for record in routes.fresh]


def _hop(ttl: int = 1, **changes: object) -> dict[str, object]:
    reply = path(NOW_NS, abroad=False).hops[0].replies[0]
    return {"hops": (Hop(ttl=ttl, replies=(msgspec.structs.replace(reply, **changes),)),)}


IMPOSSIBLE: dict[str, dict[str, object]] = {
    "no time": {"started_at": "now"},
    "a time before 2020": {"started_at": "2019-12-31T23:59:59Z"},
    "a time long after the batch": {"started_at": "2026-11-24T16:02:31Z"},
    "a time that overflows": {"started_at": "9999-12-31T23:59:59Z"},
    "no target and no address": {"target": None, "address": None},
    "an address that is none": {"address": "marseille"},
    "a negative resolution": {"rtt_resolution_ns": -1},
    "a hop zero": _hop(0),
    "a hop beyond an octet": _hop(256),
    "a reply from nowhere": _hop(address="10.0.0.256"),
    "a negative time": _hop(rtt_ns=-1),
    "an hour on the way": _hop(rtt_ns=3_600_000_000_001),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_paths_are_left_out(case: str) -> None:
    """A path that no traceroute could have given is counted, the one beside it is kept."""
    routes = _routes()
    good = path(NOW_NS, abroad=False)
    bad = msgspec.structs.replace(good, **IMPOSSIBLE[case])
    assert {"path": 1} == routes.add(vantage(0), [bad, good], NOW_NS, NOW_NS)
    assert 1 == len(routes.fresh)


def _dumped(crossings: bytes) -> bytes:
    return msgspec.msgpack.encode(Kept(crossings=crossings, newest=(), rounds={}))


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x80", _routes().dump()[:-1], _dumped(b"\xc1"), _dumped(b""), _dumped(b"\x80")],
)
def test_octets_of_others_are_refused(octets: bytes) -> None:
    """What `dump` did not write is reported."""
    with pytest.raises(CorruptError, match="read the kept routes"):
        _routes(octets)


KEPT = File(__file__).parent / "kept" / "routes-rules-1.msgpack"
"""What the release before wrote: agent 0 confirmed and returned once, agent 1 suspected."""


def test_what_the_release_before_kept_goes_on() -> None:
    """Its newest paths, its open episode and its suspicion are taken over, as of IPv4."""
    routes = _routes(KEPT.read_bytes())
    assert [("agent-0", "marseille", 4), ("agent-1", "marseille", 4)] == sorted(routes.newest)
    (crossing,) = routes.crossings()
    assert ("agent-0", 4, None, 2) == (
        crossing.agent,
        crossing.family,
        crossing.ended_ns,
        crossing.rounds,
    )
    silent = path(NOW_NS + 38 * S_NS, abroad=False)
    lost = Hop(ttl=1, replies=(PathReply(lost=True),))
    silent = msgspec.structs.replace(silent, hops=(lost, silent.hops[1]))
    routes.add(vantage(0), [silent], NOW_NS, NOW_NS)
    assert [None] == [row.ended_ns for row in routes.crossings()]  # Frankfurt stood at that TTL
    _round(routes, 40, abroad=False)
    (ended,) = routes.crossings()
    assert NOW_NS + 30 * S_NS == ended.ended_ns
    assert {} == routes.add(vantage(1), [path(NOW_NS + 45 * S_NS, abroad=True)], NOW_NS, NOW_NS)
    (statement,) = store_all(routes).values()
    assert 2 == len(msgspec.json.decode(statement)["subject"])
    assert "agent-1" == routes.crossings()[0].agent


def test_a_path_of_absurdly_many_flows_is_left_out() -> None:
    """Nobody traces a hundred flows at a time; judging them would hold up everybody else."""
    one = path(NOW_NS, abroad=False)
    replies = tuple(
        msgspec.structs.replace(one.hops[0].replies[0], flow=flow) for flow in range(100)
    )
    wide = msgspec.structs.replace(one, hops=(Hop(ttl=1, replies=replies),))
    assert {"path": 1} == _routes().add(vantage(0), [wide], NOW_NS, NOW_NS)


def test_paths_of_targets_beyond_the_limit_are_left_out() -> None:
    """By their reason, unjudged; those of known targets come in as before."""
    routes = Routes(KNOWLEDGE, [ZONE], None, targets=1)
    _round(routes, 0, abroad=False)
    other = msgspec.structs.replace(path(NOW_NS + S_NS, abroad=False), target="invented")
    found = routes.add(vantage(0), [other], NOW_NS + S_NS, NOW_NS + S_NS)
    assert {"target_limit": 1} == found
    _round(routes, 2, abroad=False)
    assert (1, 2) == (len(routes.newest), len(routes.fresh))


def _long(second: int, target: str, addresses: int) -> Path:
    """Return a path of so many addresses."""
    one = path(NOW_NS + second * S_NS, abroad=False)
    (reply,) = one.hops[0].replies
    hops = tuple(
        Hop(ttl=n, replies=(msgspec.structs.replace(reply, address=f"62.115.0.{n}"),))
        for n in range(1, addresses)
    )
    return msgspec.structs.replace(one, target=target, hops=(*hops, one.hops[1]))


@pytest.mark.parametrize("restart", [False, True])
def test_an_absurdly_long_path_takes_the_room_of_several(*, restart: bool) -> None:
    """So what is kept is bounded by octets; a short one in its place gives the room back."""
    routes = Routes(KNOWLEDGE, [ZONE], None, targets=6)
    steps = (("a", 160, 0), ("b", 2, 0), ("c", 2, 1), ("b", 160, 1), ("b", 2, 0), ("a", 2, 0))
    for second, (target, addresses, left_out) in enumerate((*steps, ("c", 120, 0), ("d", 2, 1))):
        one = _long(second, target, addresses)
        found = routes.add(vantage(0), [one], NOW_NS, NOW_NS)
        assert ({"target_limit": 1} if left_out else {}) == found, second
        if restart:
            routes = Routes(KNOWLEDGE, [ZONE], routes.dump(), targets=6)


@pytest.mark.parametrize(("days", "known"), [(6, ["marseille", "second"]), (8, ["second", "new"])])
def test_who_was_not_traced_for_a_week_makes_room(days: int, known: list[str]) -> None:
    """The one that was traced longest ago, also after a restart; nobody else."""
    routes = Routes(KNOWLEDGE, [ZONE], None, targets=2)
    for number, target in enumerate(("second", "marseille", "second")):
        at_ns = NOW_NS + number * S_NS
        one = msgspec.structs.replace(path(at_ns, abroad=False), target=target)
        assert {} == routes.add(vantage(0), [one], at_ns, at_ns)
    routes = Routes(KNOWLEDGE, [ZONE], routes.dump(), targets=2)
    later_ns = NOW_NS + days * 24 * 3600 * S_NS
    new = msgspec.structs.replace(path(later_ns, abroad=False), target="new")
    left_out = routes.add(vantage(0), [new], later_ns, later_ns)
    assert known == [target for _, target, _ in routes.newest]
    assert ({"target_limit": 1} if days < 7 else {}) == left_out


def test_one_address_near_two_agents_has_no_place() -> None:
    """What one agent measured takes the place away in the paths of the other, also restarted."""
    routes = _routes()
    far = msgspec.structs.replace(
        vantage(1),
        place=Place(
            name="Lyon", territory="FR", latitude=45.74906, longitude=4.84789, radius_km=10.0
        ),
    )

    def near(second: int) -> Path:
        one = path(NOW_NS + second * S_NS, abroad=False)
        end = msgspec.structs.replace(one.hops[1].replies[0], rtt_ns=1_000_000)
        return msgspec.structs.replace(one, hops=(one.hops[0], Hop(ttl=2, replies=(end,))))

    routes.add(far, [near(0)], NOW_NS, NOW_NS)
    kept = routes.dump()
    for those in (routes, _routes(kept)):
        those.add(vantage(0), [near(1)], NOW_NS, NOW_NS)
        record = those.newest["agent-0", "marseille", 4]
        assert ["51.15.0.1"] == [row.address for row in record.several]
        assert "anycast" == record.judgement.hops[1].evidence[0].kind
