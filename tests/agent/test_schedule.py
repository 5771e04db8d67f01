"""What is due when: spread, without drift, never bunched, never beyond the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schedule import (
    Bucket,
    Budget,
    Due,
    Entry,
    Schedule,
    phase_ns,
    shortage,
    tolerance_ns,
)
from agent.targets import Limits, ProbeTarget

S = 1_000_000_000
MS = 1_000_000
HERE = "192.0.2.1"


def entries(count: int, interval_ns: int = S) -> list[Entry]:
    """Make targets with one interval."""
    return [
        Entry(index=i, key=f"ovh/rbx 192.0.2.{i}", interval_ns=interval_ns) for i in range(count)
    ]


def test_phases_are_spread_over_the_interval() -> None:
    """Of 100 targets at one a second, no 50 ms hold more than 15, and none fires at start."""
    schedule = Schedule(entries(100), 0)
    dues = [due for due, _ in schedule._heap]
    busiest = max(sum(start <= due < start + 50 * MS for due in dues) for start in dues)
    assert busiest <= 15
    assert 0 < min(dues) < max(dues) < S


def test_a_restart_keeps_the_phases() -> None:
    """Two schedules on one monotonic clock agree, whenever they were started."""
    first, second = Schedule(entries(5), 7 * S + 3), Schedule(entries(5), 9 * S + 500 * MS)
    expected = {(due + 2 * S, i) for due, i in first._heap}
    found = {(due, i) for due, i in second._heap}
    assert {(due % S, i) for due, i in expected} == {(due % S, i) for due, i in found}


@given(st.text(max_size=20), st.integers(1, 3600 * S))
def test_a_phase_lies_within_its_interval(key: str, interval_ns: int) -> None:
    """0 <= phase < interval, and the same each time."""
    assert 0 <= phase_ns(key, interval_ns) < interval_ns
    assert phase_ns(key, interval_ns) == phase_ns(key, interval_ns)


@given(st.lists(st.integers(0, 40 * MS), min_size=50, max_size=50))
def test_lateness_never_accumulates(lateness: list[int]) -> None:
    """However late each wake-up is, the n-th deadline is n intervals after the first."""
    schedule = Schedule(entries(1), 0)
    first_ns = schedule.next_ns()
    assert first_ns is not None
    dues = []
    for late_ns in lateness:
        dues += schedule.due((schedule.next_ns() or 0) + late_ns)
    assert [first_ns + n * S for n in range(50)] == [due.due_ns for due in dues]
    assert {(True, 0)} == {(due.send, due.skipped) for due in dues}


def test_nothing_is_due_early() -> None:
    """One nanosecond before its deadline a probe is not due."""
    schedule = Schedule(entries(1), 0)
    first_ns = schedule.next_ns() or 0
    assert schedule.due(first_ns - 1) == []
    assert schedule.due(first_ns) == [Due(index=0, due_ns=first_ns, send=True)]
    assert first_ns + S == schedule.next_ns()


def test_after_a_stall_missed_probes_are_counted_not_sent() -> None:
    """Five seconds late: four deadlines were missed, the fifth is late too; none is sent."""
    schedule = Schedule(entries(1), 0)
    first_ns = schedule.next_ns() or 0
    found = schedule.due(first_ns + 4 * S + 300 * MS)
    assert found == [Due(index=0, due_ns=first_ns + 4 * S, send=False, skipped=5)]
    assert first_ns + 5 * S == schedule.next_ns()


def test_a_deadline_just_come_is_sent_after_a_stall() -> None:
    """Within its tolerance the newest deadline counts, the missed ones are skipped."""
    schedule = Schedule(entries(1), 0)
    first_ns = schedule.next_ns() or 0
    found = schedule.due(first_ns + 4 * S + 100 * MS)
    assert found == [Due(index=0, due_ns=first_ns + 4 * S, send=True, skipped=4)]


def test_after_a_stall_targets_are_not_bunched() -> None:
    """Of 100 targets only those within the tolerance leave together, the others in their turn."""
    schedule = Schedule(entries(100), 0)
    found = schedule.due(10 * S)
    sent = sum(due.send for due in found)
    assert len(found) == 100
    assert sent < 25
    assert {True} == {9 * S < due.due_ns <= 10 * S for due in found}


def test_tolerance_is_a_quarter_of_short_intervals() -> None:
    """100 ms at most, less for what is sent often."""
    assert tolerance_ns(60 * S) == 100 * MS
    assert tolerance_ns(100 * MS) == 25 * MS


def test_backing_off_halves_the_rate_down_to_one_a_minute() -> None:
    """Each step doubles the interval; the phase stays; an answer gives the own interval back."""
    schedule = Schedule(entries(1, 7 * S), 0)
    first_ns = schedule.next_ns() or 0
    gaps, at_ns = [], first_ns
    for turn in range(7):
        grew = schedule.slow_down(0) if turn < 5 else schedule.restore(0)
        schedule.due(at_ns)
        next_ns = schedule.next_ns() or 0
        gaps.append(((next_ns - at_ns) // S, grew))
        at_ns = next_ns
    assert gaps == [(14, True), (28, True), (56, True), (56, False), (56, False), *[(7, None)] * 2]
    assert 0 == (at_ns - first_ns) % (7 * S)


def test_a_slow_entry_is_not_made_faster_by_backing_off() -> None:
    """An interval of five minutes stays."""
    schedule = Schedule(entries(1, 300 * S), 0)
    assert not schedule.slow_down(0)
    first_ns = schedule.next_ns() or 0
    schedule.due(first_ns)
    assert schedule.next_ns() == first_ns + 300 * S


def test_an_empty_schedule_has_no_deadline() -> None:
    """Nothing is ever due."""
    schedule = Schedule([], 0)
    assert schedule.next_ns() is None
    assert schedule.due(S) == []


@given(
    st.floats(0.1, 50, allow_nan=False),
    st.lists(st.integers(0, S // 2), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_it_earned(per_s: float, gaps: list[int]) -> None:
    """In any time t no more than capacity + t * rate tokens are taken."""
    bucket = Bucket(per_s, 0)
    now_ns = taken = 0
    for gap_ns in gaps:
        now_ns += gap_ns
        while bucket.holds_one(now_ns):
            bucket.take()
            taken += 1
    assert taken <= max(per_s, 1) + now_ns / S * per_s + 1e-6


def test_a_bucket_saves_no_more_than_a_second() -> None:
    """After an idle hour as much as after an idle second may leave at once."""
    bucket = Bucket(10, 0)
    taken = 0
    while bucket.holds_one(3600 * S):
        bucket.take()
        taken += 1
    assert taken == 10


def test_an_empty_bucket_says_how_long_to_wait() -> None:
    """After that time, and not before, a token is there."""
    bucket = Bucket(10, 0)
    while bucket.holds_one(0):
        bucket.take()
    wait_ns = bucket.wait_ns(0)
    assert 99 * MS < wait_ns <= 100 * MS + 1
    assert not bucket.holds_one(wait_ns - MS)
    assert bucket.wait_ns(wait_ns + 1) == 0


def test_one_target_cannot_exceed_its_own_limit() -> None:
    """Its refused probes cost the others nothing."""
    budget = Budget(Limits(packets_per_s=4, per_target_per_s=2), 0)
    assert [True, True, False] == [budget.allow_echo(0, HERE, 0) for _ in range(3)]
    assert [True, True, False] == [budget.allow_echo(1, HERE, 0) for _ in range(3)]
    assert budget.packet_wait_ns(0) > 0


def packets(budget: Budget, now_ns: int, address: str = HERE) -> int:
    """Count the packets of traces that may leave at once."""
    count = 0
    while not (budget.packet_wait_ns(now_ns) or budget.prefix_wait_ns(address, now_ns)):
        budget.take_packet(address, now_ns)
        count += 1
    return count


def test_traces_and_echoes_share_the_global_limit() -> None:
    """A trace's packets are counted with the rest, and wait for what is earned."""
    budget = Budget(Limits(packets_per_s=1, per_target_per_s=2), 0)
    assert packets(budget, 0) == 1
    assert not budget.allow_echo(0, HERE, 0)
    assert S == budget.packet_wait_ns(0) - 1
    assert packets(budget, budget.packet_wait_ns(0)) == 1


