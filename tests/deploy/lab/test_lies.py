"""What a way is told as: the truth where nobody lies, and each lie as its table says."""

import msgspec
import pytest

from agent.records import PathReply
from deploy.lab import lies, truth
from deploy.lab.lies import Shares, Told
from deploy.lab.lot import Lot
from deploy.lab.scenario import load
from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_MS

WORLD = load("world")
TOPOLOGY = Topology(WORLD)
AGENT = WORLD.agents[0]
TARGETS = WORLD.targets[:26]
ROUTERS = {row.address: row for row in WORLD.routers}


def told(shares: Shares, seed: int = 1) -> list[Told]:
    """Return what Paris says of its ways to some targets."""
    lot = Lot(seed)
    found = [
        lies.tell(WORLD, AGENT, target, topology=TOPOLOGY, shares=shares, lot=lot)
        for target in TARGETS
    ]
    assert None not in found
    return [one for one in found if one is not None]


def replies(one: Told) -> list[PathReply]:
    """Return the replies that a telling holds."""
    return [reply for hop in one.path.hops for reply in hop.replies if not reply.lost]


def test_the_honest_tell_what_is_true() -> None:
    """Addresses, names and silence are those of the network, and no time is too short."""
    for target, one in zip(TARGETS, told(lies.HONEST), strict=True):
        hops = truth.expected_hops(WORLD, AGENT.name, target.address)
        assert {hop.country for hop in hops} == one.countries
        assert {} == one.lies
        for hop, row in zip(hops, one.path.hops, strict=True):
            seen = [reply for reply in row.replies if not reply.lost]
            assert hop.silent == (not seen)
            assert {(hop.address, hop.name)} >= {(reply.address, reply.name) for reply in seen}
            assert all(reply.rtt_ns >= hop.rtt_ms * NS_PER_MS - 1 for reply in seen)
            assert all(reply.name_confirmed is not False for reply in seen)
        assert one.path.reached != hops[-1].silent


@pytest.mark.parametrize(
    ("kind", "confirmed", "same_network", "same_address", "believable"),
    [
        ("stale", {True, None}, True, True, True),
        ("borrowed", {False, None}, False, True, False),
        ("neighbour", {True}, False, False, True),
    ],
)
def test_a_lie_about_a_name_names_another_city(
    kind: str,
    confirmed: set[bool | None],
    same_network: bool,
    same_address: bool,
    believable: bool,
) -> None:
    """The name is a real router's elsewhere, of the carrier or of another."""
    by_name = {row.name: row for row in WORLD.routers if row.name}
    seen: set[bool | None] = set()
    for target, one in zip(TARGETS, told(Shares(**{kind: 1.0})), strict=True):
        hops = truth.expected_hops(WORLD, AGENT.name, target.address)
        for hop, row in zip(hops, one.path.hops, strict=True):
            router = ROUTERS.get(hop.address)
            answer = next((reply for reply in row.replies if not reply.lost), None)
            if router is None or answer is None:
                continue
            named = by_name[answer.name]
            seen.add(answer.name_confirmed)
            assert named.city != router.city
            assert same_network == (named.network == router.network)
            assert same_address == (answer.address == hop.address)
            if believable:
                assert named.city in {city.name for city in one.lies.values()}
        assert believable == bool(one.lies)
    assert confirmed == seen


def test_the_silent_and_the_late() -> None:
    """Every router is silent, or every one is late, and the target itself is neither."""
    for one in told(Shares(silent=1.0)):
        assert {reply.address for reply in replies(one)} <= {
            AGENT.gateway_address,
            one.path.address,
        }
    true = {
        (target.address, hop.address): hop.rtt_ms * NS_PER_MS
        for target in TARGETS
        for hop in truth.expected_hops(WORLD, AGENT.name, target.address)
    }
    for one in told(Shares(late=1.0)):
        for reply in replies(one):
            extra_ns = (reply.rtt_ns or 0) - true[str(one.path.address), str(reply.address)]
            assert (extra_ns > NS_PER_MS / 2) == (reply.address in ROUTERS)


def test_delay_only_adds() -> None:
    """Some times are longer, none is shorter, and nothing else changes."""
    (one, *_) = told(lies.HONEST)
    late = lies.delayed(one.path, Lot(3))
    pairs = [
        (old.rtt_ns, new.rtt_ns)
        for before, after in zip(one.path.hops, late.hops, strict=True)
        for old, new in zip(before.replies, after.replies, strict=True)
        if old.rtt_ns is not None
    ]
    assert all(new >= old for old, new in pairs)
    assert any(new > old for old, new in pairs)
    assert _timeless(one.path.hops) == _timeless(late.hops)


def test_another_order_holds_the_same() -> None:
    """Hops and replies change places, and no reply changes its hop."""
    (one, *_) = told(lies.HONEST)
    mixed = lies.reordered(one.path, Lot(4))
    assert one.path.hops != mixed.hops
    assert _sorted(one.path.hops) == _sorted(mixed.hops)


def _timeless(hops: object) -> object:
    return msgspec.json.decode(
        msgspec.json.encode(
            [[{**msgspec.to_builtins(r), "rtt_ns": 0} for r in hop.replies] for hop in hops]
        )
    )


def _sorted(hops: object) -> object:
    return sorted((hop.ttl, sorted(map(msgspec.json.encode, hop.replies))) for hop in hops)
