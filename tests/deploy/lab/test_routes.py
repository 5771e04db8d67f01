"""Where a TTL runs out on a way, with and without tunnels."""

import pytest

from deploy.lab.routes import Kind, Leg, Stop, Way, way
from deploy.lab.world import Tunnel

NODES = ["r:a", "r:b", "r:c", "r:d", "r:e", "t:x"]


def legs(nodes: list[str]) -> list[Leg]:
    """Legs of 10 ns each."""
    return [Leg(node, bytes(4), Kind.ROUTER, 10) for node in nodes]


def through(*tunnels: Tunnel, start: str = "a:one") -> Way:
    """The way over all nodes with these tunnels."""
    found: dict[str, list[Tunnel]] = {}
    for tunnel in tunnels:
        found.setdefault(f"r:{tunnel.routers[0]}", []).append(tunnel)
    return way(start, legs(NODES), found)


def test_without_tunnels_every_node_is_a_stop() -> None:
    """Each TTL runs out one node further; the quoted packet has TTL 1 there."""
    found = through()
    assert found.stops == tuple(Stop(index, (), 1, index) for index in range(6))
    assert (found.delays_ns, found.spent) == ((10, 20, 30, 40, 50, 60), 5)


def test_labels_and_quoted_ttl_inside_a_uniform_tunnel() -> None:
    """The outermost label runs out; labels below and the IP header still have the ingress's TTL."""
    tunnel = Tunnel(routers=("a", "b", "c", "d"), labels=(24001, (24002, 17)))
    assert through(tunnel).stops[1:3] == (
        Stop(1, ((24001, 0, 1),), 1, 1),
        Stop(2, ((24002, 0, 1), (17, 0, 2)), 2, 2),
    )
    assert {stop.labels for stop in (*through(tunnel).stops[:1], *through(tunnel).stops[3:])} == {
        ()
    }


def test_a_pipe_hides_its_routers() -> None:
    """Ingress and egress follow each other; the TTL spent is less by what is hidden."""
    found = through(Tunnel(routers=("a", "b", "c", "d"), labels=(16, 17), propagate_ttl=False))
    assert [stop.leg for stop in found.stops] == [0, 3, 4, 5]
    assert found.spent == 3


def test_replies_via_the_end() -> None:
    """Errors of the routers inside turn back at the egress, all others where they arise."""
    found = through(Tunnel(routers=("a", "b", "c", "d"), labels=(16, 17), replies_via_end=True))
    assert [stop.turns_at for stop in found.stops] == [0, 3, 3, 3, 4, 5]


def test_labels_may_stay_unsaid() -> None:
    """Without extensions the quoted TTL alone betrays the tunnel."""
    found = through(Tunnel(routers=("a", "b", "c", "d"), labels=(16, 17), extensions=False))
    assert [(stop.labels, stop.ttl) for stop in found.stops[1:3]] == [((), 1), ((), 2)]


def test_tunnels_follow_each_other_and_the_longest_wins() -> None:
    """The egress of one may be the ingress of the next; of two at one ingress the longer counts."""
    first = Tunnel(routers=("a", "b", "c"), labels=(16,))
    longer = Tunnel(routers=("a", "b", "c", "d"), labels=(17, 18))
    second = Tunnel(routers=("c", "d", "e"), labels=(19,))
    assert [stop.labels for stop in through(first, second).stops] == [
        *((), ((16, 0, 1),), (), ((19, 0, 1),), (), ())
    ]
    shown = [stop.labels for stop in through(first, longer).stops]
    assert shown == [(), ((17, 0, 1),), ((18, 0, 1),), (), (), ()]


@pytest.mark.parametrize("routers", [("b", "a", "c"), ("a", "c", "d"), ("d", "e", "f")])
def test_a_tunnel_that_is_not_crossed_does_nothing(routers: tuple[str, ...]) -> None:
    """Another order, a gap, or an egress beyond the end leave the way as it is."""
    assert through(Tunnel(routers=routers, labels=(16,))) == through()


def test_a_way_that_starts_at_the_ingress() -> None:
    """What a router sends itself enters the tunnel too."""
    found = through(Tunnel(routers=("z", "a", "b"), labels=(16,)), start="r:z")
    assert found.stops[0] == Stop(0, ((16, 0, 1),), 1, 0)


def test_risks_and_the_narrowest_leg() -> None:
    """A way knows which legs are not steady, and how much fits through all of them."""
    steady, *rest = legs(["r:a", "r:b", "r:c"])
    lossy, jittery = rest[0]._replace(loss_ratio=0.1, mtu=1400), rest[1]._replace(jitter_ns=5)
    found = way("a:one", [steady, lossy, jittery], {})
    assert (found.risks, found.mtu) == ((1, 2), 1400)