def test_traces_leave_half_of_what_is_saved_to_echoes() -> None:
    """However many packets of traces wait: an echo request cannot."""
    limits = Limits(packets_per_s=101, per_target_per_s=101, per_prefix_per_s=1000)
    budget = Budget(limits, 0)
    assert packets(budget, 0) == 51
    assert [True] * 50 + [False] == [budget.allow_echo(0, HERE, 0) for _ in range(51)]
    assert packets(budget, S // 2) == 0
    assert packets(budget, S) == 51


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.254", "192.0.3.1"),
        ("2001:db8:7::1", "2001:db8:7:ffff::9", "2001:db8:8::1"),
    ],
)
def test_one_prefix_cannot_exceed_its_own_limit(first: str, same: str, other: str) -> None:
    """All packets to a /24 or /48 together, whatever they are for; the next one is another."""
    budget = Budget(Limits(per_prefix_per_s=5), 0)
    assert packets(budget, 0, first) == 3
    assert 0 == packets(budget, 0, same)
    assert [True, True, False] == [budget.allow_echo(i, same, 0) for i in range(3)]
    assert (True, 3) == (budget.allow_echo(9, other, 0), packets(budget, 0, other) + 1)
    assert S * 3 // 5 + 1 == budget.prefix_wait_ns(first, 0)
    assert budget.allow_echo(3, first, S // 5)


def test_a_refused_echo_costs_nothing() -> None:
    """Where its prefix has none left, its target and everything keep their tokens."""
    budget = Budget(Limits(packets_per_s=4, per_target_per_s=2, per_prefix_per_s=1), 0)
    assert [True] + [False] * 9 == [budget.allow_echo(0, HERE, 0) for _ in range(10)]
    others = [budget.allow_echo(i, f"192.0.{i}.1", 0) for i in (0, 3, 4, 5)]
    assert [True, True, True, False] == others


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, S // 3)), max_size=200))
def test_prefixes_are_forgotten_and_no_limit_with_them(steps: list[tuple[int, int]]) -> None:
    """What is remembered is what the last second had; in no time is more sent than earned."""
    budget, now_ns = Budget(Limits(packets_per_s=1000, per_prefix_per_s=2), 0), 0
    sent: list[tuple[int, int]] = []
    for prefix, gap_ns in steps:
        now_ns += gap_ns
        if budget.allow_echo(prefix, f"192.0.{prefix}.1", now_ns):
            sent.append((prefix, now_ns))
            latest = {each for each, at_ns in sent if at_ns > now_ns - S - 2}
            assert budget.prefixes <= len(latest)
    for prefix, at_ns in sent:
        within = [each for each, other in sent if each == prefix and at_ns <= other < at_ns + S]
        assert len(within) <= 4


def test_a_prefix_that_is_full_again_when_its_packet_leaves_is_forgotten_at_once() -> None:
    """Between the question and the packet a fast limit has earned what the packet takes."""
    budget = Budget(Limits(per_prefix_per_s=10_000), 0)
    budget.take_packet(HERE, 0)
    assert (0, 1) == (budget.prefix_wait_ns(HERE, 0), budget.prefixes)
    budget.take_packet(HERE, MS)
    assert (0, 0) == (budget.prefix_wait_ns(HERE, MS), budget.prefixes)


def test_a_prefix_that_is_asked_for_too_much_is_told() -> None:
    """With its limit; a name may go anywhere and is left out."""

    def many(count: int, start: str, *, known: bool = True) -> list[ProbeTarget]:
        addresses = [f"{start}{number}" for number in range(1, count + 1)]
        return [
            ProbeTarget(
                target=each,
                zone="a/b",
                address=each if known else None,
                interval_ns=S,
                timeout_ns=S,
            )
            for each in addresses
        ]

    targets = [*many(50, "192.0.2."), *many(50, "198.51.100."), *many(60, "n", known=False)]
    assert shortage(targets, Limits()) is None
    assert shortage([*targets, *many(51, "2001:db8:7::")], Limits(packets_per_s=300)) == (
        "the targets in 2001:db8:7::/48 ask for 51 echo requests a second and [limits]"
        " per_prefix_per_s allows 50: some will be skipped and nothing traced;"
        " lengthen interval_s, or raise the limit"
    )


def test_more_echoes_than_the_limits_allow_are_told() -> None:
    """With both figures and what helps; what just fits is not."""
    fast = ProbeTarget(target="t", zone="a/b", address=None, interval_ns=S // 10, timeout_ns=S)
    assert shortage([fast] * 2, Limits(packets_per_s=20)) is None
    assert shortage([fast] * 3, Limits(packets_per_s=20)) == (
        "the targets ask for 30 echo requests a second and [limits] packets_per_s allows 20: some"
        " will be skipped and nothing traced; lengthen interval_s, or raise the limit"
    )
