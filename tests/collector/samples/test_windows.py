"""Windows hold every sample in the window of its own time, exactly, across restarts."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Outcome
from collector.samples import columns as words
from collector.samples import quantiles
from collector.samples.columns import Columns
from collector.samples.sketch import PAGES, SLOTS
from collector.samples.windows import GRACE_NS, WIDTH_NS, Windows
from tests.oracles import sketch as oracle

ROOT = Path(__file__).resolve().parents[3]
BASE_NS = 1_753_000_000_000_000_000
S_NS = 1_000_000_000
MS_NS = 1_000_000

TIMES = st.floats(width=32) | st.floats(2.0**-10, 2.0**-3, width=32)
REPLIES = st.lists(st.tuples(st.integers(0, 4), TIMES, st.integers(0, 65_535)), max_size=40)
EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 65_535), st.integers(1, 8)), max_size=10
)
BATCHES = st.lists(st.tuples(REPLIES, EVENTS, st.integers(0, 100_000)), max_size=4)


def play(windows: Windows, batch: tuple[list, list, int]) -> dict[str, int]:
    """Give a batch to the windows; return what was rejected."""
    replies, events, after_ms = batch
    replies = sorted(replies, key=lambda reply: reply[0])
    base_ns = BASE_NS + after_ms * MS_NS
    offsets = np.searchsorted([row for row, _, _ in replies], np.arange(6))
    rejected = windows.add(
        np.arange(100, 105),
        offsets,
        [value for _, value, _ in replies],
        [dt_ms for _, _, dt_ms in replies],
        base_ns,
    )
    rows, dt_ms, outcomes = ([event[place] for event in events] for place in range(3))
    assert {} == windows.add_events(np.add(rows, 100), dt_ms, outcomes, base_ns)
    return dict(rejected)


def summary(columns: Columns) -> list[tuple[object, ...]]:
    """Return the rows of columns as comparable tuples."""
    sketches = [
        dict(zip(columns.bucket[a:b].tolist(), columns.bucket_count[a:b].tolist(), strict=True))
        for a, b in zip(columns.offsets[:-1], columns.offsets[1:], strict=True)
    ]
    listed = [getattr(columns, name).tolist() for name in words.PER_ROW]
    return list(zip(*listed, sketches, strict=True))


def expected(windows: oracle.Windows) -> list[tuple[object, ...]]:
    """Return what the oracle holds, in the form of `summary`."""
    rows = []
    for key in windows.known():
        values, events = windows.samples.get(key, []), windows.events[key]
        counts = [len(values), *(events[outcome] for outcome in range(1, 9))]
        zero = sum(oracle.kind(value) == "zero" for value in values)
        low, high = min(values, default=float("inf")), max(values, default=float("-inf"))
        total = 0.0
        for value in values:
            total += value
        rows.append((*key, counts, zero, total, low, high, oracle.sketch(values)))
    return rows


@settings(deadline=None)
@given(BATCHES)
def test_windows_equal_lists_of_samples(batches: list[tuple[list, list, int]]) -> None:
    """Counts, sums, extremes, sketches and rejections are those of samples kept in lists."""
    windows, slow = Windows(), oracle.Windows(WIDTH_NS)
    rejected: dict[str, int] = {}
    for batch in batches:
        for reason, count in play(windows, batch).items():
            rejected[reason] = rejected.get(reason, 0) + count
        replies, events, after_ms = batch
        for row, value, dt_ms in sorted(replies, key=lambda reply: reply[0]):
            slow.add(row + 100, value, BASE_NS + (after_ms + dt_ms) * MS_NS)
        for row, dt_ms, outcome in events:
            slow.add_event(row + 100, outcome, BASE_NS + (after_ms + dt_ms) * MS_NS)
    assert expected(slow) == summary(windows.open())
    assert dict(slow.rejected) == rejected
    assert len(slow.known()) == len(windows)


@settings(deadline=None)
@given(BATCHES, st.integers(0, 4))
def test_a_restart_changes_no_octet(batches: list[tuple[list, list, int]], when: int) -> None:
    """Dumping and loading between any two batches gives the dump of an uninterrupted run."""
    straight, restarted = Windows(), Windows()
    for place, batch in enumerate(batches):
        if place == when:
            restarted = Windows.load(restarted.dump())
        play(straight, batch)
        play(restarted, batch)
    assert straight.dump() == restarted.dump()
    assert straight.dump() == Windows.load(straight.dump()).dump()


@settings(deadline=None)
@given(BATCHES, BATCHES, st.integers(0, 250))
def test_sealing_loses_nothing(
    before: list[tuple[list, list, int]], after: list[tuple[list, list, int]], age_s: int
) -> None:
    """What was sealed, late rows and what is open add up to what one run would have held."""
    parted, whole = Windows(), Windows()
    for batch in before:
        play(parted, batch)
    sealed = parted.seal(BASE_NS + age_s * S_NS)
    for batch in after:
        play(parted, batch)
    for batch in before + after:
        play(whole, batch)
    joined = quantiles.merge(quantiles.concat([sealed, parted.open()]), WIDTH_NS)
    pairs = zip(summary(whole.open()), summary(joined), strict=True)
    for one, other in pairs:
        assert one[:4] == other[:4]
        assert one[5:] == other[5:]
        np.testing.assert_allclose(one[4], other[4])


def test_a_sample_belongs_to_the_window_of_its_own_time() -> None:
    """A batch that straddles a boundary fills both windows; the boundary opens the later one."""
    windows = Windows()
    dt_ms = [0, 9_999, 10_000, 65_535]
    windows.add([7], [0, 4], [0.01] * 4, dt_ms, BASE_NS)
    assert [(7, 0, 2), (7, 10, 1), (7, 60, 1)] == [
        (row, (start - BASE_NS) // S_NS, received)
        for row, start, (received, *_), *_ in summary(windows.open())
    ]


def test_windows_seal_when_their_grace_has_passed() -> None:
    """One nanosecond before end + grace a window is open, at that time it is returned once."""
    windows = Windows()
    windows.add([1, 2], [0, 1, 2], [0.01, 0.02], [0, 10_000], BASE_NS)
    due_ns = BASE_NS + WIDTH_NS + GRACE_NS
    assert 0 == len(windows.seal(due_ns - 1))
    assert [1] == windows.seal(due_ns).row.tolist()
    assert 0 == len(windows.seal(due_ns))
    assert [2] == windows.open().row.tolist()


def test_late_data_makes_another_row_of_the_same_window() -> None:
    """After sealing, the same (row, start) comes again and the merge holds both."""
    windows = Windows()
    windows.add([1], [0, 1], [0.01], [0], BASE_NS)
    sealed = windows.seal(BASE_NS + 3_600 * S_NS)
    windows.add([1], [0, 1], [0.02], [0], BASE_NS)
    late = windows.seal(BASE_NS + 3_600 * S_NS)
    assert sealed.start_ns.tolist() == late.start_ns.tolist() == [BASE_NS]
    assert [2] == quantiles.merge(quantiles.concat([sealed, late])).received.tolist()


def test_rejections_are_counted_and_open_no_window() -> None:
    """NaN, infinity, negative and absurd times are no values: nothing is open afterwards."""
    values = [float("nan"), float("inf"), float("-inf"), -0.001, 65.0, 1e30, float("nan")]
    windows = Windows()
    rejected = windows.add([1], [0, 7], values, [0] * 7, BASE_NS)
    assert {"nan": 2, "infinite": 2, "negative": 1, "absurd": 2} == rejected
    assert 0 == len(windows)


@pytest.mark.parametrize("base_ns", [-1, -BASE_NS, 1 << 62, (1 << 63) - 1])
def test_a_base_time_that_is_none_rejects_its_batch(base_ns: int) -> None:
    """Samples and events before the epoch or beyond 2116 are counted and open no window."""
    windows = Windows()
    assert {"time": 2} == windows.add([1], [0, 2], [0.01, 0.02], [0, 0], base_ns)
    assert {"time": 1} == windows.add_events([1], [0], [Outcome.LOST], base_ns)
    assert {} == windows.add([], [0], [], [], base_ns)
    assert {} == windows.add_events([], [], [], base_ns)
    assert 0 == len(windows)


def test_events_of_no_known_outcome_are_rejected() -> None:
    """A reply is no event, and a number of a later version is counted apart."""
    windows = Windows()
    assert {"outcome": 2} == windows.add_events([1, 1, 1], [0, 0, 0], [0, 9, 1], BASE_NS)
    assert [[0, 1, 0, 0, 0, 0, 0, 0, 0]] == windows.open().counts.tolist()


def test_columns_of_a_received_batch_need_no_copy_to_be_right() -> None:
    """Memory views of a body, read-only and at any alignment, count like lists."""
    body = b"\0" + np.array([0.25, 0.5], "<f4").tobytes() + np.array([1, 2], "<u2").tobytes()
    rtt_s = np.frombuffer(body, "<f4", 2, 1)
    dt_ms = np.frombuffer(body, "<u2", 2, 9)
    assert not rtt_s.flags.writeable
    assert not rtt_s.flags.aligned
    windows = Windows()
    windows.add(memoryview(np.array([3], "u4")), np.array([0, 2], "u4"), rtt_s, dt_ms, BASE_NS)
    assert [0.75] == windows.open().sum_s.tolist()


@pytest.mark.parametrize(
    ("rows", "offsets", "dt_ms"),
    [([1], [0, 3], [0, 0]), ([1], [0], [0, 0]), ([1, 2], [0, 2], [0, 0]), ([1], [0, 2], [0])],
)
def test_columns_that_do_not_fit_are_a_bug(
    rows: list[int], offsets: list[int], dt_ms: list[int]
) -> None:
    """Offsets beyond the samples never reach a kernel, which would read beyond the end."""
    with pytest.raises(AssertionError, match="add replies"):
        Windows().add(rows, offsets, [0.01, 0.01], dt_ms, BASE_NS)


def test_ten_thousand_series_fit() -> None:
    """10k series with six windows open, each fed twice: all counted, below 400 octets each."""
    windows, random = Windows(), np.random.default_rng(5)
    rows, offsets, dt_ms = np.arange(10_000), np.arange(10_001), np.zeros(10_000)
    for batch in range(12):
        samples = random.lognormal(np.log(0.01), 0.1, 10_000)
        windows.add(rows, offsets, samples, dt_ms, BASE_NS + batch % 6 * WIDTH_NS)
    assert 60_000 == len(windows)
    live = windows._live
    slots, pages = live.state[[SLOTS, PAGES]]
    used = [live.keys[:slots], live.counts[:slots], live.stats_s[:slots], live.heads[:slots]]
    octets = sum(array.nbytes for array in [*used, live.slot_of, live.pages[:pages]])
    assert octets < 60_000 * 400
    assert 120_000 == int(windows.seal(BASE_NS + 3_600 * S_NS).received.sum())
    assert 0 == len(windows)


def test_a_width_of_another_configuration_takes_over_open_windows() -> None:
    """Windows dumped at 10 s and loaded at 20 s are added up into the wider ones."""
    windows = Windows()
    windows.add([1], [0, 2], [0.01, 0.02], [0, 10_000], BASE_NS)
    wider = Windows.load(windows.dump(), width_ns=20 * S_NS)
    assert [(1, BASE_NS, 2)] == [
        (row, start, received) for row, start, (received, *_), *_ in summary(wider.open())
    ]


def test_the_compiler_changes_no_octet() -> None:
    """A child process with the other setting of NUMBA_DISABLE_JIT writes the same dump."""
    program = (
        "import sys, numpy as np; from collector.samples.windows import Windows\n"
        "w = Windows(); r = np.random.default_rng(3)\n"
        "x = np.append(r.lognormal(-4.5, 0.7, 998), [0.0, float('nan')])\n"
        "w.add([5, 6], [0, 400, 1000], x, r.integers(0, 60000, 1000), 1753000000000000000)\n"
        "sys.stdout.buffer.write(w.dump())\n"
    )
    dumps = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "NUMBA_DISABLE_JIT": setting},
            capture_output=True,
            check=True,
        ).stdout
        for setting in ("0", "1")
    ]
    assert dumps[0] == dumps[1]
    assert 999 == int(Windows.load(dumps[0]).open().received.sum())


def test_events_of_many_series_grow_the_arrays() -> None:
    """3,000 series that only lose probes are all counted, once each."""
    windows = Windows()
    outcomes = np.full(3_000, Outcome.LOST)
    assert {} == windows.add_events(np.arange(3_000), np.zeros(3_000), outcomes, BASE_NS)
    assert [1] * 3_000 == windows.open().lost.tolist()
