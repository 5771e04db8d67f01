"""Gathering results: nothing is lost or moved in time, and every column fits its type."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import batches as module
from agent import wire
from agent.batches import NS_PER_MS, NS_PER_S, SPAN_NS, Batches, Identity, SeriesBook
from agent.records import (
    AddressChange,
    AgentId,
    Batch,
    Outcome,
    Path,
    Protocol,
    Series,
    SpoolId,
    Stamp,
    WitnessReply,
)
from agent.targets import Instant, ProbeTarget

WALL_NS = 1_700_000_000_000_000_000
IDENTITY = Identity(agent_id=AgentId(b"a" * 16), boot_id=b"b" * 16, spool_id=SpoolId(b"s" * 16))
TARGETS = [
    ProbeTarget(
        target=f"192.0.2.{number}",
        zone="a/b",
        address=None,
        interval_ns=NS_PER_S,
        timeout_ns=NS_PER_S,
    )
    for number in range(4)
]
PATH = Path(
    id="x",
    tool="borne-agent",
    origin=None,
    rtt_resolution_ns=1,
    target="192.0.2.0",
    address="192.0.2.0",
    zone="a/b",
    family=4,
    protocol=Protocol.ICMP,
    reached=True,
    started_at="2023-11-14T22:13:20.000000000Z",
    hops=(),
)


def series(number: int, target: int, stamp: Stamp = Stamp.KERNEL) -> Series:
    """Return the descriptor that the book makes for a target of `TARGETS`."""
    return Series(
        id=number,
        zone="a/b",
        target=f"192.0.2.{target}",
        family=4,
        protocol=Protocol.ICMP,
        stamp=stamp,
    )


def gatherer(*known: Series, now_ns: int = 0) -> Batches:
    """Return an empty gatherer with an interval of five seconds."""
    return Batches(TARGETS, IDENTITY, SeriesBook(known), interval_ns=5 * NS_PER_S, now_ns=now_ns)


def closed(gathering: Batches, now_ns: int = 0) -> list[Batch]:
    """Close whatever is open."""
    return gathering.close(Instant(now_ns, WALL_NS), -1, force=True)


def rows(batch: Batch) -> tuple[list[tuple[int, int, float]], list[tuple[int, int, int]]]:
    """Return replies as (series, dt, rtt) and events as (series, dt, outcome)."""
    replies = [
        (batch.series_ids[index], batch.reply_dt_ms[row], batch.rtt_s[row])
        for index in range(len(batch.series_ids))
        for row in range(batch.offsets[index], batch.offsets[index + 1])
    ]
    events = zip(batch.event_series, batch.event_dt_ms, batch.event_outcome, strict=True)
    return replies, list(events)


def test_columns_by_series() -> None:
    """Replies of a series stand together, times count from the earliest row."""
    gathering = gatherer()
    gathering.reply(0, WALL_NS + 9 * NS_PER_MS, 250_000_000, Stamp.KERNEL)
    gathering.reply(1, WALL_NS + 5 * NS_PER_MS, 500_000_000, Stamp.KERNEL)
    gathering.reply(0, WALL_NS + 7 * NS_PER_MS, 125_000_000, Stamp.KERNEL)
    gathering.event(2, WALL_NS + 2 * NS_PER_MS, Outcome.LOST)
    (batch,) = closed(gathering)
    assert (batch.base_ns, rows(batch), batch.descriptors.series) == (
        WALL_NS + 2 * NS_PER_MS,
        ([(1, 7, 0.25), (1, 5, 0.125), (2, 3, 0.5)], [(3, 0, Outcome.LOST)]),
        (series(1, 0), series(2, 1), series(3, 2)),
    )


ITEMS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(-200 * NS_PER_S, 200 * NS_PER_S),
        st.none() | st.integers(0, 10 * NS_PER_S),
        st.sampled_from([Stamp.KERNEL, Stamp.USER]),
    ),
    max_size=30,
)


@given(ITEMS)
def test_no_row_is_lost_or_moved(items: list[tuple[int, int, int | None, Stamp]]) -> None:
    """Whatever the order of times, each row arrives once, within a millisecond, in some batch."""
    gathering = gatherer()
    for index, at_ns, rtt_ns, stamp in items:
        if rtt_ns is None:
            gathering.event(index, WALL_NS + at_ns, Outcome.LOST)
        else:
            gathering.reply(index, WALL_NS + at_ns, rtt_ns, stamp)
    made = closed(gathering)
    names = {row.id: row.target for batch in made for row in batch.descriptors.series}
    found = []
    for batch in made:
        replies, events = rows(wire.decode(wire.encode(batch)))
        for number, dt_ms, _ in (*replies, *events):
            found.append((names[number], dt_ms, batch.base_ns))
    rebuilt = sorted((name, base_ns + dt_ms * NS_PER_MS) for name, dt_ms, base_ns in found)
    expected = sorted((f"192.0.2.{index}", WALL_NS + at_ns) for index, at_ns, _, _ in items)
    assert len(rebuilt) == len(expected)
    assert all(
        name == other and 0 <= at_ns - dated_ns < NS_PER_MS
        for (name, dated_ns), (other, at_ns) in zip(rebuilt, expected, strict=True)
    )


@given(ITEMS)
def test_batches_are_short_and_in_order(
    items: list[tuple[int, int, int | None, Stamp]],
) -> None:
    """No batch reaches over a minute, and they follow each other in time."""
    gathering = gatherer()
    for index, at_ns, _, stamp in items:
        gathering.reply(index, WALL_NS + at_ns, 1, stamp)
    bases_ns = [batch.base_ns for batch in closed(gathering)]
    assert all(after - before >= SPAN_NS for before, after in itertools.pairwise(bases_ns))


def test_a_minute_is_the_longest() -> None:
    """A row just short of a minute after the first goes along, one at the minute does not."""
    gathering = gatherer()
    for after_ms in (66_000, 59_999, 60_000, 0):
        gathering.reply(0, WALL_NS + after_ms * NS_PER_MS, 1, Stamp.KERNEL)
    found = [(b.base_ns - WALL_NS, sorted(b.reply_dt_ms)) for b in closed(gathering)]
    assert found == [(0, [0, 59_999]), (60_000 * NS_PER_MS, [0, 6000])]


def test_when_a_batch_is_due() -> None:
    """A batch is closed after the interval, a second after a path, at once when it is full."""
    gathering = gatherer(now_ns=100)
    found = [gathering.due_ns()]
    gathering.path(PATH, 1000)
    found.append(gathering.due_ns())
    gathering.path(PATH, 2000)
    found.append(gathering.due_ns())
    gathering.close(Instant(NS_PER_S + 999, WALL_NS), -1)
    found.append(gathering.due_ns())
    made = gathering.close(Instant(NS_PER_S + 1000, WALL_NS), -1)
    found += [gathering.due_ns(), len(made), len(made[0].descriptors.paths)]
    assert found == [
        100 + 5 * NS_PER_S,
        NS_PER_S + 1000,
        NS_PER_S + 1000,
        NS_PER_S + 1000,
        6 * NS_PER_S + 1000,
        1,
        2,
    ]


def test_a_full_batch_is_due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows is bounded."""
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    gathering = gatherer()
    gathering.reply(0, WALL_NS, 1, Stamp.KERNEL)
    gathering.event(0, WALL_NS, Outcome.LOST)
    assert (gathering.full, len(gathering.close(Instant(1, WALL_NS), -1))) == (True, 1)


