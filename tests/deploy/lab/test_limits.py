"""Token buckets as Linux has them."""

from deploy.lab.limits import Limits
from deploy.lab.world import NS_PER_MS, NS_PER_S, Router
from tests.fakes.lab_limits import ask_the_kernel

ONE, TWO = b"\x01", b"\x02"


def router(**words: float) -> Router:
    """A router with limits."""
    return Router(id="r", city="c", network="n", address="192.0.2.1", **words)  # type: ignore[arg-type]


def test_a_burst_and_then_the_rate() -> None:
    """Six at once, then one each second; half a second saved counts later."""
    limits, slow = Limits(), router(limit_per_s=1.0)
    assert [limits.allow(slow, ONE, 0) for _ in range(8)] == [True] * 6 + [False] * 2
    moments = (NS_PER_S // 2, NS_PER_S, NS_PER_S, 2 * NS_PER_S)
    assert [limits.allow(slow, ONE, now_ns) for now_ns in moments] == [False, True, False, True]


def test_the_bucket_never_holds_more_than_the_burst() -> None:
    """An hour of silence buys no more than a burst."""
    limits, slow = Limits(), router(limit_per_s=10.0, limit_burst=3)
    limits.allow(slow, ONE, 0)
    hour_ns = 3600 * NS_PER_S
    assert [limits.allow(slow, ONE, hour_ns) for _ in range(4)] == [True] * 3 + [False]


def test_each_destination_has_its_own_bucket() -> None:
    """What one peer used up the other still has, and another router too."""
    limits, slow = Limits(), router(limit_per_s=1.0, limit_burst=1)
    other = Router(id="s", city="c", network="n", address="192.0.2.2", limit_per_s=1, limit_burst=1)
    assert [limits.allow(slow, peer, 0) for peer in (ONE, TWO, ONE)] == [True, True, False]
    assert limits.allow(other, ONE, 0)


def test_all_together() -> None:
    """The common bucket is refilled when 20 ms have passed, whoever asks."""
    limits, slow = Limits(), router(limit_all_per_s=100.0, limit_all_burst=2)
    assert [limits.allow(slow, peer, 0) for peer in (ONE, TWO, ONE)] == [True, True, False]
    assert not limits.allow(slow, ONE, 19 * NS_PER_MS)
    assert [limits.allow(slow, ONE, 20 * NS_PER_MS) for _ in range(3)] == [True, True, False]


def test_the_common_bucket_is_asked_first() -> None:
    """Where it is empty, the destination's own loses nothing."""
    limits = Limits()
    slow = router(limit_all_per_s=1.0, limit_all_burst=1, limit_per_s=0.1, limit_burst=1)
    assert limits.allow(slow, TWO, 0)
    assert not limits.allow(slow, ONE, 0)
    assert limits.allow(slow, ONE, NS_PER_S)


def test_what_the_destination_refuses_costs_the_common_bucket_nothing() -> None:
    """One greedy peer does not silence the router for all others."""
    limits = Limits()
    slow = router(limit_all_per_s=1.0, limit_all_burst=2, limit_per_s=0.1, limit_burst=1)
    assert [limits.allow(slow, ONE, 0) for _ in range(5)] == [True] + [False] * 4
    assert [limits.allow(slow, peer, 0) for peer in (TWO, b"\x03")] == [True, False]


def test_a_slow_common_bucket_fills_under_steady_load() -> None:
    """Asked every 15 ms it still sends its ten a second: time below an error's worth is kept."""
    limits, slow = Limits(), router(limit_all_per_s=10.0, limit_all_burst=1)
    sent = [limits.allow(slow, ONE, tick * 15 * NS_PER_MS) for tick in range(200)]
    assert sum(sent) == 1 + 28
    assert sent[:15] == [True, *[False] * 6, True, *[False] * 6, True]


def test_the_common_bucket_fills_for_a_second_at_most() -> None:
    """After an hour of silence it holds no more than a second's worth, as the kernel's."""
    limits, slow = Limits(), router(limit_all_per_s=3.0, limit_all_burst=9)
    assert [limits.allow(slow, ONE, 0) for _ in range(10)] == [True] * 9 + [False]
    hour_ns = 3600 * NS_PER_S
    assert [limits.allow(slow, ONE, hour_ns) for _ in range(4)] == [True] * 3 + [False]


def test_the_kernel_itself_agrees() -> None:
    """Ten a second for a peer, asked at once and then every 30 ms: it sends what Linux sends.

    Linux counts in jiffies of up to 10 ms, so that one error may lie on the other side of a tick.
    """
    schedule_s = [*[(0.0, "192.0.2.50")] * 12, *((0.03 * n, "192.0.2.50") for n in range(1, 60))]
    asked = ask_the_kernel({"icmp_ratelimit": 100}, schedule_s)
    limits, slow = Limits(), router(limit_per_s=10.0, limit_burst=6)
    ours = [limits.allow(slow, ONE, one.at_ns) for one in asked]
    assert ours[:12] == [one.answered for one in asked[:12]]
    assert abs(sum(ours) - sum(one.answered for one in asked)) <= 1


def test_time_that_runs_back_adds_nothing() -> None:
    """A packet of another way may be asked for earlier than the one before."""
    limits, slow = Limits(), router(limit_per_s=1.0, limit_burst=1)
    assert limits.allow(slow, ONE, 5 * NS_PER_S)
    assert not limits.allow(slow, ONE, 0)
    assert not limits.allow(slow, ONE, 5 * NS_PER_S + 1)


def test_without_limits_everything_goes() -> None:
    """A router without limits never refuses."""
    limits = Limits()
    assert all(limits.allow(router(), ONE, 0) for _ in range(1000))
