"""Distributions have every sample once, in the range where it lies."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples.columns import Columns
from collector.samples.sketch import MIDDLES_S
from collector.samples.windows import Windows
from collector.sinks.vmranges import NAMES, PER_DECADE, counters

S_NS = 1_000_000_000
WIDTH_NS = 10 * S_NS
START_NS = 1_795_532_550 * S_NS


def _windows(rtt_s: list[list[float]], starts: int = 1) -> Columns:
    """Return the same samples by row, in one window after the other."""
    windows = Windows(width_ns=WIDTH_NS, grace_ns=0)
    flat = [value for row in rtt_s for value in row]
    offsets = np.cumsum([0, *map(len, rtt_s)]).tolist()
    for start in range(starts):
        begin_ns = START_NS + start * WIDTH_NS
        windows.add(range(len(rtt_s)), offsets, flat, [5] * len(flat), begin_ns)
    return windows.seal(START_NS + (starts + 2) * WIDTH_NS)


def _bounds(name: str) -> tuple[float, float]:
    low, high = map(float, name.split("..."))
    return low, high


def test_the_grid_is_victoriametrics_own() -> None:
    """18 ranges to a decade, each beginning where the one before ends."""
    bounds = [_bounds(name) for name in NAMES[:-1]]
    assert [high for _, high in bounds[:-1]] == [low for low, _ in bounds[1:]]
    assert "1.000e-02...1.136e-02" in NAMES
    assert (1e-7, 100.0) == (bounds[0][0], bounds[-1][1])
    assert 9 * PER_DECADE + 1 == len(NAMES)
    assert 1e-6 > _bounds(NAMES[-1])[1]


def test_each_sample_counts_in_its_range_and_ranges_without_any_are_left_out() -> None:
    """Two rows and two windows: 0 at each begin, the count before each end."""
    found = counters(_windows([[0.0105, 0.0106, 0.5], [1e-7, 1.0005]], starts=2), WIDTH_NS)
    pairs = found.value.ravel().reshape(-1, 2)
    assert [0.0] * 8 == pairs[:, 0].tolist()
    named = [(row, NAMES[place]) for row, place in found.ranges]
    assert [
        *((0, "1.000e-02...1.136e-02"), (0, "4.642e-01...5.275e-01")),
        *((1, "1.000e+00...1.136e+00"), (1, "0...9.537e-07")),
    ] == named
    counted = {
        (named[head], at_ns): count
        for head, at_ns, count in zip(
            found.head[1::2].tolist(), found.at_ns[1::2].tolist(), pairs[:, 1].tolist(), strict=True
        )
    }
    ends_ns = [START_NS + WIDTH_NS - 1_000_000, START_NS + 2 * WIDTH_NS - 1_000_000]
    expected = dict(zip(named, [2, 1, 1, 1], strict=True))
    assert {(key, at): n for key, n in expected.items() for at in ends_ns} == counted
    assert {START_NS, START_NS + WIDTH_NS} == set(found.at_ns[::2].tolist())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.floats(0, 63.0, width=32), max_size=30), min_size=1, max_size=4))
def test_every_sample_is_somewhere_once(rtt_s: list[list[float]]) -> None:
    """By row: as many as there are, and each within half a bucket of its range."""
    found = counters(_windows(rtt_s), WIDTH_NS)
    per_row: Counter[int] = Counter()
    for head, count in zip(found.head[1::2].tolist(), found.value[1::2, 0].tolist(), strict=True):
        row, place = found.ranges[head]
        low, high = _bounds(NAMES[place])
        near = sum(low * 0.99 <= value <= high * 1.011 for value in rtt_s[row])
        assert count <= near
        per_row[row] += int(count)
    assert Counter({row: len(values) for row, values in enumerate(rtt_s) if values}) == per_row


def test_the_middle_of_every_bucket_lies_in_its_range() -> None:
    """All 1,664 of them."""
    found = counters(_windows([MIDDLES_S.tolist()]), WIDTH_NS)
    low, high = np.array([_bounds(name) for name in NAMES[:-1]]).T
    expected = [int(((low < v) & (high >= v)).argmax()) for v in MIDDLES_S.astype(np.float32)]
    total: Counter[int] = Counter(expected)
    counted = {
        found.ranges[head][1]: int(count)
        for head, count in zip(found.head[1::2], found.value[1::2, 0], strict=True)
    }
    assert pytest.approx(dict(total), abs=1) == counted


def test_windows_without_a_reply_have_no_distribution() -> None:
    """Nothing is written for them."""
    empty = counters(_windows([[]]), WIDTH_NS)
    assert (0, []) == (empty.head.size, empty.ranges)