def test_nothing_makes_no_batch() -> None:
    """An interval without results gives no batch."""
    assert closed(gatherer()) == []


def test_known_series_keep_their_ids() -> None:
    """A series that the spool knows keeps its id, and new ones go on from the highest."""
    gathering = gatherer(series(7, 1), series(9, 0, Stamp.USER))
    for index in (0, 1):
        gathering.reply(index, WALL_NS, 1, Stamp.KERNEL)
    (batch,) = closed(gathering)
    assert (list(batch.series_ids), batch.descriptors.series) == ([7, 10], (series(10, 0),))


def test_a_descriptor_goes_along_until_it_is_stored() -> None:
    """A batch that never reached the spool costs no descriptor: the next one repeats it."""
    gathering = gatherer()
    found = []
    for _ in range(3):
        gathering.reply(0, WALL_NS, 1, Stamp.KERNEL)
        (batch,) = closed(gathering)
        found.append(batch.descriptors.series)
        if len(found) == 2:
            gathering.stored(batch)
    assert found == [(series(1, 0),), (series(1, 0),), ()]


def test_losses_belong_to_the_series_of_the_last_reply() -> None:
    """A loss has no stamp of its own: it takes that of the last reply, else the kernel's."""
    gathering = gatherer()
    gathering.event(0, WALL_NS, Outcome.LOST)
    gathering.reply(0, WALL_NS, 1, Stamp.USER)
    gathering.event(0, WALL_NS, Outcome.LOST)
    (batch,) = closed(gathering)
    assert (list(batch.event_series), batch.descriptors.series) == (
        [1, 2],
        (series(1, 0), series(2, 0, Stamp.USER)),
    )


def test_a_first_loss_is_of_the_quality_that_this_host_has() -> None:
    """Where the host cannot stamp what it sends, no empty kernel series takes a target's losses."""
    gathering = gatherer()
    gathering.reply(0, WALL_NS, 1, Stamp.KERNEL_RX)
    gathering.event(1, WALL_NS, Outcome.LOST)
    gathering.reply(1, WALL_NS, 1, Stamp.KERNEL_RX)
    (batch,) = closed(gathering)
    assert batch.descriptors.series == (
        series(1, 0, Stamp.KERNEL_RX),
        series(2, 1, Stamp.KERNEL_RX),
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, *Stamp]))))
def test_losses_add_up_per_target(items: list[tuple[int, Stamp | None]]) -> None:
    """Whatever qualities come and go, the losses over all series of a target are its losses."""
    gathering = gatherer()
    for target, stamp in items:
        if stamp is None:
            gathering.event(target, WALL_NS, Outcome.LOST)
        else:
            gathering.reply(target, WALL_NS, 1, stamp)
    found = [0] * 4
    for batch in closed(gathering):
        target_of = {each.id: each.target for each in batch.descriptors.series}
        for number in batch.event_series:
            found[int(target_of[number].rpartition(".")[2])] += 1
    assert [items.count((target, None)) for target in range(4)] == found


def test_addresses_are_told_once_per_series() -> None:
    """Each series of a target learns its address at its first row, and each change of it."""
    gathering = gatherer()
    gathering.address(0, WALL_NS, "192.0.2.50")
    gathering.reply(0, WALL_NS + 3 * NS_PER_MS, 1, Stamp.KERNEL)
    gathering.address(0, WALL_NS + 5 * NS_PER_MS, "192.0.2.50")
    gathering.address(0, WALL_NS + 6 * NS_PER_MS, "192.0.2.51")
    gathering.reply(0, WALL_NS + 8 * NS_PER_MS, 1, Stamp.USER)
    (batch,) = closed(gathering)
    assert batch.descriptors.addresses == (
        AddressChange(series=1, dt_ms=0, address="192.0.2.50"),
        AddressChange(series=1, dt_ms=3, address="192.0.2.51"),
        AddressChange(series=2, dt_ms=5, address="192.0.2.51"),
    )


def test_paths_go_once_with_the_last_part() -> None:
    """Where a batch is split its paths go along with the latest part, once."""
    gathering = gatherer()
    gathering.reply(0, WALL_NS, 1, Stamp.KERNEL)
    gathering.reply(0, WALL_NS + 2 * SPAN_NS, 1, Stamp.KERNEL)
    gathering.path(PATH, 0)
    assert [len(batch.descriptors.paths) for batch in closed(gathering)] == [0, 1]


def test_a_path_alone_is_dated_now() -> None:
    """A batch that holds nothing but a path has the present as its base time."""
    gathering = gatherer()
    gathering.path(PATH, 0)
    assert [batch.base_ns for batch in closed(gathering)] == [WALL_NS]


REPLY = WitnessReply(address="62.115.134.138", sent_at="2023-11-14T22:13:20.000000000Z")


def test_a_witness_reply_closes_the_batch_within_a_second() -> None:
    """A verdict waits for it; it needs no other row to travel, and travels once."""
    gathering = gatherer()
    gathering.witness(REPLY, 100)
    assert gathering.due_ns() == 100 + NS_PER_S
    (batch,) = closed(gathering, 100 + NS_PER_S)
    assert ((REPLY,), WALL_NS) == (batch.descriptors.witness, batch.base_ns)
    assert [] == closed(gathering)


def test_a_witness_reply_goes_with_the_last_of_several_batches() -> None:
    """As paths do."""
    gathering = gatherer()
    gathering.reply(0, WALL_NS - 2 * SPAN_NS, 1, Stamp.KERNEL)
    gathering.reply(0, WALL_NS, 1, Stamp.KERNEL)
    gathering.witness(REPLY, 0)
    assert [(), (REPLY,)] == [batch.descriptors.witness for batch in closed(gathering)]
